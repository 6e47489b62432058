-- Mistakes in policy files that people were told of.
create table policy_fault (
    repository_id bigint not null constraint policy_fault_repository_fkey references repository (id),
    path text not null,
    -- SHA-256 over the mistakes; none once the file has none.
    digest text,
    told_at timestamptz not null default now(),
    constraint policy_fault_pkey primary key (repository_id, path)
);
