//! The client of one installation: reads that may be tried again, writes that are sent once and one after the other.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Method;
use rand::Rng as _;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    app::{App, Identity},
    calls::Meter,
    download::Part,
    error::GitHubError,
    journal::Journal,
    known::Known,
    pace::Pace,
    token::{Purpose, Tokens},
    transport::{Answer, Call, Credential},
};
use crate::{
    ids::{InstallationId, RepositoryName},
    limits,
};

/// Most attempts at one read, the first included.
const READ_ATTEMPTS: u32 = 3;

/// Everything wiz does on GitHub on behalf of one installation. Get it from [`super::GitHub::installation`]; the
/// behaviours are in this room's other files, one each.
#[derive(Debug)]
pub struct Installation {
    pub(super) id: InstallationId,
    pub(super) app: Arc<App>,
    pub(super) shared: Arc<Shared>,
    pub(super) meter: Arc<Meter>,
    pub(super) journal: Option<Journal>,
}

/// What all callers share of one installation: its tokens, its pace, and what is known of it.
#[derive(Debug, Default)]
pub(super) struct Shared {
    tokens: Tokens,
    pace: Pace,
    pub known: Known,
}

impl Installation {
    /// Which installation this is.
    pub fn id(&self) -> InstallationId {
        self.id
    }

    /// Who wiz is on this GitHub: the App's id, slug and bot login.
    pub async fn identity(&self) -> Result<&Identity, GitHubError> {
        self.app.identity(&self.meter).await
    }

    /// A token for `purpose`, good for at least five minutes. Only the mirror takes tokens out of this room's requests.
    pub async fn token(&self, purpose: Purpose) -> Result<SecretString, GitHubError> {
        self.shared.tokens.get((&self.app.transport, &self.meter), self.id, purpose).await
    }

    /// When the hour's calls are filled up again, if less than a tenth of them is left. Until then only what people wait
    /// for should be asked and said.
    pub fn low_on_calls_until(&self) -> Option<DateTime<Utc>> {
        self.shared.pace.low_until()
    }

    /// Reads a file that GitHub keeps elsewhere, such as a log.
    pub(super) async fn download(&self, path: String, part: Part) -> Result<Bytes, GitHubError> {
        self.shared.pace.pass().await?;
        let token = self.token(Purpose::Converse).await?;
        self.app.transport.download((&Call::get(path), part), &token, &self.meter).await
    }

