-- Tenants, repositories and runs.

-- A GitHub App installation. Rows appear with the first delivery of an installation, since its `installation` event may
-- have been missed.
create table installation (
    id bigint not null,
    suspended_at timestamptz,
    created_at timestamptz not null default now(),
    constraint installation_pkey primary key (id)
);

-- A repository as the last delivery described it. Keyed by GitHub's id, which survives renames and transfers.
create table repository (
    id bigint not null,
    installation_id bigint not null,
    name text not null,
    default_branch text not null,
    updated_at timestamptz not null default now(),
    constraint repository_pkey primary key (id),
    constraint repository_installation_fkey foreign key (installation_id) references installation (id)
);

create type run_state as enum (
    'queued', 'planning', 'needs_approval', 'needs_answer', 'working', 'verifying', 'reviewing', 'publishing',
    'watching', 'succeeded', 'failed', 'cancelled'
);

create table run (
    id bigint generated always as identity,
    installation_id bigint not null,
    repository_id bigint not null,
    issue_number bigint not null,
    issue_title text not null,
    -- Names what started the run (a comment's id and the command's place in it), so that a delivery that is worked
    -- twice starts one run.
    trigger_key text not null,
    verb text not null,
    instructions text not null,
    requester_id bigint not null,
    requester_login text not null,
    model text,
    budget_micro_dollars bigint not null,
    state run_state not null,
    -- How many states the run has entered; work for an earlier entry is stale.
    seq integer not null,
    -- How often the run changed; a report for an earlier revision is superseded.
    revision integer not null default 0,
    progress jsonb not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint run_pkey primary key (id),
    constraint run_installation_fkey foreign key (installation_id) references installation (id),
    constraint run_repository_fkey foreign key (repository_id) references repository (id),
    constraint run_trigger_key unique (trigger_key),
    constraint run_budget_positive check (budget_micro_dollars > 0)
);

-- One open run per issue: two would fight over one branch of thought and one person's attention.
create unique index run_one_open_per_issue on run (repository_id, issue_number)
    where state not in ('succeeded', 'failed', 'cancelled');

create index run_by_issue on run (repository_id, issue_number, id desc);

-- Finds the run of a pull request.
create index run_by_pull_request on run (repository_id, ((progress -> 'pull_request' ->> 'number')::bigint));

-- Every signal that changed a run, in order.
create table run_event (
    run_id bigint not null,
    revision integer not null,
    signal jsonb not null,
    from_state run_state not null,
    to_state run_state not null,
    created_at timestamptz not null default now(),
    constraint run_event_pkey primary key (run_id, revision),
    constraint run_event_run_fkey foreign key (run_id) references run (id)
);

-- What people wrote, as the planner read it. Later stages work from the same words, so that an issue which is edited after
-- its plan was approved changes nothing.
create table briefing (
    run_id bigint not null,
    content jsonb not null,
    created_at timestamptz not null default now(),
    constraint briefing_pkey primary key (run_id),
    constraint briefing_run_fkey foreign key (run_id) references run (id)
);

-- What one step of one plan version changed, relative to what it started from.
create table step_patch (
    run_id bigint not null,
    plan_version integer not null,
    step text not null,
    patch jsonb not null,
    summary text not null,
    created_at timestamptz not null default now(),
    constraint step_patch_pkey primary key (run_id, plan_version, step),
    constraint step_patch_run_fkey foreign key (run_id) references run (id)
);

-- wiz's own evidence for a definition of done, per verification.
create table evidence (
    run_id bigint not null,
    seq integer not null,
    results jsonb not null,
    -- SHA-256 of the patch that was judged; publishing refuses any other.
    patch_digest text not null,
    -- Lines added and removed in each file, for people.
    files jsonb not null,
    created_at timestamptz not null default now(),
    constraint evidence_pkey primary key (run_id, seq),
    constraint evidence_run_fkey foreign key (run_id) references run (id)
);

-- The reviewer's verdict, per review.
create table review (
    run_id bigint not null,
    seq integer not null,
    report jsonb not null,
    created_at timestamptz not null default now(),
    constraint review_pkey primary key (run_id, seq),
    constraint review_run_fkey foreign key (run_id) references run (id)
);

-- What a run shows on GitHub, so that it is edited and never made twice.
create table run_output (
    run_id bigint not null,
    status_comment_id bigint,
    -- SHA-256 of the body as wiz last wrote it; a different body was edited by somebody else.
    status_comment_digest text,
    status_comment_edited_at timestamptz,
    -- The plan that body shows for approval; none in every other state.
    shown_plan_hash text,
    check_run_id bigint,
    check_run_head text,
    constraint run_output_pkey primary key (run_id),
    constraint run_output_run_fkey foreign key (run_id) references run (id)
);

-- Names this database among those whose wiz share a container engine, since runs are numbered per database.
create table instance (
    id uuid not null default gen_random_uuid(),
    only_one boolean not null default true,
    constraint instance_pkey primary key (id),
    constraint instance_only_one unique (only_one),
    constraint instance_is_the_one check (only_one)
);
insert into instance default values;

-- People who were told once on an issue that they may not command wiz there.
create table denial (
    repository_id bigint not null,
    issue_number bigint not null,
    user_id bigint not null,
    created_at timestamptz not null default now(),
    constraint denial_pkey primary key (repository_id, issue_number, user_id),
    constraint denial_repository_fkey foreign key (repository_id) references repository (id)
);
