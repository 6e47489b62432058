//! What a stage reads in wiz's database, where GitHub does not show it, and the time that it lets pass there.

use wiz::ids::JobId;
use wiz_demo::until;

use super::stage::{PATIENCE, Stage};

impl Stage {
    /// How many runs there are.
    pub async fn runs(&self) -> i64 {
        sqlx::query_scalar("select count(*) from run").fetch_one(self.store.pool()).await.unwrap()
    }

    /// How many installations wiz takes for present and not suspended.
    pub async fn installations(&self) -> i64 {
        let count = sqlx::query_scalar("select count(*) from installation where suspended_at is null");
        count.fetch_one(self.store.pool()).await.unwrap()
    }

    /// What the owner of an installation has granted as far as wiz knows.
    pub async fn granted(&self, installation: u64) -> Vec<String> {
        let granted = sqlx::query_scalar(
            "select key || ': ' || value from installation, jsonb_each_text(permissions) where id = $1 order by key",
        );
        let granted = granted.bind(i64::try_from(installation).unwrap());
        granted.fetch_all(self.store.pool()).await.unwrap()
    }

    /// Waits until every delivery was worked, also those that wait for what GitHub shows.
    pub async fn until_told_apart(&self) {
        self.quiet().await;
        let worked = async || {
            let waiting = sqlx::query_scalar("select count(*) from job where kind = 'triage'");
            let waiting: i64 = waiting.fetch_one(self.store.pool()).await?;
            Ok((waiting == 0).then_some(()))
        };
        until("every delivery is worked", PATIENCE, worked).await.unwrap();
        self.quiet().await;
    }

