//! The end of a registration by manifest: a code for the App's credentials, once.

use http::Method;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::{
    calls::Meter,
    error::GitHubError,
    transport::{Call, Credential, Transport, encode_path},
};

/// An App that was registered just now. Its secrets are told this one time.
#[derive(Debug, Clone, Deserialize)]
pub struct RegisteredApp {
    pub id: u64,
    pub slug: String,
    pub html_url: String,
    pub pem: SecretString,
    pub webhook_secret: SecretString,
}

/// Exchanges the code that GitHub sent a browser back with. It works once, within an hour.
/// <https://docs.github.com/en/rest/apps/apps#create-a-github-app-from-a-manifest>
pub async fn register(api_url: &Url, code: &str) -> Result<RegisteredApp, GitHubError> {
    let transport = Transport::anonymous(api_url).map_err(|error| GitHubError::invalid(format!("{error:#}")))?;
    let path = format!("/app-manifests/{}/conversions", encode_path(code));
    let call = Call { body: None, ..Call::new(Method::POST, path, serde_json::Value::Null) };
    // The code stands in the path, and whoever reads the log before it is used could use it.
    let nameless = |error: GitHubError| error.without_call("POST /app-manifests/…/conversions");
    let answer = transport.send(&call, Credential::App, &Meter::default()).await.map_err(nameless)?;
    serde_json::from_slice(&answer.body)
        .map_err(|error| GitHubError::no_answer("the conversion of a manifest", true, error.to_string()))
}
