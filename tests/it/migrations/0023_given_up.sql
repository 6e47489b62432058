-- Words that could not be followed.

insert into heard (place, spoken_id, given_up) values ('issue_comment', 98, true);
