-- A run whose items are shown.

update run_output set check_items_digest = repeat('a', 64);
