-- Reviews that are worked, and questions that are answered.

-- A fourth role. Only the rule widens, so an older wiz goes on beside it.
alter table llm_call drop constraint llm_call_role,
    add constraint llm_call_role check (role in ('planner', 'coder', 'reviewer', 'answerer'));

-- A review that a run works. One row for each review, whatever becomes of it: a review that is edited, or whose delivery
-- comes again, is not worked twice.
create table worked_review (
    repository_id bigint not null,
    review_id bigint not null,
    run_id bigint not null,
    pull_number bigint not null,
    reviewer_login text not null,
    -- The threads as the coder was shown them; none before the work began. Later edits change nothing.
    threads jsonb,
    -- What the coder says to each of them; none before the work is done.
    answers jsonb,
    answered_at timestamptz,
    created_at timestamptz not null default now(),
    constraint worked_review_pkey primary key (repository_id, review_id),
    constraint worked_review_repository_fkey foreign key (repository_id) references repository (id),
    constraint worked_review_run_fkey foreign key (run_id) references run (id),
    constraint worked_review_answered_after_work check (answered_at is null or answers is not null)
);

create index worked_review_by_run on worked_review (run_id);

-- Questions stand beside the one run that works on an issue: whoever asks must not wait for it, nor keep it waiting.
drop index run_one_open_per_issue;
create unique index run_one_open_per_issue on run (repository_id, issue_number)
    where state not in ('succeeded', 'failed', 'cancelled') and verb <> 'ask';
