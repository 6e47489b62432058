//! Who wiz is on this GitHub, and what the App asks for when it is registered.

use http::Method;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OnceCell;

use super::{
    error::GitHubError,
    transport::{Answer, Call, Credential, Transport},
};
use crate::{config::GitHubConfig, ids::Login};

/// The permissions an installation grants, as `app-manifest.yml` asks for them. `workflows` is missing on purpose: without
/// it GitHub itself refuses changes to workflow files.
/// <https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps>
pub const REQUIRED_PERMISSIONS: &[(&str, &str)] = &[
    ("actions", "read"),
    ("checks", "write"),
    ("contents", "write"),
    ("issues", "write"),
    ("metadata", "read"),
    ("pull_requests", "write"),
];

/// The events the App subscribes to. `installation` and `installation_repositories` come without being asked for.
/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads>
pub const SUBSCRIBED_EVENTS: &[&str] = &[
    "check_run",
    "check_suite",
    "issue_comment",
    "issues",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "workflow_run",
];

/// The App as GitHub knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The App's id.
    pub app_id: i64,
    /// The App's name in URLs.
    pub slug: String,
    /// The login its comments carry: `slug[bot]`.
    pub bot_login: Login,
}

/// The App: its connection, and its identity once it has been asked for.
#[derive(Debug)]
pub(super) struct App {
    pub transport: Transport,
    identity: OnceCell<Identity>,
}

impl App {
    pub fn new(config: &GitHubConfig) -> anyhow::Result<Self> {
        Ok(Self { transport: Transport::new(config)?, identity: OnceCell::new() })
    }

    /// Asked once per process; the slug of an App changes only by hand, and then everything else must be looked at too.
    pub async fn identity(&self) -> Result<&Identity, GitHubError> {
        self.identity.get_or_try_init(|| self.read_identity()).await
    }

    async fn read_identity(&self) -> Result<Identity, GitHubError> {
        #[derive(Deserialize)]
        struct Reply {
            id: i64,
            slug: String,
        }
        let call = Call::get("/app");
        let answer = self.transport.send(&call, Credential::App).await?;
        let reply: Reply = parse(&call, &answer)?;
        let bot_login = format!("{}[bot]", reply.slug)
            .parse()
            .map_err(|error| GitHubError::no_answer(&call.name(), false, format!("{error}")))?;
        Ok(Identity { app_id: reply.id, slug: reply.slug, bot_login })
    }

    /// Reads as the App itself; gives the path of the next page too.
    pub async fn get<T: serde::de::DeserializeOwned>(&self, path: String) -> Result<(T, Option<String>), GitHubError> {
        let call = Call::get(path);
        let answer = self.transport.send(&call, Credential::App).await?;
        Ok((parse(&call, &answer)?, self.transport.next_page(&answer)))
    }

    /// Asks GitHub, as the App itself, to do something without arguments.
    pub async fn post(&self, path: String) -> Result<(), GitHubError> {
        self.transport.send(&Call::new(Method::POST, path, json!({})), Credential::App).await.map(drop)
    }
}

fn parse<T: serde::de::DeserializeOwned>(call: &Call, answer: &Answer) -> Result<T, GitHubError> {
    serde_json::from_slice(&answer.body).map_err(|error| GitHubError::no_answer(&call.name(), false, error.to_string()))
}
