-- Words whose commands could not be followed after all attempts. Their speaker was told so, and whoever reads the
-- conversation again leaves them alone; but an operator may have their delivery worked once more.
alter table heard add column given_up boolean not null default false;
