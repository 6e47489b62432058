//! GitHub's GraphQL API, for what REST cannot do, through the same transport and with the same failures.
//!
//! GraphQL answers 200 to nearly everything and says in the body what went wrong.
//! <https://docs.github.com/en/graphql/guides/using-graphql-clients>

use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    error::{GitHubError, Refusal, classify},
    installation::Installation,
    token::Purpose,
    transport::{Answer, Call, Door},
};

/// Where both queries and mutations go, from the GraphQL root.
const PATH: &str = "/graphql";

#[derive(Deserialize)]
struct Body<T> {
    data: Option<T>,
    #[serde(default)]
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    message: String,
}

impl Installation {
    /// Reads by a GraphQL query.
    pub(super) async fn query<T: DeserializeOwned>(&self, query: &str, variables: Value) -> Result<T, GitHubError> {
        let call = call(Door::Query, query, variables);
        data(&call, &self.read(&call).await?)
    }

    /// Reads by a GraphQL query in whose answer what is not there is null.
    pub(super) async fn look_up<T: DeserializeOwned>(&self, query: &str, variables: Value) -> Result<T, GitHubError> {
        let call = call(Door::Lookup, query, variables);
        data(&call, &self.read(&call).await?)
    }

    /// Changes something by a GraphQL mutation, once and after the writes before it.
    pub(super) async fn mutate<T: DeserializeOwned>(
        &self,
        purpose: Purpose,
        mutation: &str,
        variables: Value,
    ) -> Result<T, GitHubError> {
        let call = call(Door::Mutation, mutation, variables);
        let answer = self.send_write(&call, purpose).await?;
        data(&call, &answer)
    }
}

fn call(door: Door, query: &str, variables: Value) -> Call {
    let body = json!({ "query": query, "variables": variables });
    Call { method: Method::POST, path: PATH.to_owned(), body: Some(body), door, unless: None, overwrites: None }
}

fn data<T: DeserializeOwned>(call: &Call, answer: &Answer) -> Result<T, GitHubError> {
    let body: Body<T> = serde_json::from_slice(&answer.body)
        .map_err(|error| GitHubError::no_answer(&call.name(), call.writes(), error.to_string()))?;
    body.data.ok_or_else(|| GitHubError::no_answer(&call.name(), call.writes(), "an answer without data"))
}

/// The failure that a GraphQL answer of status 200 tells of, in the words of REST; none for a success and for REST.
///
/// <https://docs.github.com/en/graphql/overview/rate-limits-and-node-limits-for-the-graphql-api#exceeding-the-rate-limit>
pub(super) fn refusal(call: &Call, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Option<GitHubError> {
    if call.door == Door::Rest {
        return None;
    }
    let faults = serde_json::from_slice::<Body<Value>>(body).ok()?.errors;
    let is_answer = |fault: &Fault| call.door == Door::Lookup && fault.kind.as_deref() == Some("NOT_FOUND");
    let fault = faults.into_iter().find(|fault| !is_answer(fault))?;
    let is_limit = fault.message.to_ascii_lowercase().contains("rate limit");
    let status = match fault.kind.as_deref() {
        _ if is_limit => StatusCode::TOO_MANY_REQUESTS,
        Some("RATE_LIMITED" | "RATE_LIMIT") => StatusCode::TOO_MANY_REQUESTS,
        // "Something went wrong while executing your query": GitHub gave up, and nobody knows how far it had come.
        _ if fault.message.starts_with("Something went wrong") => StatusCode::BAD_GATEWAY,
        Some("SERVICE_UNAVAILABLE" | "INTERNAL") => StatusCode::BAD_GATEWAY,
        Some("NOT_FOUND") => StatusCode::NOT_FOUND,
        Some("FORBIDDEN" | "INSUFFICIENT_SCOPES") => StatusCode::FORBIDDEN,
        Some(_) | None => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let (name, body) = (call.name(), json!({ "message": fault.message }).to_string());
    let refusal = Refusal { call: &name, writes: call.writes(), status, headers, body: body.as_bytes() };
    Some(classify(&refusal, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_in_the_body_mean_what_statuses_mean() {
        let judge = |door, body: &str| {
            let call = call(door, "query { viewer { login } }", json!({}));
            refusal(&call, &HeaderMap::new(), body.as_bytes(), DateTime::from_timestamp(0, 0).unwrap())
        };
        let fault =
            |kind: &str, message: &str| json!({ "data": null, "errors": [{ "type": kind, "message": message }] });
        let is = |error: Option<GitHubError>, wanted: &str| {
            let error = format!("{error:?}");
            assert!(error.contains(wanted), "{error} is not {wanted}");
        };
        is(judge(Door::Query, r#"{"data": {"viewer": {"login": "wiz"}}}"#), "None");
        is(judge(Door::Rest, &fault("NOT_FOUND", "x").to_string()), "None");
        is(judge(Door::Query, "<html>"), "None");
        is(judge(Door::Query, &fault("NOT_FOUND", "Could not resolve to a node").to_string()), "NotFound");
        is(judge(Door::Lookup, &fault("NOT_FOUND", "Could not resolve to a Repository").to_string()), "None");
        is(judge(Door::Lookup, &fault("FORBIDDEN", "Resource not accessible").to_string()), "Forbidden");
        is(judge(Door::Mutation, &fault("FORBIDDEN", "Resource not accessible").to_string()), "Forbidden");
        is(judge(Door::Query, &fault("RATE_LIMITED", "API limit exceeded").to_string()), "RateLimited");
        is(judge(Door::Query, &fault("X", "You have exceeded a secondary rate limit").to_string()), "RateLimited");
        is(judge(Door::Mutation, &fault("UNPROCESSABLE", "no").to_string()), "Invalid");
        let gave_up = r#"{"errors": [{"message": "Something went wrong while executing your query."}]}"#;
        is(judge(Door::Query, gave_up), "Transient");
        is(judge(Door::Mutation, gave_up), "Ambiguous");
        is(judge(Door::Lookup, &fault("SERVICE_UNAVAILABLE", "Try again").to_string()), "Transient");
        is(judge(Door::Query, r#"{"errors": [{"message": "Field 'x' doesn't exist"}]}"#), "Invalid");
    }
}
