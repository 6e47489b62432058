//! `POST /graphql`: what the REST API cannot do, which is review threads and their resolution, and files of several
//! repositories at once.
//!
//! A document is checked against the part of the schema that is answered, as GitHub checks it against the whole: one
//! unknown field, and nothing is answered. Way of the data: [`parse`] → [`schema::faults`] → [`execute`].
//! Read first: [`serve`], [`execute::Answerer`].

mod execute;
mod files;
mod parse;
mod schema;
mod threads;

use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::auth::{Caller, identify};
use crate::rest::{ApiRequest, ApiResponse, finish, rate_headers};
use crate::store::State;

pub use threads::thread_node_id;

/// Points an hour: <https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api>
const LIMIT: u32 = 5_000;

/// Answers one GraphQL request. Faults of the document are told with status 200, as GitHub does.
pub fn serve(state: &mut State, request: &ApiRequest) -> ApiResponse {
    let refused = |refusal: Refusal| finish(Err(refusal), Vec::new());
    if request.headers.get("user-agent").is_none_or(String::is_empty) {
        return refused(Refusal::new(403, "Request forbidden by administrative rules."));
    }
    let caller = match identify(state, request.headers.get("authorization").map(String::as_str)) {
        Ok(Caller::Anonymous | Caller::App(_)) => {
            return refused(Refusal::new(401, "This endpoint requires you to be authenticated."));
        }
        Ok(caller) => caller,
        Err(refusal) => return refused(refusal),
    };
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return refused(Refusal::new(400, "Problems parsing JSON"));
    };
    if body["query"].as_str().is_some_and(|text| text.trim_start().starts_with("mutation")) {
        state.writes.push("POST /graphql".to_owned());
    }
    let key = format!("graphql-{}", caller.rate_key());
    let spent = state.spend(&key, 1);
    let reset = state.rate_reset(&key);
    let headers = rate_headers((LIMIT, spent, "graphql"), reset);
    let value = answer(state, &caller, &body);
    finish(Ok(crate::answer::Answer::ok(value)), headers)
}

fn answer(state: &mut State, caller: &Caller, body: &Value) -> Value {
    let Some(text) = body["query"].as_str() else {
        return json!({ "errors": [{ "message": "A query attribute must be specified and must be a string." }] });
    };
    let document = match parse::parse(text) {
        Ok(document) => document,
        Err(fault) => {
            let location = json!({ "line": fault.at.0, "column": fault.at.1 });
            return json!({ "errors": [{ "message": fault.message, "locations": [location] }] });
        }
    };
    let faults = schema::faults(&document, &body["variables"]);
    if !faults.is_empty() {
        return json!({ "errors": faults });
    }
    execute::run(state, caller, &document, &body["variables"])
}
