-- Of which workflow run a try was asked to run again: a commit has several, and each counts its own tries.
alter table ci_attempt
    add column workflow_run_id bigint;
