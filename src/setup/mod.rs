//! `wiz setup`: registers the GitHub App in a browser, once.
//!
//! A page on this machine asks where the App shall live and sends people to GitHub with a manifest; GitHub sends them back
//! with a code, which is exchanged for the App's id, key and webhook secret. These are written to a file that only this
//! account can read, or printed for a secret store, and the page is over.
//! <https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest>
//!
//! Whoever reaches the page needs the token that the terminal shows, and whoever comes back from GitHub the state that
//! went there; both are used once. This room never shows a secret on a page, and never replaces credentials that are there.
//!
//! Read first: [`Setup`], [`Registered`], [`router`], `form`.

mod form;
mod page;

use std::sync::{Mutex, PoisonError};

use axum::{
    Form, Router,
    extract::{Query, State},
    response::Response,
    routing::get,
};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::sync::{mpsc, oneshot};
use url::Url;

pub use form::MANIFEST;

use self::form::{Asked, Choice};
use crate::{
    config::StoredApp,
    github::{GitHubError, register},
};

/// Longest a person may take on GitHub's page: the code is good for an hour, and so is what was begun here.
const LONGEST_VISIT: std::time::Duration = std::time::Duration::from_secs(60 * 60);

/// One registration under way.
#[derive(Debug)]
pub struct Setup {
    /// Shown in the terminal; who does not know it sees nothing.
    token: String,
    /// Where GitHub sends people back to; if nobody said, where the browser found the page.
    own_url: Option<Url>,
    /// Where people reach `wiz serve`, as far as is known.
    public_url: Option<Url>,
    visit: Mutex<Option<Visit>>,
    registered: mpsc::Sender<Registered>,
}

/// An App that GitHub has just registered.
#[derive(Debug)]
pub struct Registered {
    pub app: StoredApp,
    /// Takes whether the credentials are kept somewhere; the browser waits for it.
    pub answer: oneshot::Sender<bool>,
}

/// Whether this is the address of a server and nothing more, to which a path can be added.
pub fn is_origin(url: &Url) -> bool {
    url.path() == "/" && form::is_plain(url)
}

/// A person is on GitHub's page.
#[derive(Debug, Clone)]
struct Visit {
    state: String,
    choice: Choice,
    begun: std::time::Instant,
}

impl Setup {
    /// A page for whoever knows `token`, at `own_url` if it is not where browsers say that they find it. What is registered
    /// there is sent to `registered`.
    pub fn new(
        token: String,
        own_url: Option<Url>,
        public_url: Option<Url>,
        registered: mpsc::Sender<Registered>,
    ) -> Self {
        Self { token, own_url, public_url, visit: Mutex::default(), registered }
    }

    fn admits(&self, token: &str) -> bool {
        same(&self.token, token)
    }

    /// Where the browser found the page. It knows the token, so it is believed about itself.
    fn origin(&self, headers: &HeaderMap) -> Option<Url> {
        if let Some(own_url) = &self.own_url {
            return Some(own_url.clone());
        }
        let host = headers.get(header::HOST)?.to_str().ok()?;
        format!("http://{host}/").parse().ok().filter(is_origin)
    }

    /// The visit that this state belongs to; it is over with that.
    fn end_visit(&self, state: &str) -> Option<Choice> {
        let mut visit = self.visit.lock().unwrap_or_else(PoisonError::into_inner);
        let fits =
            visit.as_ref().is_some_and(|visit| same(&visit.state, state) && visit.begun.elapsed() < LONGEST_VISIT);
        if fits { visit.take().map(|visit| visit.choice) } else { None }
    }
}

/// Compares by digests: how long that takes tells nothing about a secret.
fn same(secret: &str, given: &str) -> bool {
    Sha256::digest(secret) == Sha256::digest(given)
}

/// A text nobody can guess.
pub fn secret() -> String {
    hex::encode(rand::random::<[u8; 24]>())
}

