-- A run in the middle of its work, one that is watched, and one that failed.

insert into installation (id) values (7);
insert into installation (id, suspended_at) values (8, now());
insert into repository (id, installation_id, name, default_branch) values (70, 7, 'octo-org/parser', 'main');

insert into run (installation_id, repository_id, issue_number, issue_title, trigger_key, verb, instructions, requester_id,
                 requester_login, model, budget_micro_dollars, state, seq, revision, progress)
values
    (7, 70, 12, 'It crashes', 'comment:900:0', 'fix', 'please', 41, 'octocat', null, 3000000, 'working', 3, 4,
     '{"plan": {"version": 1, "approved": true, "base": "0123456789012345678901234567890123456789",
                "plan": {"summary": "An index is off by one.",
                         "steps": [{"id": "fix", "title": "Fix it", "detail": "Count from 0.", "depends_on": []}],
                         "definition_of_done": [{"name": "tests", "command": "make test", "proof": "fails_then_passes"}],
                         "risks": [], "files": ["src/"]}},
       "steps": [{"key": "fix", "depends_on": [], "state": "running", "feedback": null}],
       "question": null, "revisions": ["smaller"], "rework_rounds": 0, "retries": 0, "pull_request": null,
       "failure": null}'),
    (7, 70, 13, 'It is slow', 'comment:901:0', 'plan', '', 42, 'hubot-the-human', 'anthropic/claude', 3000000,
     'watching', 7, 9,
     '{"pull_request": {"number": 99, "branch": "wiz/run-2", "head": "0123456789012345678901234567890123456789",
                        "open": true}}'),
    (7, 70, 14, 'It is ugly', 'comment:902:0', 'fix', '', 42, 'hubot-the-human', null, 1, 'failed', 2, 2,
     '{"failure": {"stage": "planning", "message": "No money."}}');

insert into run_event (run_id, revision, signal, from_state, to_state)
values (1, 1, '{"stage": {"seq": 1, "result": "planning_started"}}', 'queued', 'planning'),
       (1, 3, '{"human": {"by": "octocat", "order": {"approve": {"typed_hash": null, "shown": null,
                "base_now": "0123456789012345678901234567890123456789"}}}}', 'needs_approval', 'working');

insert into briefing (run_id, content)
values (1, '{"title": "It crashes", "words": [{"source": "the issue, by octocat", "text": "It crashes."}]}');

insert into step_patch (run_id, plan_version, step, patch, summary)
values (1, 1, 'fix', '[{"path": "src/index.js", "change": {"put": {"mode": "regular", "content": "MQo="}}},
                       {"path": "src/old.js", "change": "delete"}]', 'Counts from 0.');

insert into evidence (run_id, seq, results, patch_digest, files)
values (1, 2, '[{"criterion": {"name": "tests", "command": "make test", "proof": "fails_then_passes"},
                 "before": {"end": {"exited": 1}, "duration_ms": 12, "output": "red"},
                 "after": {"end": {"exited": 0}, "duration_ms": 10, "output": "green"}}]', 'e3b0c442',
        '[{"path": "src/index.js", "is_new": false, "deleted": false, "added": 1, "removed": 1}]');

insert into review (run_id, seq, report)
values (1, 3, '{"verdict": "request_changes", "summary": "Nearly.",
                "findings": [{"path": "src/index.js", "line": 1, "level": "failure", "title": "No", "detail": "No."}]}');

insert into run_output (run_id, status_comment_id, status_comment_digest, status_comment_edited_at, shown_plan_hash,
                        check_run_id, check_run_head)
values (1, 800, 'e3b0c442', now(), null, 600, '0123456789012345678901234567890123456789'), (2, null, null, null, null, null, null);

insert into denial (repository_id, issue_number, user_id) values (70, 12, 43);
