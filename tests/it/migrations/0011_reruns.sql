-- The flake was seen on the first try.

update ci_attempt set run_attempt = 1 where kind = 'rerun';
