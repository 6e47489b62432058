-- Follow-ups on open pull requests, and the failing checks that cause them.

-- A run shows a check run of its own for each head and follow-up. These say which one it shows now, and whether that one
-- has ended: it must before another takes its place.
alter table run_output
    add column check_run_key text,
    add column check_run_settled boolean not null default false;

-- Whether failing checks of a pull request are answered, where a person said so.
create table ci_switch (
    repository_id bigint not null,
    pull_number bigint not null,
    answered boolean not null,
    by_id bigint not null,
    by_login text not null,
    -- Attempts from before this moment no longer count.
    changed_at timestamptz not null default now(),
    constraint ci_switch_pkey primary key (repository_id, pull_number),
    constraint ci_switch_repository_fkey foreign key (repository_id) references repository (id)
);

-- Commits on which a check has failed that may be wiz's to answer. A row keeps wiz looking until all checks of the commit
-- have ended.
create table ci_head (
    repository_id bigint not null,
    head text not null,
    failed_at timestamptz not null default now(),
    settled_at timestamptz,
    constraint ci_head_pkey primary key (repository_id, head),
    constraint ci_head_repository_fkey foreign key (repository_id) references repository (id)
);

-- What was done about a failure: on one commit each kind of thing once.
create table ci_attempt (
    id bigint generated always as identity,
    repository_id bigint not null,
    -- None on the default branch.
    pull_number bigint,
    head text not null,
    check_name text not null,
    -- Hash of the failure's text without what differs from run to run.
    signature text not null,
    kind text not null,
    -- Whether the check ended well afterwards on the same commit; none before that is known.
    passed boolean,
    created_at timestamptz not null default now(),
    constraint ci_attempt_pkey primary key (id),
    constraint ci_attempt_repository_fkey foreign key (repository_id) references repository (id),
    constraint ci_attempt_kind check (kind in ('rerun', 'repair', 'stop')),
    constraint ci_attempt_once unique (repository_id, head, signature, kind)
);

create index ci_attempt_by_pull_request on ci_attempt (repository_id, pull_number, id);

-- Failures of which the repository has seen that they pass by themselves.
create index ci_attempt_flaky on ci_attempt (repository_id, signature) where kind = 'rerun' and passed;
