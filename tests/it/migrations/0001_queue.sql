-- A live job of every state, what they wait for, and finished ones.

insert into worker (id, host) values ('6f1c9b62-0a53-4d0e-9a2f-3f8f6a6c2c11', 'box-1');

insert into job (id, kind, payload, tenant, priority, run_id, state, run_at, attempt, max_attempts, crash_count, run_seq,
                 worker_id, claimed_at, group_key, dedupe_key, deps_left, cancel_requested_at, last_error)
overriding system value
values
    (1, 'work', '{"run": 1, "seq": 3, "step": "fix"}', 7, 3, 1, 'running', now(), 2, 12, 1, 2,
     '6f1c9b62-0a53-4d0e-9a2f-3f8f6a6c2c11', now(), null, 'run:1:work:3:fix', 0, now(), 'the process was lost'),
    (2, 'halt', '{"run": 1, "seq": 4}', 7, 2, 1, 'blocked', now(), 0, 24, 0, 0,
     null, null, null, 'run:1:halt:4', 1, null, null),
    (3, 'report', '{"run": 1, "revision": 5}', 7, 1, 1, 'gated', now(), 0, 24, 0, 0,
     null, null, 'report:1', 'run:1:report:5', 0, null, null),
    (4, 'deadline', '{"run": 1, "seq": 3}', 7, 2, 1, 'scheduled', now() + interval '3 hours', 0, 24, 0, 0,
     null, null, null, 'run:1:deadline:3', 0, null, null),
    (5, 'triage', '{"delivery": "0b41ad38-5a43-4c36-8c19-6a7c6f0a5b55"}', 0, -30, null, 'ready', now(), 0, 24, 0, 0,
     null, null, null, 'delivery:0b41ad38-5a43-4c36-8c19-6a7c6f0a5b55', 0, null, null),
    (6, 'report', '{"run": 1, "revision": 4}', 7, 1, 1, 'ready', now(), 0, 24, 0, 0,
     null, null, 'report:1', 'run:1:report:4', 0, null, null);
alter table job alter column id restart with 100;

insert into job_dep (child_id, parent_id) values (2, 1);
insert into group_slot (group_key, slot_no, job_id) values ('report:1', 1, 6);

insert into job_history (id, kind, payload, tenant, priority, run_id, outcome, error, attempt, max_attempts, crash_count,
                         run_seq, group_key, dedupe_key, created_at)
values
    (50, 'plan', '{"run": 1, "seq": 1}', 7, 3, 1, 'succeeded', null, 1, 12, 0, 1, null, 'run:1:plan:1', now()),
    (51, 'triage', '{"delivery": "1b41ad38-5a43-4c36-8c19-6a7c6f0a5b55"}', 0, -20, null, 'dead', 'never', 24, 24, 2, 24,
     null, 'delivery:1b41ad38-5a43-4c36-8c19-6a7c6f0a5b55', now()),
    (52, 'deadline', '{"run": 1, "seq": 1}', 7, 2, 1, 'cancelled', 'cancelled on request', 0, 24, 0, 0, null,
     'run:1:deadline:1', now());
