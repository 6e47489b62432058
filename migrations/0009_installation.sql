-- What wiz knows of its installations, what it has heard, and what it asks of GitHub.

-- How many requests each kind of work sent to GitHub, so that it can be seen what uses up the rate limit.
create table github_usage (
    hour timestamptz not null,
    -- The kind of job, or `repair`.
    kind text not null,
    calls bigint not null,
    writes bigint not null,
    -- Reads that GitHub answered with "not changed"; they cost nothing of the primary limit.
    unchanged bigint not null,
    constraint github_usage_pkey primary key (hour, kind),
    constraint github_usage_counts check (calls >= 0 and writes >= 0 and unchanged >= 0)
);

-- Something was about to be made that is there once: without the note nobody has tried, so nothing need be looked for.
alter table run_output add column comment_begun_at timestamptz;
-- SHA-256 of the check run as wiz last wrote it.
alter table run_output add column check_digest text;
-- When what people may have done while nothing was delivered was last read again.
alter table run_output add column reread_at timestamptz;
-- The revision that GitHub shows; an older one than the run's is put right by repair.
alter table run_output add column shown_revision integer;
-- When an ended run was last looked at for a branch that leads nowhere.
alter table run_output add column branch_checked_at timestamptz;

alter table installation add column account_login text;
-- What the owner has granted, as the App's permission names and levels.
alter table installation add column permissions jsonb;
-- Uninstalled: GitHub accepts no call any more. It also counts as suspended.
alter table installation add column removed_at timestamptz;

alter table repository add column archived boolean not null default false;
-- Deleted, or taken out of the installation's reach.
alter table repository add column removed_at timestamptz;
create index repository_by_installation on repository (installation_id);

-- Words with a command that were heard, by GitHub's id. A text that is found by reading the conversation again, because
-- its delivery never came, is heard once all the same.
create table heard (
    -- Which of GitHub's texts the id is of, since each kind is numbered for itself.
    place text not null,
    spoken_id bigint not null,
    heard_at timestamptz not null default now(),
    constraint heard_pkey primary key (place, spoken_id)
);
