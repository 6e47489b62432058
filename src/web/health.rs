//! `/healthz` and `/readyz`: is the process alive, and can it do its work.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use axum::{Json, Router, extract::State, response::IntoResponse, routing::get};
use futures::future::{BoxFuture, join_all};
use http::StatusCode;
use serde_json::{Map, Value, json};
use sqlx::PgPool;
use tokio::time::{self, Instant};

use crate::database;

/// Asks one thing that wiz needs how it is; answers with a short description.
type Probe = Arc<dyn Fn() -> BoxFuture<'static, Result<String>> + Send + Sync>;

/// One thing wiz needs, by name, and how long it may take to answer.
#[derive(Clone)]
pub struct ReadyCheck {
    name: &'static str,
    deadline: Duration,
    probe: Probe,
}

impl ReadyCheck {
    /// A check called `name` that fails if `probe` does, or takes longer than `deadline`.
    pub fn new<F>(name: &'static str, deadline: Duration, probe: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<String>> + Send + 'static,
    {
        Self { name, deadline, probe: Arc::new(move || Box::pin(probe())) }
    }

    /// The check's entry in the answer, and whether it passed.
    async fn run(&self) -> (bool, Value) {
        let begun = Instant::now();
        let outcome = time::timeout(self.deadline, (self.probe)()).await;
        let elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (ok, detail) = match outcome {
            Ok(Ok(detail)) => (true, detail),
            Ok(Err(error)) => {
                tracing::warn!(check = self.name, "not ready: {error:#}");
                // The outermost context only: what is beneath may quote addresses.
                (false, error.to_string())
            }
            Err(_elapsed) => (false, format!("no answer within {:?}", self.deadline)),
        };
        (ok, json!({ "ok": ok, "detail": detail, "elapsed_ms": elapsed_ms }))
    }
}

/// Whether the database answers, with its version.
pub fn database_check(pool: PgPool) -> ReadyCheck {
    ReadyCheck::new("database", Duration::from_secs(3), move || {
        let pool = pool.clone();
        async move { Ok(format!("Postgres {}", database::version(&pool).await?)) }
    })
}

pub(super) fn router(checks: Vec<ReadyCheck>) -> Router {
    Router::new()
        .route("/healthz", get(async || Json(json!({ "alive": true }))))
        .route("/readyz", get(ready))
        .with_state(Arc::<[ReadyCheck]>::from(checks))
}

/// 200 if every check passes, else 503; each check's entry either way.
async fn ready(State(checks): State<Arc<[ReadyCheck]>>) -> impl IntoResponse {
    let results = join_all(checks.iter().map(ReadyCheck::run)).await;
    let ready = results.iter().all(|(ok, _)| *ok);
    let entries: Map<String, Value> =
        checks.iter().zip(results).map(|(check, (_, entry))| (check.name.to_owned(), entry)).collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "checks": entries })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_check_that_fails_or_hangs_is_told_and_the_others_still_answer() {
        let deadline = Duration::from_millis(20);
        let good = ReadyCheck::new("good", deadline, async || Ok("fine".into()));
        let bad = ReadyCheck::new("bad", deadline, async || {
            Err(anyhow::anyhow!("dial 10.0.0.1 with password x").context("it does not answer"))
        });
        let hung = ReadyCheck::new("hung", deadline, std::future::pending);
        let answer = ready(State(Arc::from(vec![good, bad, hung]))).await.into_response();
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
        let body = axum::body::to_bytes(answer.into_body(), 10_000).await.unwrap();
        let mut body: Value = serde_json::from_slice(&body).unwrap();
        for check in body["checks"].as_object_mut().unwrap().values_mut() {
            assert!(check.as_object_mut().unwrap().remove("elapsed_ms").unwrap().is_u64());
        }
        insta::assert_snapshot!(
            body,
            @r#"{"checks":{"bad":{"detail":"it does not answer","ok":false},"good":{"detail":"fine","ok":true},"hung":{"detail":"no answer within 20ms","ok":false}},"ready":false}"#
        );
    }
}
