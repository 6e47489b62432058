//! Access tokens of one installation: as narrow as their purpose, made once, shared until shortly before they expire.
//!
//! octocrab's own installation client is not used: it asks for every permission the App has, and five tasks that start
//! together fetch five tokens. Here each purpose has one slot behind a mutex, so that one task fetches and the others
//! wait for it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use chrono::{DateTime, TimeDelta, Utc};
use http::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{
    app::includes,
    calls::Meter,
    error::{Detail, GitHubError},
    transport::{Call, Credential, Transport},
};
use crate::ids::{InstallationId, RepositoryId};

/// A token is replaced this long before GitHub lets it expire (after an hour), so that none expires on its way.
const SPARE_TIME: TimeDelta = TimeDelta::minutes(5);

/// A token with fewer rights than its purpose asks for is replaced this soon: the owner may accept the others at any time,
/// and only the process that works that delivery hears of it.
const NARROWED_LIFE: TimeDelta = TimeDelta::minutes(2);

/// What a token is for; it gets no more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Comments, reactions, checks and pull requests, and reading what they are about. Where not all of that is granted, the
    /// token has what is, so that words are answered and single calls fail.
    Converse,
    /// Fetching one repository.
    Fetch(RepositoryId),
    /// Writing commits and branches of one repository. Workflow files stay out of reach: GitHub refuses them without the
    /// `workflows` permission, which wiz never asks for.
    Publish(RepositoryId),
    /// Resolving threads in one repository, and making drafts ready there. GitHub names no permission for these mutations;
    /// in practice they want the right to write contents as well.
    Resolve(RepositoryId),
    /// Letting failed jobs of one repository try again.
    Rerun(RepositoryId),
    /// Reading the commit statuses of one repository. A token of its own: where nobody has granted it, all else still works.
    Statuses(RepositoryId),
}

impl Purpose {
    /// The permissions and repositories named in the request for a token.
    /// <https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app>
    pub(super) fn request(self) -> Value {
        match self {
            Self::Converse => json!({ "permissions": {
                "actions": "read", "checks": "write", "contents": "read", "issues": "write", "metadata": "read",
                "pull_requests": "write",
            }}),
            Self::Fetch(repository) => json!({
                "repository_ids": [repository], "permissions": { "contents": "read", "metadata": "read" },
            }),
            Self::Publish(repository) => json!({
                "repository_ids": [repository], "permissions": { "contents": "write", "metadata": "read" },
            }),
            Self::Resolve(repository) => json!({
                "repository_ids": [repository],
                "permissions": { "contents": "write", "metadata": "read", "pull_requests": "write" },
            }),
            Self::Rerun(repository) => json!({
                "repository_ids": [repository], "permissions": { "actions": "write", "metadata": "read" },
            }),
            Self::Statuses(repository) => json!({
                "repository_ids": [repository], "permissions": { "metadata": "read", "statuses": "read" },
            }),
        }
    }
}

type Slot = Arc<Mutex<Option<Token>>>;

#[derive(Debug, Clone)]
struct Token {
    secret: SecretString,
    /// From then on another one is asked for.
    good_until: DateTime<Utc>,
}

/// The tokens of one installation.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    slots: Mutex<HashMap<Purpose, Slot>>,
}

impl Tokens {
    /// A token that GitHub takes for at least five minutes.
    pub async fn get(
        &self,
        (transport, meter): (&Transport, &Meter),
        installation: InstallationId,
        purpose: Purpose,
    ) -> Result<SecretString, GitHubError> {
        let slot = self.slot(purpose).await;
        let mut token = slot.lock().await;
        if let Some(token) = token.as_ref().filter(|token| token.good_until > Utc::now()) {
            return Ok(token.secret.clone());
        }
        let fresh = request((transport, meter), installation, purpose).await?;
        Ok(token.insert(fresh).secret.clone())
    }

    /// Forgets a token GitHub refused, unless another task has replaced it already.
    pub async fn forget(&self, purpose: Purpose, refused: &SecretString) {
        use secrecy::ExposeSecret as _;
        let slot = self.slot(purpose).await;
        let mut token = slot.lock().await;
        if token.as_ref().is_some_and(|token| token.secret.expose_secret() == refused.expose_secret()) {
            *token = None;
        }
    }

