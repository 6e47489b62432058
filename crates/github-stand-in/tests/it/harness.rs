//! A stand-in with one app, one repository and three people, a client, and a place that receives webhooks.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use github_stand_in::control::{AppHandle, NewApp, NewRepository};
use github_stand_in::store::{Level, Role};
use github_stand_in::{Options, StandIn};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::task::JoinSet;

pub const REPO: &str = "acme/widgets";
/// A key that is in no use anywhere; making one for each test would take the longest part of it.
pub const KEY: &str = include_str!("key.pem");

/// One webhook as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// `issues.opened`, `push` …
    pub fn name(&self) -> String {
        match self.json()["action"].as_str() {
            Some(action) => format!("{}.{action}", self.header("x-github-event")),
            None => self.header("x-github-event").to_owned(),
        }
    }
}

#[derive(Clone, Default)]
pub struct Inbox {
    received: Arc<Mutex<Vec<Received>>>,
    pub answer: Arc<Mutex<u16>>,
}

pub struct World {
    pub github: StandIn,
    pub app: AppHandle,
    pub installation: u64,
    pub inbox: Inbox,
    pub hook_url: String,
    client: reqwest::Client,
    _receiver: JoinSet<()>,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        self.json()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn receive(State(inbox): State<Inbox>, headers: HeaderMap, body: Bytes) -> StatusCode {
    inbox.received.lock().unwrap().push(Received { headers, body });
    StatusCode::from_u16(*inbox.answer.lock().unwrap()).unwrap()
}

pub const EVENTS: [&str; 14] = [
    "workflow_run",
    "workflow_job",
    "check_suite",
    "status",
    "pull_request_review_thread",
    "issues",
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "create",
    "delete",
    "check_run",
];

pub fn permissions() -> Vec<(&'static str, Level)> {
    ["actions", "contents", "issues", "pull_requests", "checks", "statuses"].map(|name| (name, Level::Write)).to_vec()
}

impl World {
    pub async fn start() -> Self {
        let github = StandIn::start(Options::default()).await.unwrap();
        let inbox = Inbox { answer: Arc::new(Mutex::new(202)), ..Inbox::default() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hook_url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().route("/hook", post(receive)).with_state(inbox.clone());
        let mut receiver = JoinSet::new();
        receiver.spawn(async move { axum::serve(listener, router).await.unwrap() });
        github.create_organization("acme").unwrap();
        for (login, role) in [("ann", Role::Admin), ("tom", Role::Triage), ("rita", Role::Read)] {
            github.create_user(login).unwrap();
            if login == "ann" {
                let seed = seed();
                let new = NewRepository {
                    owner: "acme".to_owned(),
                    name: "widgets".to_owned(),
                    private: true,
                    seed: Some(seed.path().to_owned()),
                    ..NewRepository::default()
                };
                github.create_repository(&new).unwrap();
            }
            github.set_role(REPO, login, role).unwrap();
        }
        let new = NewApp {
            slug: "helper".to_owned(),
            owner: "ann".to_owned(),
            permissions: permissions().into_iter().map(|(name, level)| (name.to_owned(), level)).collect(),
            events: EVENTS.map(str::to_owned).to_vec(),
            webhook_url: Some(hook_url.clone()),
            webhook_secret: Some("It's a Secret to Everybody".to_owned()),
            private_key_pem: Some(KEY.to_owned()),
        };
        let app = github.create_app(&new).unwrap();
        let installation = github.install(app.id, &[REPO]).unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { github, app, installation, inbox, hook_url, client, _receiver: receiver }
    }

    pub fn jwt(&self) -> String {
        let now = chrono::Utc::now().timestamp();
        sign(&json!({ "iss": self.app.client_id, "iat": now - 60, "exp": now + 540 }), KEY)
    }

    pub async fn token(&self) -> String {
        let path = format!("/app/installations/{}/access_tokens", self.installation);
        let value = self.send("POST", &path, &self.jwt(), &Value::Null).await.expect(201);
        value["token"].as_str().unwrap().to_owned()
    }

    /// A token with write access to these alone.
    pub async fn token_with(&self, permissions: &[&str]) -> String {
        let path = format!("/app/installations/{}/access_tokens", self.installation);
        let narrowed: serde_json::Map<String, Value> =
            permissions.iter().map(|name| ((*name).to_owned(), json!("write"))).collect();
        let now = (chrono::Utc::now() + self.github.clock_ahead()).timestamp();
        let jwt = sign(&json!({ "iss": self.app.client_id, "iat": now - 60, "exp": now + 540 }), KEY);
        let value = self.send("POST", &path, &jwt, &json!({ "permissions": narrowed })).await.expect(201);
        value["token"].as_str().unwrap().to_owned()
    }

    /// A GET whose redirect is not followed.
    pub async fn send_once(&self, path: &str, token: &str) -> Answer {
        self.fetch(&format!("{}{path}", self.github.url), Some(token)).await
    }

    /// A GET of any address, without following redirects.
    pub async fn fetch(&self, address: &str, token: Option<&str>) -> Answer {
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let mut request = client.get(address).header("user-agent", "tests");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, bytes: response.bytes().await.unwrap() }
    }

