-- Writes that were answered, one whose answer was lost, one of repair, and a run that is to be taken back.

insert into github_write (installation_id, job_id, run_id, change, done, made, undone_at)
select 7, 1, id, '{"kind": "comment", "issue": 3, "said": "e3b0"}', true, 55, now() from run;
insert into github_write (installation_id, job_id, run_id, change)
select 7, 1, id, '{"kind": "pull_request", "branch": "wiz/run-1"}' from run;
insert into github_write (installation_id, change, done) values (7, '{"kind": "removal"}', false);

update run_output set undo_asked_at = now();
