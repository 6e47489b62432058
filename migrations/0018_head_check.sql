-- The check run `wiz` of each commit, which several runs may come to: two pull requests can have one branch.
create table head_check (
    repository_id bigint not null constraint head_check_repository_fkey references repository (id),
    head text not null,
    -- Whose words it shows, or who makes it.
    run_id bigint not null constraint head_check_run_fkey references run (id),
    -- None until GitHub has answered.
    check_run_id bigint,
    constraint head_check_pkey primary key (repository_id, head)
);

insert into head_check (repository_id, head, run_id, check_run_id)
select distinct on (run.repository_id, check_run_head) run.repository_id, check_run_head, run.id, check_run_id
from run_output
join run on run.id = run_output.run_id
where check_run_head is not null and check_run_id is not null
order by run.repository_id, check_run_head, run.id desc;

create index run_by_head on run (repository_id, (progress -> 'pull_request' ->> 'head'));
