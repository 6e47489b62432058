//! One HTTP exchange with GitHub: octocrab underneath, one place for deadlines, caps, redirects and failures.
//!
//! octocrab signs the App's tokens and carries the requests; its retries, redirects and response cache stay out.
//! Its retry repeats POSTs after a 502 or a timeout, its cache is unbounded and shared by all tokens of a client, and its
//! default client sends a second `User-Agent`. So the client is put together here from the same parts without them.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use bytes::Bytes;
use chrono::Utc;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Limited};
use octocrab::{AuthState, Octocrab, OctocrabBuilder, auth::AppAuth, service::middleware::base_uri::BaseUriLayer};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::{
    calls::Meter,
    error::{GitHubError, Refusal, classify},
    graphql,
    issues::IssueText,
};
use crate::{config::GitHubConfig, limits};

/// The version every request asks for; valid until March 2028.
/// <https://docs.github.com/en/rest/about-the-rest-api/api-versions>
const API_VERSION: &str = "2022-11-28";

/// GitHub asks for the App's name. <https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#user-agent>
pub(super) const USER_AGENT: &str = concat!("wiz/", env!("CARGO_PKG_VERSION"));

/// Longest wait for a TCP connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Most redirects followed; a renamed repository is one.
pub(super) const MAX_REDIRECTS: usize = 3;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Credential<'a> {
    /// The App itself, by a signed token that lives nine minutes.
    App,
    /// An installation, by its access token.
    Token(&'a SecretString),
}

/// One request, apart from who sends it.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub method: Method,
    /// Path and query from the API's root, already encoded.
    pub path: String,
    pub body: Option<Value>,
    pub door: Door,
    /// Answer only if the object has another tag than this by now.
    pub unless: Option<HeaderValue>,
    /// What a write puts another text in the place of, for the journal alone.
    pub overwrites: Option<IssueText>,
}

/// Which of GitHub's two APIs is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Rest,
    /// A GraphQL query: a POST that changes nothing.
    Query,
    /// A GraphQL query that may ask for what is not there.
    Lookup,
    /// A GraphQL mutation.
    Mutation,
}

impl Call {
    /// A read.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None, door: Door::Rest, unless: None, overwrites: None }
    }

    /// A write with a JSON body.
    pub fn new(method: Method, path: impl Into<String>, body: Value) -> Self {
        Self { method, path: path.into(), body: Some(body), door: Door::Rest, unless: None, overwrites: None }
    }

    /// The same write, which is known to replace this.
    pub fn overwriting(self, text: IssueText) -> Self {
        Self { overwrites: Some(text), ..self }
    }

    /// Whether repeating it could do something twice.
    pub fn writes(&self) -> bool {
        match self.door {
            Door::Rest => self.method != Method::GET,
            Door::Query | Door::Lookup => false,
            Door::Mutation => true,
        }
    }

    /// Method and path without the query, for logs.
    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path.split('?').next().unwrap_or_default())
    }
}

/// A success.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// A success, or 304 to a read with a tag.
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// The connection to one GitHub, shared by every installation.
#[derive(Debug)]
pub(super) struct Transport {
    app: Octocrab,
    anonymous: Octocrab,
    /// GraphQL has a root of its own on Enterprise servers.
    graphql: Octocrab,
    /// For addresses outside the API, without any credential.
    pub(super) outside: Octocrab,
    pub(super) base: Uri,
}

impl Transport {
    /// Prepares the clients; must run inside a tokio runtime. Connects to nothing.
    pub fn new(config: &GitHubConfig) -> anyhow::Result<Self> {
        let base: Uri = config.api_url.as_str().trim_end_matches('/').parse().context("cannot read the API's URL")?;
        let key = jsonwebtoken::EncodingKey::from_rsa_pem(config.private_key.expose_secret().as_bytes())
            .context("cannot read the App's private key")?;
        let app = AuthState::App(AppAuth { app_id: config.app_id.into(), key });
        let graphql = client(&graphql_base(&base)?, AuthState::None)?;
        let anonymous = client(&base, AuthState::None)?;
        let outside = client(&Uri::from_static("http://localhost"), AuthState::None)?;
        Ok(Self { app: client(&base, app)?, anonymous, graphql, outside, base })
    }

