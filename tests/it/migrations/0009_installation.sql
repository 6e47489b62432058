-- An hour's use of the rate limit, an installation with its grants, a repository that was removed, and heard words.

insert into github_usage (hour, kind, calls, writes, unchanged) values ('2026-01-01 10:00+00', 'report', 12, 4, 3);

update installation set account_login = 'octo', permissions = '{"issues": "write"}', removed_at = null where id = 7;

update repository set archived = true, removed_at = now() where installation_id = 7;

update run_output set comment_begun_at = now(), check_digest = 'e3b0', reread_at = now(), shown_revision = 1, branch_checked_at = now();

insert into heard (place, spoken_id) values ('issue_comment', 99);
