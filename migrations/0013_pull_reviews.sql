-- Reviews on request: pull requests that wiz reads and changes nothing in.

-- They stand beside the one run that works on an issue or pull request, as questions do.
drop index run_one_open_per_issue;
create unique index run_one_open_per_issue on run (repository_id, issue_number)
    where state not in ('succeeded', 'failed', 'cancelled') and verb not in ('ask', 'review');

-- One review for each commit, whoever asks for it and however often; one that came to nothing may be asked for again.
create unique index run_one_review_of_a_commit on run (repository_id, issue_number, (progress ->> 'reads'))
    where verb = 'review' and state not in ('failed', 'cancelled');
