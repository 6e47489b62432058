-- A label that was set by somebody who may not.

insert into ci_label (repository_id, pull_number, counts) values (70, 99, false);
