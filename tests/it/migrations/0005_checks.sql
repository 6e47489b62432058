-- A pull request whose checks are answered, a commit that is watched, and a failure that was a flake once.

update run_output set check_run_key = 'wiz-run-1', check_run_settled = true where run_id = 1;

insert into ci_switch (repository_id, pull_number, answered, by_id, by_login) values (70, 99, true, 42, 'octocat');

insert into ci_head (repository_id, head, settled_at)
values (70, '0123456789012345678901234567890123456789', null), (70, '1123456789012345678901234567890123456789', now());

insert into ci_attempt (repository_id, pull_number, head, check_name, signature, kind, passed)
values (70, 99, '0123456789012345678901234567890123456789', 'test', 'e3b0c442', 'rerun', true),
       (70, null, '1123456789012345678901234567890123456789', 'test', 'e3b0c442', 'repair', null);
