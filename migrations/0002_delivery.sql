-- Webhook deliveries as GitHub sent them. The id is GitHub's: a redelivery carries the same one and is refused here.

create type delivery_encoding as enum (
    'json', -- the body is the payload
    'form'  -- the body is a form whose field `payload` is the payload
);

create table delivery (
    id uuid not null,
    event text not null,
    encoding delivery_encoding not null,
    -- The bytes the signature covers.
    body bytea not null,
    hook_id bigint,
    target_type text,
    target_id bigint,
    -- Which of the configured secrets signed it (0 is the newest): when only 0 is seen, the old one can go.
    secret_index smallint not null,
    received_at timestamptz not null default now(),
    constraint delivery_pkey primary key (id),
    constraint delivery_event_named check (event <> ''),
    constraint delivery_secret_index_counts check (secret_index >= 0)
);

create index delivery_received on delivery (received_at);
