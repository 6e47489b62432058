//! Who wiz is on this GitHub, and what the App asks for when it is registered.

use std::collections::BTreeMap;

use http::Method;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OnceCell;

use super::{
    calls::Meter,
    error::GitHubError,
    transport::{Answer, Call, Credential, Transport},
};
use crate::{config::GitHubConfig, ids::Login};

/// The permissions an installation grants, as `app-manifest.yml` asks for them. `workflows` is missing on purpose: without
/// it GitHub itself refuses changes to workflow files.
/// <https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps>
pub const REQUIRED_PERMISSIONS: &[(&str, &str)] = &[
    ("actions", "write"),
    ("checks", "write"),
    ("contents", "write"),
    ("issues", "write"),
    ("metadata", "read"),
    ("pull_requests", "write"),
    ("statuses", "read"),
];

/// What of [`REQUIRED_PERMISSIONS`] an owner has not granted. A higher level includes the lower ones.
pub fn missing_permissions(granted: &BTreeMap<String, String>) -> Vec<(&'static str, &'static str)> {
    let is_missing = |(name, level): &&(&str, &str)| granted.get(*name).is_none_or(|granted| !includes(granted, level));
    REQUIRED_PERMISSIONS.iter().filter(is_missing).copied().collect()
}

/// Whether a level of a permission includes another one.
pub(super) fn includes(granted: &str, wanted: &str) -> bool {
    let rank = |level: &str| ["read", "write", "admin"].iter().position(|known| *known == level);
    rank(granted) >= rank(wanted)
}

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
    "repository",
    "status",
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
    pub async fn identity(&self, meter: &Meter) -> Result<&Identity, GitHubError> {
        self.identity.get_or_try_init(|| self.read_identity(meter)).await
    }

    async fn read_identity(&self, meter: &Meter) -> Result<Identity, GitHubError> {
        #[derive(Deserialize)]
        struct Reply {
            id: i64,
            slug: String,
        }
        let call = Call::get("/app");
        let answer = self.transport.send(&call, Credential::App, meter).await?;
        let reply: Reply = parse(&call, &answer)?;
        let bot_login = format!("{}[bot]", reply.slug)
            .parse()
            .map_err(|error| GitHubError::no_answer(&call.name(), false, format!("{error}")))?;
        Ok(Identity { app_id: reply.id, slug: reply.slug, bot_login })
    }

    /// Reads as the App itself; gives the path of the next page too.
    pub async fn get<T: serde::de::DeserializeOwned>(
        &self,
        path: String,
        meter: &Meter,
    ) -> Result<(T, Option<String>), GitHubError> {
        let call = Call::get(path);
        let answer = self.transport.send(&call, Credential::App, meter).await?;
        Ok((parse(&call, &answer)?, self.transport.next_page(&answer)))
    }

    /// Asks GitHub, as the App itself, to do something without arguments.
    pub async fn post(&self, path: String, meter: &Meter) -> Result<(), GitHubError> {
        self.transport.send(&Call::new(Method::POST, path, json!({})), Credential::App, meter).await.map(drop)
    }
}

fn parse<T: serde::de::DeserializeOwned>(call: &Call, answer: &Answer) -> Result<T, GitHubError> {
    serde_json::from_slice(&answer.body).map_err(|error| GitHubError::no_answer(&call.name(), false, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{github::Purpose, ids::RepositoryId};

    #[derive(Deserialize)]
    struct Manifest {
        public: bool,
        default_permissions: BTreeMap<String, String>,
        default_events: Vec<String>,
    }

    fn manifest() -> Manifest {
        serde_norway::from_str(include_str!("../../app-manifest.yml")).unwrap()
    }

    #[test]
    fn the_manifest_asks_for_what_the_code_relies_on() {
        let manifest = manifest();
        let permissions: BTreeMap<String, String> =
            REQUIRED_PERMISSIONS.iter().map(|(name, level)| ((*name).to_owned(), (*level).to_owned())).collect();
        assert_eq!(manifest.default_permissions, permissions);
        assert_eq!(manifest.default_events, SUBSCRIBED_EVENTS);
        assert!(!manifest.public);
        assert!(!permissions.contains_key("workflows"));
    }

    #[test]
    fn tokens_ask_for_no_more_than_the_manifest_and_together_for_all_of_it() {
        let repository = RepositoryId(1);
        let mut asked = BTreeMap::new();
        let narrowed = [Purpose::Fetch, Purpose::Publish, Purpose::Resolve, Purpose::Rerun, Purpose::Statuses];
        let narrowed = narrowed.map(|of| of(repository));
        for purpose in std::iter::once(Purpose::Converse).chain(narrowed) {
            let request = purpose.request();
            let narrow = !matches!(purpose, Purpose::Converse);
            assert_eq!(request.get("repository_ids").is_some(), narrow, "{purpose:?}");
            for (name, level) in request["permissions"].as_object().unwrap() {
                let level = level.as_str().unwrap().to_owned();
                let most = asked.entry(name.clone()).or_insert_with(|| level.clone());
                if level == "write" {
                    *most = level;
                }
            }
        }
        assert_eq!(asked, manifest().default_permissions);
    }
}
