-- A review of a pull request that was given, and one of the same commit that failed before.

insert into run (installation_id, repository_id, issue_number, issue_title, trigger_key, verb, instructions, requester_id,
                 requester_login, budget_micro_dollars, state, seq, revision, progress)
values (7, 70, 13, 'Count from 0', 'comment:911:0', 'review', '', 41, 'octocat', 1000000, 'failed', 2, 2,
        '{"asked_in": {"comment": 911, "thread": null, "pull_request": true},
          "reads": "0123456789012345678901234567890123456789",
          "failure": {"stage": "planning", "message": "The model refused."}}'),
       (7, 70, 13, 'Count from 0', 'comment:912:0', 'review', 'the loop', 41, 'octocat', 1000000, 'succeeded', 2, 2,
        '{"asked_in": {"comment": 912, "thread": null, "pull_request": true},
          "reads": "0123456789012345678901234567890123456789"}');
