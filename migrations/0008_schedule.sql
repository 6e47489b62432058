-- Work that begins at set times.

-- A schedule of a repository's policy file, as it was read last.
create table schedule (
    repository_id bigint not null,
    name text not null,
    cron text not null,
    timezone text not null,
    -- The next tick; a job waits for it under its key.
    due_at timestamptz not null,
    -- The schedule's tracking issue, once there is one.
    issue_number bigint,
    constraint schedule_pkey primary key (repository_id, name),
    constraint schedule_repository_fkey foreign key (repository_id) references repository (id)
);

-- A tick that was dealt with, once and for all: two processes, or one that is started again, do not tick twice.
create table schedule_tick (
    repository_id bigint not null,
    name text not null,
    due_at timestamptz not null,
    outcome text not null,
    -- The run that was started, or that was still open.
    run_id bigint,
    created_at timestamptz not null default now(),
    constraint schedule_tick_pkey primary key (repository_id, name, due_at),
    constraint schedule_tick_repository_fkey foreign key (repository_id) references repository (id),
    constraint schedule_tick_run_fkey foreign key (run_id) references run (id),
    constraint schedule_tick_outcome check (
        outcome in ('started', 'still_open', 'missed', 'faulty', 'paused', 'no_budget')
    )
);
