-- How much a worker can take on, so that a run that waits can be told for how long. None of a worker that did not tell.
alter table worker
    add column slots integer,
    add column priority_up_to smallint,
    add constraint worker_slots_positive check (slots > 0);

-- A tick may also come to nothing because the policy names a model that the server cannot call.
alter table schedule_tick
    drop constraint schedule_tick_outcome,
    add constraint schedule_tick_outcome check (
        outcome in ('started', 'still_open', 'missed', 'faulty', 'paused', 'no_budget', 'unusable_model')
    );