    /// How many writes the journal knows, and what it has no name for.
    pub async fn journal(&self) -> (usize, Vec<String>) {
        let changes = sqlx::query_scalar("select change::text from github_write order by id");
        let changes: Vec<String> = changes.fetch_all(self.store.pool()).await.unwrap();
        let count = changes.len();
        (count, changes.into_iter().filter(|change| change.contains(r#""kind": "other""#)).collect())
    }

    /// The repositories that wiz may write to as far as it knows, with their default branches.
    pub async fn repositories(&self) -> Vec<String> {
        let rows = "select name || ' ' || default_branch from repository where removed_at is null and not archived";
        sqlx::query_scalar(rows).fetch_all(self.store.pool()).await.unwrap()
    }

    /// Waits until the newest run of an issue is in this state. GitHub need not show it.
    pub async fn until_state(&self, issue: u64, wanted: &str) {
        let (issue, what) = (i64::try_from(issue).unwrap(), format!("the run of issue {issue} is {wanted}"));
        let reached = async || {
            let state: Option<String> =
                sqlx::query_scalar("select state::text from run where issue_number = $1 order by id desc limit 1")
                    .bind(issue)
                    .fetch_optional(self.store.pool())
                    .await?;
            Ok((state.as_deref() == Some(wanted)).then_some(()))
        };
        until(&what, PATIENCE, reached).await.unwrap();
    }

    /// Waits until so many looks at failing checks of the default branch wait for their turn, or have it.
    pub async fn until_looks(&self, wanted: i64) {
        let waiting = async || {
            let heads = sqlx::query_scalar(
                "select count(distinct payload ->> 'head') from job where kind in ('checks', 'branch_checks')",
            );
            let heads: i64 = heads.fetch_one(self.store.pool()).await?;
            Ok((heads == wanted).then_some(()))
        };
        until("failing heads wait for a look", PATIENCE, waiting).await.unwrap();
    }

    /// The schedules that wiz knows.
    pub async fn schedules(&self) -> Vec<String> {
        let names = sqlx::query_scalar("select name from schedule order by name");
        names.fetch_all(self.store.pool()).await.unwrap()
    }

    /// Waits until wiz knows these schedules and waits for a tick of each.
    pub async fn until_scheduled(&self, wanted: &[&str]) {
        let known = async || {
            let names = sqlx::query_scalar(
                "select name from schedule
                 where exists (select from job where kind = 'tick' and payload -> 'schedule' ->> 'name' = schedule.name)
                 order by name",
            );
            let waiting: Vec<String> = names.fetch_all(self.store.pool()).await?;
            Ok((waiting == wanted && self.schedules().await == wanted).then_some(()))
        };
        until(&format!("the schedules are {wanted:?}"), PATIENCE, known).await.unwrap();
    }

    /// Waits until a tick that was due is over.
    pub async fn until_ticked(&self, name: &str) {
        let over = async || {
            let next = sqlx::query_scalar("select due_at > now() from schedule where name = $1").bind(name);
            let next: Option<bool> = next.fetch_optional(self.store.pool()).await?;
            Ok((next != Some(false)).then_some(()))
        };
        until("the tick is over", PATIENCE, over).await.unwrap();
    }

    /// How many ticks had this outcome.
    pub async fn ticks(&self, outcome: &str) -> i64 {
        let count = sqlx::query_scalar("select count(*) from schedule_tick where outcome = $1").bind(outcome);
        count.fetch_one(self.store.pool()).await.unwrap()
    }

    /// Lets the next tick of a schedule have been due so long ago, as if wiz had been down since.
    pub async fn tick_was_due(&self, name: &str, ago: &str) {
        let moved = async || {
            let mut transaction = self.store.pool().begin().await?;
            let waiting = "update job set payload = jsonb_set(payload, '{due}',
                               to_jsonb(to_char((date_trunc('second', now()) - $2::interval) at time zone 'utc',
                                                'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))),
                               run_at = now()
                           where kind = 'tick' and payload -> 'schedule' ->> 'name' = $1 and state = 'scheduled'";
            let jobs = sqlx::query(waiting).bind(name).bind(ago).execute(&mut *transaction).await?.rows_affected();
            if jobs == 0 {
                return Ok(None);
            }
            let due = "update schedule set due_at = date_trunc('second', now()) - $2::interval where name = $1";
            sqlx::query(due).bind(name).bind(ago).execute(&mut *transaction).await?;
            transaction.commit().await?;
            // Another one is left where wiz was installed anew; the first that is worked leaves nothing to the other.
            Ok(Some(()))
        };
        until("a tick waits for its time", PATIENCE, moved).await.unwrap();
    }

    /// Lets the time of the state in which an issue's newest run stands be over.
    pub async fn deadline_passes(&self, issue: u64) {
        let issue = i64::try_from(issue).unwrap();
        let moved = async || {
            let due = "update job set run_at = now() where kind = 'deadline' and state = 'scheduled' and run_id =
                           (select max(id) from run where issue_number = $1)";
            let jobs = sqlx::query(due).bind(issue).execute(self.store.pool()).await?.rows_affected();
            Ok((jobs > 0).then_some(()))
        };
        until("a state has its deadline", PATIENCE, moved).await.unwrap();
    }

    /// Waits until a deadline that had come was put off.
    pub async fn until_deadline_waits(&self) {
        let put_off = async || {
            let waiting = "select count(*) from job
                           where kind = 'deadline' and state = 'scheduled' and run_at > now() and last_error is not null";
            let jobs: i64 = sqlx::query_scalar(waiting).fetch_one(self.store.pool()).await?;
            Ok((jobs > 0).then_some(()))
        };
        until("a deadline is put off", PATIENCE, put_off).await.unwrap();
    }

    /// Lets workers have had all jobs of this kind for so long.
    pub async fn held_for(&self, kind: &str, long: &str) {
        let held = "update job set claimed_at = now() - $2::interval where kind = $1 and state = 'running'";
        let jobs = sqlx::query(held).bind(kind).bind(long).execute(self.store.pool()).await.unwrap().rows_affected();
        assert!(jobs > 0, "no worker has one");
    }

    /// What one of a run's columns says, the newest run's first.
    pub async fn budgets(&self) -> Vec<i64> {
        let budgets = sqlx::query_scalar("select budget_micro_dollars from run order by id desc");
        budgets.fetch_all(self.store.pool()).await.unwrap()
    }

    /// Lets an issue's newest run have so much of its money left.
    pub async fn has_left(&self, issue: u64, micro_dollars: i64) {
        let spent = "update run set budget_micro_dollars = $2
                         + (select coalesce(sum(micro_dollars), 0) from llm_call where run_id = run.id)::bigint
                     where id = (select max(id) from run where issue_number = $1)";
        let issue = i64::try_from(issue).unwrap();
        sqlx::query(spent).bind(issue).bind(micro_dollars).execute(self.store.pool()).await.unwrap();
    }

    /// Lets an issue's newest run have begun with this model, which the server may not offer any more.
    pub async fn begun_with(&self, issue: u64, model: &str) {
        let begun = "update run set model = $2 where id = (select max(id) from run where issue_number = $1)";
        let issue = i64::try_from(issue).unwrap();
        sqlx::query(begun).bind(issue).bind(model).execute(self.store.pool()).await.unwrap();
    }

    /// Waits until the newest run has failed once more, after so many retries.
    pub async fn until_failed_again(&self, retries: i32) {
        let failed = async || {
            let count = sqlx::query_scalar(
                "select count(*) from run where state = 'failed' and (progress ->> 'retries')::int = $1",
            );
            let count: i64 = count.bind(retries).fetch_one(self.store.pool()).await?;
            Ok((count == 1).then_some(()))
        };
        until("the run has failed again", PATIENCE, failed).await.unwrap();
    }

    /// Waits until the run of an issue watches its pull request, with so many follow-ups behind it.
    pub async fn until_followed_up(&self, issue: u64, follow_ups: i32) {
        let watching = async || {
            let count = sqlx::query_scalar(
                "select count(*) from run where issue_number = $1 and state = 'watching'
                   and (progress ->> 'follow_ups')::int = $2",
            );
            let count: i64 = count.bind(i64::try_from(issue)?).bind(follow_ups).fetch_one(self.store.pool()).await?;
            Ok((count == 1).then_some(()))
        };
        until("the run watches again", PATIENCE, watching).await.unwrap();
    }

    /// Waits until a job of this kind has died, for which nobody waits through all of its attempts.
    pub async fn until_dead(&self, kind: &str) -> JobId {
        let died = async || {
            sqlx::query(
                "update job set run_at = now(), attempt = max_attempts - 1 where kind = $1 and state = 'scheduled'",
            )
            .bind(kind)
            .execute(self.store.pool())
            .await?;
            let dead = sqlx::query_scalar("select id from job_history where kind = $1 and outcome = 'dead'");
            let dead: Option<i64> = dead.bind(kind).fetch_optional(self.store.pool()).await?;
            Ok(dead.map(JobId))
        };
        until(&format!("a {kind} job has died"), PATIENCE, died).await.unwrap()
    }

    /// Waits until the planner has the issue as it was when its work began.
    pub async fn until_briefed(&self, issue: u64) {
        let briefed = async || {
            let count = sqlx::query_scalar(
                "select count(*) from briefing join run on run.id = briefing.run_id where issue_number = $1",
            );
            let count: i64 = count.bind(i64::try_from(issue)?).fetch_one(self.store.pool()).await?;
            Ok((count > 0).then_some(()))
        };
        until("the issue was read", PATIENCE, briefed).await.unwrap();
    }

    /// Waits until a plan waits for approval, which GitHub does not always show.
    pub async fn until_waits(&self) {
        let waiting = async || {
            let count = sqlx::query_scalar("select count(*) from run where state = 'needs_approval'");
            let count: i64 = count.fetch_one(self.store.pool()).await?;
            Ok((count > 0).then_some(()))
        };
        until("a plan waits", PATIENCE, waiting).await.unwrap();
    }

    /// Lets so much time pass for every run, as far as wiz's database tells.
    pub async fn pass_time(&self, interval: &str) {
        for statement in [
            "update run set created_at = created_at - $1::interval",
            "update run_output set reread_at = reread_at - $1::interval",
        ] {
            sqlx::query(statement).bind(interval).execute(self.store.pool()).await.unwrap();
        }
    }

    /// Waits until repair has read every open run again.
    pub async fn until_reread(&self) {
        let reread = async || {
            let left: i64 = sqlx::query_scalar(
                "select count(*) from run join run_output on run_output.run_id = run.id
                 where state not in ('succeeded', 'failed', 'cancelled')
                   and (reread_at is null or reread_at < now() - interval '1 hour')",
            )
            .fetch_one(self.store.pool())
            .await?;
            Ok((left == 0).then_some(()))
        };
        until("every open run was read again", PATIENCE, reread).await.unwrap();
    }

    /// Waits until repair has looked for branches of so many ended runs.
    pub async fn until_branches_were_looked_at(&self, wanted: i64) {
        let looked = async || {
            let looked = sqlx::query_scalar("select count(branch_checked_at) from run_output");
            let looked: i64 = looked.fetch_one(self.store.pool()).await?;
            Ok((looked == wanted).then_some(()))
        };
        until("ended runs were looked at", PATIENCE, looked).await.unwrap();
    }

    /// Lets an issue's newest run have ended so long ago.
    pub async fn ended_ago(&self, issue: u64, interval: &str) {
        let moved = "update run set updated_at = now() - $2::interval
                     where id = (select max(id) from run where issue_number = $1)";
        let issue = i64::try_from(issue).unwrap();
        sqlx::query(moved).bind(issue).bind(interval).execute(self.store.pool()).await.unwrap();
    }

    /// Waits until the newest run of an issue was cancelled, and gives the reason. GitHub need not show it.
    pub async fn until_ended(&self, issue: u64) -> String {
        let ended = async || {
            let reason: Option<String> = sqlx::query_scalar(
                "select progress -> 'failure' ->> 'message' from run
                 where issue_number = $1 and state = 'cancelled' order by id desc limit 1",
            )
            .bind(i64::try_from(issue)?)
            .fetch_optional(self.store.pool())
            .await?;
            Ok(reason)
        };
        until("the run has ended", PATIENCE, ended).await.unwrap()
    }
}