    async fn slot(&self, purpose: Purpose) -> Slot {
        let mut slots = self.slots.lock().await;
        // Tokens of repositories nobody works on any more; a slot in use is locked and stays.
        slots.retain(|_, slot| {
            Arc::strong_count(slot) > 1
                || slot.try_lock().is_ok_and(|token| token.as_ref().is_some_and(|token| token.good_until > Utc::now()))
        });
        slots.entry(purpose).or_default().clone()
    }
}

/// GitHub refuses a token that asks for more than the owner of the installation has accepted, which happens after every
/// release of wiz that needs more. Only the owner can mend it, and only the operator reads this.
fn not_granted(installation: InstallationId, purpose: Purpose, mut detail: Detail) -> GitHubError {
    detail.message = format!(
        "{}; this call needs {}: an owner accepts them on GitHub under Settings, GitHub Apps, Configure \
         (settings/installations/{installation})",
        detail.message.trim_end_matches('.'),
        purpose.request()["permissions"],
    );
    GitHubError::Forbidden(detail)
}

async fn request(
    gate: (&Transport, &Meter),
    installation: InstallationId,
    purpose: Purpose,
) -> Result<Token, GitHubError> {
    let wanted = purpose.request();
    let refused = match ask(gate, installation, wanted.clone()).await {
        Err(GitHubError::Invalid(detail)) => detail,
        outcome => return outcome,
    };
    let Some(less) = narrowed(gate, installation, purpose).await? else {
        return Err(not_granted(installation, purpose, refused));
    };
    tracing::warn!(%installation, asked = %wanted["permissions"], granted = %less, "not all permissions are granted");
    match ask(gate, installation, json!({ "permissions": less })).await {
        Ok(token) => Ok(Token { good_until: token.good_until.min(Utc::now() + NARROWED_LIFE), ..token }),
        Err(GitHubError::Invalid(detail)) => Err(not_granted(installation, purpose, detail)),
        Err(error) => Err(error),
    }
}

/// What of the permissions of a purpose is granted, where that is less than it asks for and still of use to it.
async fn narrowed(
    (transport, meter): (&Transport, &Meter),
    installation: InstallationId,
    purpose: Purpose,
) -> Result<Option<Value>, GitHubError> {
    #[derive(Deserialize)]
    struct Installed {
        #[serde(default)]
        permissions: BTreeMap<String, String>,
    }
    match purpose {
        Purpose::Converse => {}
        // Without any of its permissions nothing of such a purpose can be done.
        Purpose::Fetch(_) | Purpose::Publish(_) | Purpose::Resolve(_) | Purpose::Rerun(_) | Purpose::Statuses(_) => {
            return Ok(None);
        }
    }
    // https://docs.github.com/en/rest/apps/apps#get-an-installation-for-the-authenticated-app
    let call = Call::get(format!("/app/installations/{installation}"));
    let answer = transport.send(&call, Credential::App, meter).await?;
    let Installed { permissions: granted } = serde_json::from_slice(&answer.body)
        .map_err(|error| GitHubError::no_answer(&call.name(), false, error.to_string()))?;
    let asked: BTreeMap<String, String> = serde_json::from_value(purpose.request()["permissions"].clone())
        .map_err(|error| GitHubError::no_answer(&call.name(), false, error.to_string()))?;
    let less: BTreeMap<String, String> = asked
        .iter()
        .filter_map(|(name, level)| {
            let granted = granted.get(name)?;
            Some((name.clone(), if includes(granted, level) { level.clone() } else { granted.clone() }))
        })
        .collect();
    Ok((!less.is_empty() && less != asked).then(|| json!(less)))
}

async fn ask(
    (transport, meter): (&Transport, &Meter),
    installation: InstallationId,
    wanted: Value,
) -> Result<Token, GitHubError> {
    #[derive(Deserialize)]
    struct Reply {
        token: SecretString,
        expires_at: DateTime<Utc>,
    }
    let call = Call::new(Method::POST, format!("/app/installations/{installation}/access_tokens"), wanted);
    // A token nobody received does no harm: it expires unused.
    let answer = transport.send(&call, Credential::App, meter).await.map_err(GitHubError::repeatable)?;
    let reply: Reply = serde_json::from_slice(&answer.body)
        .map_err(|error| GitHubError::no_answer(&call.name(), false, error.to_string()))?;
    Ok(Token { secret: reply.token, good_until: reply.expires_at - SPARE_TIME })
}
