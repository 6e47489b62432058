-- Which try of a workflow run was asked to run again. What is told late about that try says nothing about the next one.
alter table ci_attempt
    add column run_attempt integer,
    add constraint ci_attempt_run_attempt check (run_attempt > 0);
