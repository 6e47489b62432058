-- What the check runs of the single items of a definition of done say, so that they are written once.
alter table run_output
    add column check_items_digest text;
