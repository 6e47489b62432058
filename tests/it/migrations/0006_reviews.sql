-- A review whose work is done and answered, one that was only taken, and a question beside the run of its issue.

insert into worked_review (repository_id, review_id, run_id, pull_number, reviewer_login, threads, answers, answered_at)
values
    (70, 5001, 2, 99, 'octocat',
     '[{"first": 6001, "path": "src/index.js", "thread": {"key": "T1", "place": "src/index.js, line 1", "hunk": "@@ -1 +1 @@",
        "words": [{"source": "octocat", "text": "Why 1?"}]}},
       {"first": null, "path": null, "thread": {"key": "T2", "place": "the review", "hunk": "",
        "words": [{"source": "octocat", "text": "Nearly."}]}}]',
     '[{"thread": "T1", "verdict": "changed", "reply": "It counts from 0 now."},
       {"thread": "T2", "verdict": "answered", "reply": "Thank you."}]', now()),
    (70, 5002, 2, 99, 'octocat', null, null, null);

insert into run (installation_id, repository_id, issue_number, issue_title, trigger_key, verb, instructions, requester_id,
                 requester_login, budget_micro_dollars, state, seq, revision, progress)
values (7, 70, 12, 'It crashes', 'comment:903:0', 'ask', 'Why does it crash?', 41, 'octocat', 500000, 'planning', 1, 1,
        '{"asked_in": {"comment": 903, "thread": null}}');

insert into llm_call (run_id, installation_id, role, step_key, turn, model, state, request_bytes, reserved_micro_dollars)
select id, 7, 'answerer', 'answer-0', 1, 'anthropic/claude', 'open', 9000, 50000 from run where verb = 'ask';
