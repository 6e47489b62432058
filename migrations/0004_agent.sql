-- What agents said, did and cost. Rows are written before (a reservation) and after (its settlement) every model call,
-- so the money of a run is never spent twice, whichever process dies.

create table llm_call (
    id bigint generated always as identity primary key,
    run_id bigint not null constraint llm_call_run references run (id) on delete cascade,
    installation_id bigint not null,
    role text not null constraint llm_call_role check (role in ('planner', 'coder', 'reviewer')),
    step_key text not null,
    turn integer not null constraint llm_call_turn check (turn > 0),
    model text not null,
    -- open: reserved, no answer yet. settled: paid as used, or as estimated.
    state text not null default 'open' constraint llm_call_state check (state in ('open', 'settled')),
    request_bytes bigint not null,
    reserved_micro_dollars bigint not null constraint llm_call_reserved check (reserved_micro_dollars >= 0),
    input_tokens bigint not null default 0,
    cached_read_tokens bigint not null default 0,
    cache_write_tokens bigint not null default 0,
    output_tokens bigint not null default 0,
    micro_dollars bigint not null default 0 constraint llm_call_paid check (micro_dollars >= 0),
    -- True when no usage came back and the reservation was charged.
    estimated boolean not null default false,
    duration_ms bigint,
    -- What went wrong, with at most 500 characters of the provider's own message; never a model's text.
    error text,
    created_at timestamptz not null default now()
);

create index llm_call_run_id on llm_call (run_id, step_key);
create index llm_call_created_at on llm_call (created_at);

-- The transcript: one row per entry of a session, only ever added. A second process that writes the same position loses.
create table turn (
    run_id bigint not null constraint turn_run references run (id) on delete cascade,
    step_key text not null,
    position integer not null constraint turn_position check (position >= 0),
    kind text not null constraint turn_kind check (kind in ('opening', 'assistant', 'results')),
    -- JSON as text and not as jsonb: the hash covers these very bytes, and jsonb refuses \u0000, which tools print.
    body text not null,
    -- SHA-256 over prev_hash and this row, in hexadecimal; the opening's prev_hash is all zeros.
    prev_hash text not null,
    hash text not null,
    created_at timestamptz not null default now(),
    constraint turn_key primary key (run_id, step_key, position)
);
