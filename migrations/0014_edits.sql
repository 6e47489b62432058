-- What finds the run behind a comment that a person edited.
create index run_output_by_status_comment on run_output (status_comment_id);