/// The pages.
pub fn router(setup: std::sync::Arc<Setup>) -> Router {
    Router::new()
        .route("/setup", get(ask).post(send))
        .route("/setup/registered", get(come_back))
        .fallback(async || page::refusal(StatusCode::NOT_FOUND, page::ELSEWHERE))
        .with_state(setup)
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    token: String,
}

async fn ask(State(setup): State<std::sync::Arc<Setup>>, Query(entry): Query<Entry>) -> Response {
    if !setup.admits(&entry.token) {
        return page::refusal(StatusCode::FORBIDDEN, page::WRONG_TOKEN);
    }
    page::form(&entry.token, &Asked::suggested(setup.public_url.as_ref()), &[])
}

/// Shows the button that leads to GitHub, with the manifest as people chose it.
async fn send(State(setup): State<std::sync::Arc<Setup>>, headers: HeaderMap, Form(asked): Form<Asked>) -> Response {
    if !setup.admits(&asked.token) {
        return page::refusal(StatusCode::FORBIDDEN, page::WRONG_TOKEN);
    }
    let choice = match asked.choice() {
        Ok(choice) => choice,
        Err(faults) => return page::form(&asked.token, &asked, &faults),
    };
    let Some(own_url) = setup.origin(&headers) else {
        return page::refusal(StatusCode::BAD_REQUEST, page::NO_ORIGIN);
    };
    let manifest = match choice.manifest(&own_url) {
        Ok(manifest) => manifest,
        Err(error) => {
            tracing::error!("cannot make the manifest: {error:#}");
            return page::refusal(StatusCode::INTERNAL_SERVER_ERROR, page::NO_MANIFEST);
        }
    };
    let state = secret();
    let address = choice.registration(&state);
    let visit = Visit { state, choice, begun: std::time::Instant::now() };
    *setup.visit.lock().unwrap_or_else(PoisonError::into_inner) = Some(visit);
    page::send(&address, &manifest)
}

#[derive(Deserialize)]
struct Return {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
}

async fn come_back(State(setup): State<std::sync::Arc<Setup>>, Query(found): Query<Return>) -> Response {
    let Some(choice) = setup.end_visit(&found.state) else {
        return page::refusal(StatusCode::FORBIDDEN, page::WRONG_STATE);
    };
    let is_of_code = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if found.code.is_empty() || !found.code.bytes().all(is_of_code) {
        return page::refusal(StatusCode::BAD_REQUEST, page::NO_CODE);
    }
    let registered = match register(&choice.api_url, &found.code).await {
        Ok(registered) => registered,
        Err(error) => {
            tracing::error!(%error, "GitHub did not exchange the code");
            let told = match error {
                GitHubError::NotFound(_) => page::OLD_CODE,
                GitHubError::RateLimited { .. }
                | GitHubError::Transient(_)
                | GitHubError::Ambiguous(_)
                | GitHubError::Gone(_)
                | GitHubError::Forbidden(_)
                | GitHubError::Conflict(_)
                | GitHubError::Invalid(_)
                | GitHubError::Unauthorized(_) => page::NO_EXCHANGE,
            };
            return page::refusal(StatusCode::BAD_GATEWAY, told);
        }
    };
    let (name, install) = (registered.slug.clone(), format!("{}/installations/new", registered.html_url));
    let stored = StoredApp {
        app_id: registered.id,
        private_key: registered.pem,
        webhook_secret: registered.webhook_secret,
        api_url: choice.api_url,
        web_url: choice.web_url,
        public_url: choice.public_url,
    };
    let (answer, kept) = oneshot::channel();
    if setup.registered.send(Registered { app: stored, answer }).await.is_err() {
        return page::refusal(StatusCode::GONE, page::OVER);
    }
    match kept.await {
        Ok(true) => page::registered(&name, &install),
        Ok(false) | Err(_) => page::refusal(StatusCode::INTERNAL_SERVER_ERROR, page::NOT_KEPT),
    }
}
