-- Mistakes that people were told of, and a file that has none any more.

insert into policy_fault (repository_id, path, digest)
values (70, '.github/wiz.yml', repeat('a', 64)), (70, 'wiz.yml', null);
