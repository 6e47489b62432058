-- A check run that is being made.

insert into head_check (repository_id, head, run_id) values (70, repeat('b', 40), 2);
