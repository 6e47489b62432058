//! What GitHub tried to deliver, and trying again: GitHub itself never does.
//! <https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries>

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{GitHub, error::GitHubError};
use crate::ids::DeliveryId;

/// One attempt to deliver a webhook; a redelivery is another attempt with the same [`DeliveryId`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Attempt {
    /// Names the attempt; what [`GitHub::redeliver`] takes.
    pub id: i64,
    #[serde(rename = "guid")]
    pub delivery: DeliveryId,
    pub delivered_at: DateTime<Utc>,
    /// What our server answered; 0 when it did not.
    pub status_code: u16,
    pub event: String,
    /// Whether it repeats an earlier attempt.
    pub redelivery: bool,
}

impl Attempt {
    /// Whether our server took it.
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.status_code)
    }
}

/// Attempts, newest first, and where the list goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempts {
    pub attempts: Vec<Attempt>,
    /// For the next call; `None` at the end of what GitHub keeps (three days).
    pub next: Option<Cursor>,
}

/// A place in the list of attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(String);

impl GitHub {
    /// Up to 100 attempts from `cursor`, or the newest.
    /// <https://docs.github.com/en/rest/apps/webhooks#list-deliveries-for-an-app-webhook>
    pub async fn delivery_attempts(&self, cursor: Option<Cursor>) -> Result<Attempts, GitHubError> {
        let path = cursor.map_or_else(|| "/app/hook/deliveries?per_page=100".to_owned(), |cursor| cursor.0);
        let (attempts, next) = self.app.get(path, &self.meter).await?;
        Ok(Attempts { attempts, next: next.map(Cursor) })
    }

    /// Asks GitHub to deliver once more. Repeating it is harmless: intake knows deliveries by their id.
    /// <https://docs.github.com/en/rest/apps/webhooks#redeliver-a-delivery-for-an-app-webhook>
    pub async fn redeliver(&self, attempt: i64) -> Result<(), GitHubError> {
        let asked = self.app.post(format!("/app/hook/deliveries/{attempt}/attempts"), &self.meter).await;
        asked.map_err(GitHubError::repeatable)
    }
}
