-- Whether the label that has failing checks answered counts on a pull request: whoever set it last may say so, or may not.
create table ci_label (
    repository_id bigint not null constraint ci_label_repository_fkey references repository (id),
    pull_number bigint not null,
    counts boolean not null,
    judged_at timestamptz not null default now(),
    constraint ci_label_pkey primary key (repository_id, pull_number)
);
