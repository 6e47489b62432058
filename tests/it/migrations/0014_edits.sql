-- A comment that somebody may edit.

update run_output set status_comment_id = 9001 where status_comment_id is null;
