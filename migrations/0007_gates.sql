-- What people may set for one run, runs that rest, and what a repository's runs are to remember.

-- Waits for a person to allow files beyond the approved ones.
alter type run_state add value 'needs_scope';
-- Rests: no worker, no box. Goes on from the stored conversations.
alter type run_state add value 'paused';

-- The flags of the command that started the run.
alter table run add column options jsonb not null default '{}';

-- What people told all later runs of a repository.
create table memory (
    id bigint generated always as identity,
    repository_id bigint not null,
    words text not null,
    told_by text not null,
    created_at timestamptz not null default now(),
    constraint memory_pkey primary key (id),
    constraint memory_repository_fkey foreign key (repository_id) references repository (id),
    constraint memory_words_once unique (repository_id, words)
);
