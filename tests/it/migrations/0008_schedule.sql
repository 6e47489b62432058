-- A schedule that has ticked, and one that never did.

insert into schedule (repository_id, name, cron, timezone, due_at, issue_number)
values (70, 'nightly', '0 4 * * *', 'Europe/Berlin', now() + interval '1 hour', 55),
       (70, 'weekly', '0 4 * * MON', 'UTC', now() + interval '3 days', null);

insert into schedule_tick (repository_id, name, due_at, outcome, run_id)
values (70, 'nightly', now() - interval '23 hours', 'started', 2),
       (70, 'nightly', now() - interval '47 hours', 'missed', null);