    pub async fn send(&self, method: &str, path: &str, token: &str, body: &Value) -> Answer {
        self.send_with(method, path, token, (body, &[])).await
    }

    pub async fn send_with(&self, method: &str, path: &str, token: &str, rest: (&Value, &[(&str, &str)])) -> Answer {
        let (body, headers) = rest;
        let url = format!("{}{path}", self.github.url);
        let mut request = self.client.request(method.parse().unwrap(), url).header("user-agent", "tests");
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, bytes: response.bytes().await.unwrap() }
    }

    pub async fn settle(&self) {
        self.github.settle(Duration::from_secs(30)).await.unwrap();
    }

    /// What arrived so far, without ping and installation.
    pub async fn received(&self) -> Vec<Received> {
        self.settle().await;
        let all = self.inbox.received.lock().unwrap().clone();
        let skipped = |one: &Received| ["ping", "installation"].contains(&one.header("x-github-event"));
        all.into_iter().filter(|one| !skipped(one)).collect()
    }

    /// Names of what arrived, sorted, since GitHub promises no order; the inbox is empty afterwards.
    pub async fn received_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.received().await.iter().map(Received::name).collect();
        self.inbox.received.lock().unwrap().clear();
        names.sort();
        names
    }

    /// Every test of good behaviour ends here: nothing broke GitHub's description.
    #[track_caller]
    pub fn assert_no_violations(&self) {
        let violations = self.github.violations();
        assert!(violations.is_empty(), "{violations:#?}");
    }

    /// The tip of a branch.
    pub fn tip(&self, branch: &str) -> String {
        git(&self.github.git_dir(REPO).unwrap(), &["rev-parse", &format!("refs/heads/{branch}")])
    }
}

pub fn sign(claims: &Value, pem: &str) -> String {
    let key = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
    jsonwebtoken::encode(&Header::new(Algorithm::RS256), claims, &key).unwrap()
}

/// A small project to begin with.
pub fn seed() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("README.md"), "# Widgets\n").unwrap();
    std::fs::create_dir(directory.path().join("src")).unwrap();
    let lines: String = (1..=20).map(|number| format!("line {number}\n")).collect();
    std::fs::write(directory.path().join("src/lib.txt"), lines).unwrap();
    directory
}

/// Runs git in a directory and gives its output.
#[track_caller]
pub fn git(directory: &std::path::Path, arguments: &[&str]) -> String {
    let output = git_output(directory, arguments);
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub fn git_output(directory: &std::path::Path, arguments: &[&str]) -> std::process::Output {
    std::process::Command::new("git")
        .args(["-c", "user.name=Tess", "-c", "user.email=tess@example.com"])
        .args(arguments)
        .current_dir(directory)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("no_proxy", "127.0.0.1")
        .output()
        .unwrap()
}