    /// A connection of nobody, for the one thing that GitHub does for nobody in particular.
    pub fn anonymous(api_url: &url::Url) -> anyhow::Result<Self> {
        let base: Uri = api_url.as_str().trim_end_matches('/').parse().context("cannot read the API's URL")?;
        let nobody = client(&base, AuthState::None)?;
        Ok(Self { app: nobody.clone(), anonymous: nobody.clone(), graphql: nobody.clone(), outside: nobody, base })
    }

    /// Sends one call and reads the whole answer. Retries nothing but follows redirects within the same origin: GitHub
    /// answers so for renamed and transferred repositories, before it does anything.
    /// <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects>
    pub async fn send(&self, call: &Call, credential: Credential<'_>, meter: &Meter) -> Result<Answer, GitHubError> {
        let mut path = call.path.clone();
        for _ in 0..=MAX_REDIRECTS {
            meter.count_call(call.writes());
            let (status, headers, body) = self.exchange(call, &path, credential).await?;
            if status.is_success() {
                return match graphql::refusal(call, &headers, &body, Utc::now()) {
                    Some(error) => Err(error),
                    None => Ok(Answer { status, headers, body }),
                };
            }
            if status == StatusCode::NOT_MODIFIED && call.unless.is_some() {
                meter.count_unchanged();
                return Ok(Answer { status, headers, body });
            }
            match status.is_redirection().then(|| self.redirect(call, status, &headers)).flatten() {
                Some(next) => path = next,
                None => {
                    let (name, writes) = (call.name(), call.writes());
                    let refusal = Refusal { call: &name, writes, status, headers: &headers, body: &body };
                    return Err(classify(&refusal, Utc::now()));
                }
            }
        }
        Err(GitHubError::no_answer(&call.name(), false, "too many redirects"))
    }

    pub(super) async fn exchange(
        &self,
        call: &Call,
        path: &str,
        credential: Credential<'_>,
    ) -> Result<(StatusCode, HeaderMap, Bytes), GitHubError> {
        let client = match (call.door, credential) {
            (Door::Rest, Credential::App) => &self.app,
            (Door::Rest, Credential::Token(_)) => &self.anonymous,
            (Door::Query | Door::Lookup | Door::Mutation, _) => &self.graphql,
        };
        let request = request(call, path, credential)
            .map_err(|error| GitHubError::invalid(format!("{}: {error}", call.name())))?;
        let exchange = async {
            let response = client.execute(request).await.map_err(|error| reason(&error))?;
            let (head, body) = Response::into_parts(response);
            let body = Limited::new(body, limits::GITHUB_ANSWER_BYTES).collect().await.map_err(|e| reason(&*e))?;
            Ok::<_, String>((head.status, head.headers, body.to_bytes()))
        };
        match tokio::time::timeout(limits::GITHUB_REQUEST_DEADLINE, exchange).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(reason)) => Err(GitHubError::no_answer(&call.name(), call.writes(), reason)),
            Err(_) => Err(GitHubError::no_answer(&call.name(), call.writes(), "no answer within the deadline")),
        }
    }

    /// Where a redirect leads, if it stays within the API and keeps the method: 307 and 308 always do, 301 and 302 only
    /// for reads.
    pub(super) fn redirect(&self, call: &Call, status: StatusCode, headers: &HeaderMap) -> Option<String> {
        let keeps_method = match status.as_u16() {
            307 | 308 => true,
            301 | 302 => !call.writes(),
            _ => false,
        };
        let location: Uri = headers.get(header::LOCATION)?.to_str().ok()?.parse().ok()?;
        let same_origin = location.scheme() == self.base.scheme() && location.authority() == self.base.authority();
        let path = location.path_and_query()?.as_str();
        let path = path.strip_prefix(self.base.path().trim_end_matches('/')).unwrap_or(path);
        (keeps_method && same_origin).then(|| path.to_owned())
    }
}

/// Where GraphQL is: below the same root, but beside `/api/v3` on an Enterprise server.
/// <https://docs.github.com/en/enterprise-server@latest/graphql/guides/forming-calls-with-graphql#the-graphql-endpoint>
fn graphql_base(base: &Uri) -> anyhow::Result<Uri> {
    let base = base.to_string();
    let base = base.trim_end_matches('/');
    base.strip_suffix("/v3").unwrap_or(base).parse().context("cannot read the GraphQL API's URL")
}

