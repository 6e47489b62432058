-- A worker that told how much it takes on, and a tick that named a model in vain.

insert into worker (id, host, slots, priority_up_to) values ('0d9ff01c-8ac5-4d83-9c8d-3a0a4d4a2a11', 'elsewhere', 4, 32767);
insert into schedule_tick (repository_id, name, due_at, outcome)
values (70, 'nightly', '2026-03-04 03:00:00+00', 'unusable_model');
