//! What wiz's work asks of GitHub, added up by the hour.

use sqlx::PgPool;

use crate::github::Calls;

/// Adds the requests of one piece of work. That the sum is kept matters less than the work, so a failure is only logged.
pub async fn record(pool: &PgPool, kind: &str, calls: Calls) {
    if calls == Calls::default() {
        return;
    }
    let added = sqlx::query!(
        "insert into github_usage as usage (hour, kind, calls, writes, unchanged)
         values (date_trunc('hour', now()), $1, $2, $3, $4)
         on conflict (hour, kind) do update
         set calls = usage.calls + excluded.calls, writes = usage.writes + excluded.writes,
             unchanged = usage.unchanged + excluded.unchanged",
        kind,
        i64::from(calls.all),
        i64::from(calls.writes),
        i64::from(calls.unchanged),
    );
    if let Err(error) = added.execute(pool).await {
        tracing::warn!(%error, "cannot add up what was asked of GitHub");
    }
}