fn client(base: &Uri, auth: AuthState) -> anyhow::Result<Octocrab> {
    let mut connector = hyper_util::client::legacy::connect::HttpConnector::new();
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.enforce_http(false);
    let provider = rustls::crypto::CryptoProvider::get_default()
        .cloned()
        .unwrap_or_else(|| Arc::new(rustls::crypto::ring::default_provider()));
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(provider)
        .context("cannot load the system's certificates")?
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    let service = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build(connector);
    let built = OctocrabBuilder::new_empty()
        .with_service(service)
        .with_layer(&BaseUriLayer::new(base.clone()))
        .with_auth(auth)
        .build();
    match built {
        Ok(client) => Ok(client),
        Err(never) => match never {},
    }
}

fn request(call: &Call, path: &str, credential: Credential<'_>) -> Result<Request<String>, http::Error> {
    let body = call.body.as_ref().map(Value::to_string).unwrap_or_default();
    let mut request = Request::builder()
        .method(call.method.clone())
        .uri(path)
        .header(header::USER_AGENT, USER_AGENT)
        .header(header::ACCEPT, "application/vnd.github+json")
        .header("x-github-api-version", API_VERSION);
    if let Some(tag) = &call.unless {
        request = request.header(header::IF_NONE_MATCH, tag);
    }
    if call.body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    if let Credential::Token(token) = credential {
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))?;
        value.set_sensitive(true);
        request = request.header(header::AUTHORIZATION, value);
    }
    request.body(body)
}

/// The whole chain of causes; hyper's own text is only "client error (Connect)".
pub(super) fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(error.source(), |cause| cause.source());
    let mut text = error.to_string().lines().next().unwrap_or_default().to_owned();
    for cause in chain {
        let cause = cause.to_string();
        let cause = cause.lines().next().unwrap_or_default();
        if !text.contains(cause) {
            text.push_str(": ");
            text.push_str(cause);
        }
    }
    text
}

/// Encodes each part of a path for a URL and keeps the slashes between them.
pub(super) fn encode_path(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// The path of the next page from a `Link` header.
/// <https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api#using-link-headers>
pub(super) fn next_page(headers: &HeaderMap, base_path: &str) -> Option<String> {
    let links = headers.get(header::LINK)?.to_str().ok()?;
    let next = links.split(',').find(|link| link.contains("rel=\"next\""))?;
    let address: Uri = next.split_once('<')?.1.split_once('>')?.0.parse().ok()?;
    let path = address.path_and_query()?.as_str();
    Some(path.strip_prefix(base_path.trim_end_matches('/')).unwrap_or(path).to_owned())
}

impl Transport {
    /// The path of the next page, relative to the API's root. The origin in the header is ignored: the token only ever
    /// goes to the configured one.
    pub fn next_page(&self, answer: &Answer) -> Option<String> {
        next_page(&answer.headers, self.base.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_and_links_followed_within_the_api() {
        assert_eq!(encode_path("wiz/a b#é?%"), "wiz/a%20b%23%C3%A9%3F%25");
        let headers = |link: &str| HeaderMap::from_iter([(header::LINK, link.parse().unwrap())]);
        let link = r#"<https://ghe/api/v3/a?cursor=v1_1&per_page=2>; rel="next", <https://ghe/a>; rel="last""#;
        assert_eq!(next_page(&headers(link), "/api/v3").as_deref(), Some("/a?cursor=v1_1&per_page=2"));
        assert_eq!(next_page(&headers(link), "/").as_deref(), Some("/api/v3/a?cursor=v1_1&per_page=2"));
        assert_eq!(next_page(&headers(r#"<https://x/a>; rel="prev""#), "/"), None);
        assert_eq!(next_page(&headers("nonsense rel=\"next\""), "/"), None);
    }

    #[test]
    fn graphql_stands_beside_rest() {
        for (rest, graphql) in [
            ("https://api.github.com", "https://api.github.com/"),
            ("https://ghe/api/v3", "https://ghe/api"),
            ("http://127.0.0.1:3999", "http://127.0.0.1:3999/"),
        ] {
            assert_eq!(graphql_base(&rest.parse().unwrap()).unwrap().to_string(), graphql);
        }
    }

    #[test]
    fn a_token_is_marked_sensitive_and_sent_once() {
        let call = Call::new(Method::POST, "/x", serde_json::json!({"a": 1}));
        let request = request(&call, "/x", Credential::Token(&"s3cret".to_owned().into())).unwrap();
        assert_eq!(request.headers()[header::AUTHORIZATION], "Bearer s3cret");
        assert!(!format!("{request:?}").contains("s3cret"));
        assert_eq!(request.headers().get_all(header::USER_AGENT).iter().count(), 1);
    }
}
