-- The flake was a job of this run.

update ci_attempt set workflow_run_id = 9001 where kind = 'rerun';
