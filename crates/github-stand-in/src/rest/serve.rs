//! The way of one REST request.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Call;
use super::routes::{ROUTES, Route};
use crate::answer::{Answer, Body, Handled, Refusal};
use crate::auth::{Access, Caller, authorise, identify};
use crate::contract::{Contract, Exchange, Operation, Violation, ViolationKind};
use crate::faults::{FaultKind, take};
use crate::store::{Level, State};

/// Requests an hour: <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>
const RATE_LIMIT: u32 = 5_000;
/// For requests without a login, from the same page.
const ANONYMOUS_LIMIT: u32 = 60;
const DEFAULT_PER_PAGE: usize = 30;
const MAX_PER_PAGE: usize = 100;
const API_VERSIONS: [&str; 2] = ["2022-11-28", "2026-03-10"];

/// A REST request, headers in lower case.
#[derive(Debug, Clone, Default)]
pub struct ApiRequest {
    /// Upper-case method.
    pub method: String,
    /// Path as sent, still percent-encoded.
    pub path: String,
    /// Query string as sent.
    pub query: String,
    /// Headers by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// Body.
    pub body: Bytes,
    /// A person acts through the control; faults are for clients of the API.
    pub by_hand: bool,
}

impl ApiRequest {
    /// A request that a test or a page makes in somebody's name; the path may carry a query.
    pub fn by_hand(token: &str, call: (&str, &str), body: &Value) -> Self {
        let headers = [("authorization", format!("token {token}")), ("user-agent", "github-stand-in".to_owned())];
        let (path, query) = call.1.split_once('?').unwrap_or((call.1, ""));
        Self {
            method: call.0.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value)).into_iter().collect(),
            body: if body.is_null() { Bytes::new() } else { body.to_string().into() },
            by_hand: true,
        }
    }
}

/// Its answer.
#[derive(Debug, Clone)]
pub struct ApiResponse {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
    /// The work is done, and the client is never told.
    pub withheld: bool,
    /// It is only sent so much later.
    pub late_ms: u64,
}