    /// Reads one object; tries again at once, up to three times in all, when no harm can come of it.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: String) -> Result<T, GitHubError> {
        let call = Call::get(path);
        parse(&call, &self.read(&call).await?)
    }

    /// Reads one object for which the usual token is not enough.
    pub(super) async fn get_for<T: DeserializeOwned>(&self, purpose: Purpose, path: String) -> Result<T, GitHubError> {
        let call = Call::get(path);
        parse(&call, &self.send(&call, purpose).await?)
    }

    /// Reads a list of pages of 100 until `enough` says so or the list ends; fails when it is longer than wiz reads.
    pub(super) async fn get_pages<T: DeserializeOwned>(
        &self,
        first_page: String,
        enough: &(dyn Fn(&[T]) -> bool + Sync),
    ) -> Result<Vec<T>, GitHubError> {
        let mut call = Call::get(first_page);
        let mut items = Vec::new();
        for _ in 0..limits::GITHUB_PAGES {
            let answer = self.read(&call).await?;
            items.append(&mut parse::<Vec<T>>(&call, &answer)?);
            match self.app.transport.next_page(&answer) {
                Some(next) if !enough(&items) => call = Call::get(next),
                _ => return Ok(items),
            }
        }
        Err(GitHubError::conflict(format!("{}: the list is longer than {} pages", call.name(), limits::GITHUB_PAGES)))
    }

    /// Sends a write once, after the writes before it. An unclear answer is [`GitHubError::Ambiguous`].
    pub(super) async fn write<T: DeserializeOwned>(
        &self,
        purpose: Purpose,
        method: Method,
        path: String,
        body: Value,
    ) -> Result<T, GitHubError> {
        self.write_call(&Call::new(method, path, body), purpose).await
    }

    pub(super) async fn write_call<T: DeserializeOwned>(
        &self,
        call: &Call,
        purpose: Purpose,
    ) -> Result<T, GitHubError> {
        let answer = self.send_write(call, purpose).await?;
        parse(call, &answer)
    }

    pub(super) async fn send_write(&self, call: &Call, purpose: Purpose) -> Result<Answer, GitHubError> {
        let _turn = self.shared.pace.turn_to_write().await;
        let Some(journal) = &self.journal else { return self.send(call, purpose).await };
        let noted = journal.begin(self.id, call).await?;
        let outcome = self.send(call, purpose).await;
        journal.end(noted, call, &outcome).await;
        outcome
    }

    /// Reads what GitHub has, or what is known here if GitHub says that it has not changed.
    pub(super) async fn read(&self, call: &Call) -> Result<Answer, GitHubError> {
        if call.method != Method::GET {
            return self.read_persistently(call).await;
        }
        let asked = self.shared.known.ask(call);
        let answer = self.read_persistently(&asked).await?;
        match self.shared.known.hear(&asked, answer) {
            Some(answer) => Ok(answer),
            // Pushed off the shelf by other answers while this one was under way.
            None => self.read_persistently(call).await,
        }
    }

    async fn read_persistently(&self, call: &Call) -> Result<Answer, GitHubError> {
        let mut attempt = 1;
        loop {
            match self.send(call, Purpose::Converse).await {
                Err(GitHubError::Transient(detail)) if attempt < READ_ATTEMPTS => {
                    let wait = Duration::from_millis(rand::rng().random_range(50..250) * u64::from(attempt));
                    tracing::debug!(%detail, attempt, "reading again");
                    tokio::time::sleep(wait).await;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    /// Sends a call unless a rate limit holds, and remembers the limit it runs into.
    async fn send(&self, call: &Call, purpose: Purpose) -> Result<Answer, GitHubError> {
        self.shared.pace.pass().await?;
        match self.send_with_token(call, purpose).await {
            Ok(answer) => {
                self.shared.pace.succeeded(&answer.headers);
                Ok(answer)
            }
            Err(limit @ GitHubError::RateLimited { .. }) => {
                let limit = self.shared.pace.limited(limit);
                tracing::warn!(installation = %self.id, error = %limit, "pausing this installation");
                Err(limit)
            }
            Err(error) => Err(error),
        }
    }

    /// Sends a call; when GitHub does not accept the token, nothing was done, so it is sent once more with a new one.
    async fn send_with_token(&self, call: &Call, purpose: Purpose) -> Result<Answer, GitHubError> {
        let token = self.token(purpose).await?;
        match self.app.transport.send(call, Credential::Token(&token), &self.meter).await {
            Err(GitHubError::Unauthorized(detail)) => {
                tracing::info!(installation = %self.id, %detail, "replacing a refused token");
                self.shared.tokens.forget(purpose, &token).await;
                let token = self.token(purpose).await?;
                self.app.transport.send(call, Credential::Token(&token), &self.meter).await
            }
            outcome => outcome,
        }
    }
}

/// Reads the answer; an unreadable one to a write leaves open what was done.
fn parse<T: DeserializeOwned>(call: &Call, answer: &Answer) -> Result<T, GitHubError> {
    let body: &[u8] = if answer.body.is_empty() { b"null" } else { &answer.body };
    serde_json::from_slice(body).map_err(|error| GitHubError::no_answer(&call.name(), call.writes(), error.to_string()))
}

/// `/repos/{owner}/{name}` and what follows it.
pub(super) fn repository_path(repository: &RepositoryName, rest: std::fmt::Arguments<'_>) -> String {
    format!("/repos/{}/{}{rest}", repository.owner(), repository.name())
}
