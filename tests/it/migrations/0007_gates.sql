-- A run on another branch that rests, one that waits for a wider scope, and something to remember.

insert into run (installation_id, repository_id, issue_number, issue_title, trigger_key, verb, instructions, requester_id,
                 requester_login, model, budget_micro_dollars, state, seq, revision, progress, options)
values
    (7, 70, 21, 'It rests', 'comment:921:0', 'feature', '', 41, 'octocat', null, 3000000, 'paused', 3, 4,
     '{"pause": {"stage": "working", "cause": "asked"}}', '{"base": "next", "draft": true, "approval": "ask"}'),
    (7, 70, 22, 'It wants more', 'comment:922:0', 'docs', '', 41, 'octocat', null, 3000000, 'needs_scope', 3, 4,
     '{"scope": ["src/other.js"]}', '{}');

insert into memory (repository_id, words, told_by) values (70, 'Tests run with make check.', 'octocat');