impl ApiResponse {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// Answers one request and records every violation.
pub fn serve(state: &mut State, request: &ApiRequest) -> ApiResponse {
    let contract = match Contract::github() {
        Ok(contract) => contract,
        Err(error) => return finish(Err(Refusal::from(error)), Vec::new()),
    };
    let path = request.path.strip_prefix("/api/v3").or(request.path.strip_prefix("/api")).unwrap_or(&request.path);
    if request.method == "POST" && path == "/graphql" {
        return match take_fault(state, request, path) {
            Ok(fault) => play(fault.as_ref(), crate::graphql::serve(state, request)),
            Err(response) => response,
        };
    }
    let path = &by_name(state, path);
    let subject = format!("{} {path}", request.method);
    let Some((operation, parameters)) = contract.operation(&request.method, path) else {
        let detail = "no operation of GitHub matches".to_owned();
        state.violations.push(Violation { kind: ViolationKind::UnknownOperation, subject, detail });
        return finish(Err(Refusal::not_found()), Vec::new());
    };
    let query: HashMap<String, String> = url::form_urlencoded::parse(request.query.as_bytes()).into_owned().collect();
    let fault = match take_fault(state, request, path) {
        Ok(fault) => fault,
        Err(response) => return response,
    };
    if let Some(response) = moved(state, request, path, &parameters) {
        return response;
    }
    let (handled, body, caller) = work(state, contract, operation, request, (parameters, &query));
    let handled = handled.map(|answer| paginate(state, request, &query, answer));
    if request.method != "GET" && matches!(caller, Some(Caller::Installation { .. })) {
        state.writes.push(subject.clone());
    }
    let mut response = conditional(request, finish(handled, Vec::new()));
    // https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate
    // and https://docs.github.com/en/rest/rate-limit/rate-limit
    let free = response.status == 304 || operation.id == "rate-limit/get" || request.by_hand;
    response.headers.extend(count(state, caller.as_ref(), free));
    let names: Vec<String> = query.keys().cloned().collect();
    let answer = is_json(&response).then(|| response.json());
    let exchange = Exchange {
        operation,
        subject: &subject,
        query: &names,
        body: &body,
        status: response.status,
        answer: answer.as_ref(),
    };
    if response.status != 501 {
        state.violations.extend(contract.check(&exchange));
    }
    play(fault.as_ref(), response)
}

/// The fault that meets this request, or the refusal it is.
fn take_fault(state: &mut State, request: &ApiRequest, path: &str) -> Result<Option<FaultKind>, ApiResponse> {
    let fault = if request.by_hand { None } else { take(&mut state.faults, &request.method, path) };
    match fault.as_ref().and_then(|kind| refuse_by_fault(state, kind)) {
        Some(response) => Err(response),
        None => Ok(fault),
    }
}

/// What a fault makes of an answer whose work is done.
fn play(fault: Option<&FaultKind>, response: ApiResponse) -> ApiResponse {
    match fault {
        Some(FaultKind::AfterWork { status }) => finish(Err(Refusal::new(*status, "Server Error")), Vec::new()),
        Some(FaultKind::Unanswered) => ApiResponse { withheld: true, ..response },
        Some(FaultKind::Late { ms }) => ApiResponse { late_ms: *ms, ..response },
        Some(FaultKind::Status { .. } | FaultKind::PrimaryRateLimit { .. } | FaultKind::SecondaryRateLimit { .. })
        | None => response,
    }
}

/// `/repositories/{id}/…` is the address a redirect leads to; it means the repository whatever its name is.
fn by_name(state: &State, path: &str) -> String {
    let Some(rest) = path.strip_prefix("/repositories/") else { return path.to_owned() };
    let (id, below) = rest.split_once('/').map_or((rest, String::new()), |(id, below)| (id, format!("/{below}")));
    let found = id.parse().ok().and_then(|id: u64| state.repositories.get(&id));
    found.map_or_else(|| path.to_owned(), |found| format!("/repos/{}{below}", state.full_name(found)))
}

/// A repository's former name leads to its address by id; reading by 301, everything else by 307:
/// <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects>
fn moved(state: &State, request: &ApiRequest, path: &str, parameters: &HashMap<String, String>) -> Option<ApiResponse> {
    let (owner, name) = (parameters.get("owner")?, parameters.get("repo")?);
    if state.repository_by_name(owner, name).is_some() {
        return None;
    }
    let found = state.renamed(owner, name)?;
    let below = path.splitn(5, '/').nth(4).map(|below| format!("/{below}")).unwrap_or_default();
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    let url = format!("{}/repositories/{}{below}{query}", state.base_url, found.id);
    let body =
        json!({ "message": "Moved Permanently", "url": url, "documentation_url": "https://docs.github.com/rest" });
    let status = if request.method == "GET" { 301 } else { 307 };
    let answer = Answer { status, body: Body::Json(body), headers: vec![("location", url)] };
    Some(finish(Ok(answer), Vec::new()))
}

fn is_json(response: &ApiResponse) -> bool {
    !response.body.is_empty()
        && response.headers.iter().any(|(n, v)| n == "content-type" && v.starts_with("application/json"))
}

/// Caller, access and body, then the handler.
fn work(
    state: &mut State,
    contract: &Contract,
    operation: &Operation,
    request: &ApiRequest,
    named: (HashMap<String, String>, &HashMap<String, String>),
) -> (Handled, Value, Option<Caller>) {
    let body = parse_body(request);
    let shown = body.as_ref().map_or(Value::Null, Clone::clone);
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    // https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#user-agent
    if header("user-agent").is_none_or(str::is_empty) {
        let message =
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header";
        return (Err(Refusal::new(403, message)), shown, None);
    }
    if let Some(version) = header("x-github-api-version")
        && !API_VERSIONS.contains(&version)
    {
        return (Err(Refusal::new(400, format!("Version {version} is not supported."))), shown, None);
    }
    let caller = match identify(state, header("authorization")) {
        Ok(caller) => caller,
        Err(refusal) => return (Err(refusal), shown, None),
    };
    if let Some(refusal) = exhausted(state, &caller).filter(|_| !request.by_hand && operation.id != "rate-limit/get") {
        return (Err(refusal), shown, Some(caller));
    }
    let Some(route) = ROUTES.iter().find(|route| route.operation == operation.id) else {
        let detail = format!("`{}` is an operation of GitHub that the stand-in does not answer", operation.id);
        let subject = format!("{} {}", request.method, request.path);
        state.violations.push(Violation { kind: ViolationKind::NotBuilt, subject, detail: detail.clone() });
        return (Err(Refusal::new(501, detail)), shown, Some(caller));
    };
    let repository = match admit(state, &caller, route, &named.0) {
        Ok(repository) => repository,
        Err(refusal) => return (Err(refusal), shown, Some(caller)),
    };
    let body = match body {
        Ok(body) => body,
        Err(refusal) => return (Err(refusal), shown, Some(caller)),
    };
    let faults = contract.request_faults(operation, &body);
    if !faults.is_empty() {
        let message = format!("Invalid request.\n\n{}", faults.join("\n"));
        return (Err(Refusal::new(422, message)), shown, Some(caller));
    }
    let accept = header("accept").unwrap_or_default().to_owned();
    let (parameters, query) = (named.0, named.1.clone());
    let mut call = Call { state, caller: caller.clone(), repository, parameters, query, body, accept };
    ((route.handler)(&mut call), shown, Some(caller))
}

fn parse_body(request: &ApiRequest) -> Result<Value, Refusal> {
    if request.body.is_empty() || request.method == "GET" {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&request.body).map_err(|_| Refusal::new(400, "Problems parsing JSON"))
}

/// May the caller call this? Returns the repository in the path, or 0.
fn admit(state: &State, caller: &Caller, route: &Route, parameters: &HashMap<String, String>) -> Result<u64, Refusal> {
    match (&route.access, caller) {
        (Access::App, Caller::App(_)) | (Access::Installation, Caller::Installation { .. }) | (Access::Anyone, _) => {}
        (Access::App, _) => return Err(Refusal::new(401, "A JSON web token could not be decoded")),
        (Access::Installation, Caller::Anonymous) => return Err(Refusal::new(401, "Requires authentication")),
        (Access::Installation, _) => {
            return Err(Refusal::new(
                403,
                "You must authenticate with an installation access token in order to access this endpoint.",
            ));
        }
        (Access::Repository { .. }, _) => {}
    }
    let (Some(owner), Some(name)) = (parameters.get("owner"), parameters.get("repo")) else { return Ok(0) };
    let repository = state.repository_by_name(owner, name).ok_or_else(Refusal::not_found)?;
    authorise(state, caller, repository, &narrowed(route.access, repository, parameters))?;
    // https://docs.github.com/en/repositories/archiving-a-github-repository/archiving-repositories
    let writes = matches!(route.access, Access::Repository { level: Level::Write | Level::Admin, .. });
    if repository.archived && writes && !["repos/update", "repos/delete"].contains(&route.operation) {
        return Err(Refusal::new(403, "Repository was archived so is read-only."));
    }
    Ok(repository.id)
}

/// The issue endpoints serve pull requests too; for a plain issue the pull request permission does not do.
fn narrowed(access: Access, repository: &crate::store::Repository, parameters: &HashMap<String, String>) -> Access {
    let number = parameters.get("issue_number").and_then(|text| text.parse::<u64>().ok());
    let plain = number.and_then(|number| repository.issues.get(&number)).is_some_and(|issue| issue.pull.is_none());
    match access {
        Access::Repository { permissions, level, role } if plain && permissions.contains(&"issues") => {
            Access::Repository { permissions: &["issues"], level, role }
        }
        Access::Anyone | Access::App | Access::Installation | Access::Repository { .. } => access,
    }
}

fn refuse_by_fault(state: &State, kind: &FaultKind) -> Option<ApiResponse> {
    let secondary = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    match kind {
        FaultKind::Status { status } => Some(finish(Err(Refusal::new(*status, "Server Error")), Vec::new())),
        FaultKind::SecondaryRateLimit { status, retry_after_s } => {
            let headers = vec![("retry-after".to_owned(), retry_after_s.to_string())];
            Some(finish(Err(Refusal::new(*status, secondary)), headers))
        }
        FaultKind::PrimaryRateLimit { reset_s } => {
            let reset = state.now().timestamp() + i64::try_from(*reset_s).unwrap_or(i64::MAX / 2);
            let headers = rate_headers((RATE_LIMIT, RATE_LIMIT, "core"), reset);
            Some(finish(Err(Refusal::new(403, "API rate limit exceeded for installation.")), headers))
        }
        FaultKind::AfterWork { .. } | FaultKind::Unanswered | FaultKind::Late { .. } => None,
    }
}

/// Requests an hour that a caller has.
pub fn hourly_limit(state: &State, caller: Option<&Caller>) -> u32 {
    match caller {
        None | Some(Caller::Anonymous) => ANONYMOUS_LIMIT,
        Some(Caller::User(_) | Caller::App(_) | Caller::Installation { .. }) => state.rate_limit.unwrap_or(RATE_LIMIT),
    }
}

/// The refusal of a caller whose hour is spent.
fn exhausted(state: &mut State, caller: &Caller) -> Option<Refusal> {
    let spent = state.spent(&caller.rate_key());
    if spent < hourly_limit(state, Some(caller)) {
        return None;
    }
    let who = match caller {
        Caller::Anonymous => "127.0.0.1".to_owned(),
        Caller::User(id) => format!("user ID {id}"),
        Caller::App(id) => format!("app ID {id}"),
        Caller::Installation { id, .. } => format!("installation ID {id}"),
    };
    Some(Refusal::new(403, format!("API rate limit exceeded for {who}.")))
}

/// Counts the request, unless it is free, and gives the rate-limit headers.
fn count(state: &mut State, caller: Option<&Caller>, free: bool) -> Vec<(String, String)> {
    let key = caller.map_or_else(|| "anonymous".to_owned(), Caller::rate_key);
    let limit = hourly_limit(state, caller);
    let spent = state.spent(&key);
    let spent = if free || spent >= limit { spent } else { state.spend(&key, 1) };
    rate_headers((limit, spent, "core"), state.rate_reset(&key))
}

/// Limit, spent and resource as headers.
pub fn rate_headers(window: (u32, u32, &str), reset: i64) -> Vec<(String, String)> {
    let (limit, spent, resource) = window;
    [
        ("x-ratelimit-limit", limit.to_string()),
        ("x-ratelimit-remaining", limit.saturating_sub(spent).to_string()),
        ("x-ratelimit-used", spent.to_string()),
        ("x-ratelimit-reset", reset.to_string()),
        ("x-ratelimit-resource", resource.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// Cuts a list into the asked page and links to the others:
/// <https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api>
fn paginate(state: &State, request: &ApiRequest, query: &HashMap<String, String>, mut answer: Answer) -> Answer {
    let Body::List(name, items) = answer.body else { return answer };
    let asked = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    let per_page = asked("per_page").unwrap_or(DEFAULT_PER_PAGE).clamp(1, MAX_PER_PAGE);
    let page = asked("page").unwrap_or(1).max(1);
    let total = items.len();
    let last = total.div_ceil(per_page).max(1);
    let url = |page: usize| {
        let others = query.iter().filter(|(name, _)| *name != "page").collect::<BTreeMap<_, _>>();
        let mut text = url::form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(others).append_pair("page", &page.to_string());
        format!("{}{}?{}", state.base_url, request.path, text.finish())
    };
    let mut links = Vec::new();
    if page > 1 {
        links.push(format!("<{}>; rel=\"prev\"", url(page - 1)));
    }
    if page < last {
        links.push(format!("<{}>; rel=\"next\"", url(page + 1)));
        links.push(format!("<{}>; rel=\"last\"", url(last)));
    }
    if page > 1 {
        links.push(format!("<{}>; rel=\"first\"", url(1)));
    }
    if !links.is_empty() {
        answer.headers.push(("link", links.join(", ")));
    }
    let shown: Vec<Value> = items.into_iter().skip((page - 1) * per_page).take(per_page).collect();
    answer.body = Body::Json(match name {
        Some(name) => json!({ "total_count": total, name: shown }),
        None => Value::Array(shown),
    });
    answer
}

/// Answers 304 when the client already has this:
/// <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate>
fn conditional(request: &ApiRequest, mut response: ApiResponse) -> ApiResponse {
    if request.method != "GET" || response.status != 200 {
        return response;
    }
    let tag = format!("W/\"{}\"", hex::encode(Sha256::digest(&response.body)));
    if request.headers.get("if-none-match").is_some_and(|known| known.split(',').any(|one| one.trim() == tag)) {
        response.status = 304;
        response.body.clear();
        response.headers.retain(|(name, _)| name != "content-type");
    }
    response.headers.push(("etag".to_owned(), tag));
    response.headers.push(("cache-control".to_owned(), "private, max-age=60, s-maxage=60".to_owned()));
    response
}

/// Puts the common headers on.
pub fn finish(handled: Handled, mut headers: Vec<(String, String)>) -> ApiResponse {
    let json_type = "application/json; charset=utf-8";
    let (status, content_type, body) = match handled {
        Err(refusal) => (refusal.status, Some(json_type), refusal.body().to_string().into_bytes()),
        Ok(answer) => {
            headers.extend(answer.headers.into_iter().map(|(name, value)| (name.to_owned(), value)));
            match answer.body {
                Body::Empty => (answer.status, None, Vec::new()),
                Body::Json(value) => (answer.status, Some(json_type), value.to_string().into_bytes()),
                Body::List(_, items) => (answer.status, Some(json_type), Value::Array(items).to_string().into_bytes()),
                Body::Raw(media_type, bytes) => (answer.status, Some(media_type), bytes),
            }
        }
    };
    headers.extend(content_type.map(|text| ("content-type".to_owned(), text.to_owned())));
    headers.push(("x-github-request-id".to_owned(), uuid::Uuid::new_v4().simple().to_string().to_uppercase()));
    headers.push(("x-github-media-type".to_owned(), "github.v3; format=json".to_owned()));
    headers.push(("x-github-api-version-selected".to_owned(), API_VERSIONS[0].to_owned()));
    ApiResponse { status, headers, body, withheld: false, late_ms: 0 }
}
