//! Answers a checked document.

use serde_json::{Map, Value, json};

use super::parse::{Document, Field};
use super::{files, threads};
use crate::answer::Refusal;
use crate::auth::{Access, Caller, authorise};
use crate::render::node_id;
use crate::store::{Level, Repository, Role, State};

/// GitHub's page sizes: <https://docs.github.com/en/graphql/guides/using-pagination-in-the-graphql-api>
const MAX_PAGE: usize = 100;

/// Answers the fields of one document and collects what went wrong.
pub struct Answerer<'a> {
    variables: &'a Value,
    errors: Vec<Value>,
}

/// Runs a document.
pub fn run(state: &mut State, caller: &Caller, document: &Document, variables: &Value) -> Value {
    let mut answerer = Answerer { variables, errors: Vec::new() };
    let mut data = Map::new();
    for field in &document.fields {
        let value = if document.mutation {
            answerer.mutation(state, caller, field)
        } else {
            answerer.query(state, caller, field)
        };
        data.insert(field.alias.clone(), value);
    }
    if answerer.errors.is_empty() {
        json!({ "data": data })
    } else {
        json!({ "data": data, "errors": answerer.errors })
    }
}

/// Reading with these permissions.
fn reading(permissions: &'static [&'static str]) -> Access {
    Access::Repository { permissions, level: Level::Read, role: Role::Read }
}

impl Answerer<'_> {
    fn argument(&self, field: &Field, name: &str) -> Value {
        let found = field.arguments.iter().find(|(one, _)| one == name);
        found.map_or(Value::Null, |(_, argument)| argument.fill(self.variables))
    }

    fn fail(&mut self, field: &Field, kind: &str, message: String) -> Value {
        self.errors.push(json!({
            "type": kind, "path": [field.alias], "message": message,
            "locations": [{ "line": field.at.0, "column": field.at.1 }],
        }));
        Value::Null
    }

    fn query(&mut self, state: &State, caller: &Caller, field: &Field) -> Value {
        match field.name.as_str() {
            "__typename" => json!("Query"),
            "viewer" => {
                let viewer = caller.account().map_or(Value::Null, |id| threads::actor(state, id));
                self.project(&viewer, field)
            }
            _ => self.repository(state, caller, field),
        }
    }

    fn repository(&mut self, state: &State, caller: &Caller, field: &Field) -> Value {
        let (owner, name) = (self.argument(field, "owner"), self.argument(field, "name"));
        let (owner, name) = (owner.as_str().unwrap_or_default(), name.as_str().unwrap_or_default());
        let found = state.repository_by_name(owner, name);
        let missing = format!("Could not resolve to a Repository with the name '{owner}/{name}'.");
        let Some(repository) = found else { return self.fail(field, "NOT_FOUND", missing) };
        match authorise(state, caller, repository, &reading(&[])) {
            Ok(()) => {}
            Err(refusal) if refusal.status == 404 => return self.fail(field, "NOT_FOUND", missing),
            Err(refusal) => return self.fail(field, "FORBIDDEN", refusal.message),
        }
        let mut shown = Map::new();
        for below in &field.fields {
            let needed: &[&str] = match below.name.as_str() {
                "pullRequest" => &["pull_requests"],
                "defaultBranchRef" => &["contents"],
                _ => &[],
            };
            let value = match (authorise(state, caller, repository, &reading(needed)), below.name.as_str()) {
                (Err(refusal), _) => self.fail(below, "FORBIDDEN", refusal.message),
                (Ok(()), "pullRequest") => self.pull_request(state, repository, below),
                (Ok(()), "defaultBranchRef") => self.default_branch(repository, below).unwrap_or_else(|refusal| {
                    let message = format!("Something went wrong while executing your query: {}", refusal.message);
                    self.fail(below, "INTERNAL", message)
                }),
                (Ok(()), name) => threads::repository(state, repository)[name].clone(),
            };
            shown.insert(below.alias.clone(), value);
        }
        Value::Object(shown)
    }

    fn pull_request(&mut self, state: &State, repository: &Repository, field: &Field) -> Value {
        let number = self.argument(field, "number").as_u64().unwrap_or_default();
        match threads::pull_request(state, repository, number) {
            Some(pull) => self.project(&pull, field),
            None => {
                let message = format!("Could not resolve to a PullRequest with the number of {number}.");
                self.fail(field, "NOT_FOUND", message)
            }
        }
    }

    fn default_branch(&mut self, repository: &Repository, field: &Field) -> Result<Value, Refusal> {
        let Some(tip) = files::tip(repository)? else { return Ok(Value::Null) };
        let mut shown = Map::new();
        for below in &field.fields {
            let value = match below.name.as_str() {
                "target" => self.commit(repository, &tip.commit, below)?,
                "name" => json!(tip.branch),
                "prefix" => json!("refs/heads/"),
                "__typename" => json!("Ref"),
                _ => json!(node_id("Ref", format_args!("{}/{}", repository.id, tip.branch))),
            };
            shown.insert(below.alias.clone(), value);
        }
        Ok(Value::Object(shown))
    }

    fn commit(&mut self, repository: &Repository, sha: &str, field: &Field) -> Result<Value, Refusal> {
        let mut shown = Map::new();
        for below in field.fields.iter().filter(|below| below.only_on.as_deref().is_none_or(|kind| kind == "Commit")) {
            let value = if below.name == "file" {
                let path = self.argument(below, "path");
                let entry = files::entry(repository, sha, path.as_str().unwrap_or_default())?;
                self.project(&entry, below)
            } else {
                files::commit(sha)[&below.name].clone()
            };
            shown.insert(below.alias.clone(), value);
        }
        Ok(Value::Object(shown))
    }

    fn mutation(&mut self, state: &mut State, caller: &Caller, field: &Field) -> Value {
        let wanted = if field.name == "markPullRequestReadyForReview" { "pullRequestId" } else { "threadId" };
        let input = self.argument(field, "input");
        let members = input.as_object().into_iter().flatten();
        if let Some((name, _)) =
            members.into_iter().find(|(name, _)| ![wanted, "clientMutationId"].contains(&name.as_str()))
        {
            let message = format!("InputObject doesn't accept argument '{name}'");
            return self.fail(field, "INVALID", message);
        }
        let Some(id) = input[wanted].as_str() else {
            return self.fail(field, "INVALID", format!("Argument '{wanted}' on InputObject is required."));
        };
        let changed = match field.name.as_str() {
            "markPullRequestReadyForReview" => threads::ready_as(state, caller, id).map(|pull| ("pullRequest", pull)),
            name => {
                threads::resolve_as(state, caller, id, name == "resolveReviewThread").map(|thread| ("thread", thread))
            }
        };
        match changed {
            Ok((member, value)) => {
                let payload = json!({ "clientMutationId": input["clientMutationId"], member: value });
                self.project(&payload, field)
            }
            Err(refusal) if refusal.status == 404 => {
                self.fail(field, "NOT_FOUND", format!("Could not resolve to a node with the global id of '{id}'"))
            }
            Err(refusal) if refusal.status == 422 => self.fail(field, "UNPROCESSABLE", refusal.message),
            Err(refusal) => self.fail(field, "FORBIDDEN", refusal.message),
        }
    }

    /// Cuts a whole object down to what was selected. A connection is an array until here.
    fn project(&mut self, whole: &Value, field: &Field) -> Value {
        match whole {
            Value::Object(members) => {
                let mut shown = Map::new();
                let asked = |below: &&Field| {
                    below.only_on.as_ref().is_none_or(|kind| members.get("__typename").is_some_and(|it| it == kind))
                };
                for below in field.fields.iter().filter(asked) {
                    let member = members.get(&below.name).unwrap_or(&Value::Null);
                    let value = match member {
                        Value::Array(items) => self.connection(items, below),
                        Value::Object(_) => self.project(member, below),
                        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => member.clone(),
                    };
                    shown.insert(below.alias.clone(), value);
                }
                Value::Object(shown)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => whole.clone(),
        }
    }

    fn connection(&mut self, items: &[Value], field: &Field) -> Value {
        let number = |value: Value| value.as_u64().and_then(|number| usize::try_from(number).ok());
        let (first, last) = (number(self.argument(field, "first")), number(self.argument(field, "last")));
        let Some(size) = first.or(last) else {
            let message = format!(
                "You must provide a `first` or `last` value to properly paginate the `{}` connection.",
                field.name
            );
            return self.fail(field, "MISSING_PAGINATION_BOUNDARIES", message);
        };
        if size > MAX_PAGE {
            let message = format!(
                "Requesting {size} records on the `{}` connection exceeds the `first` limit of {MAX_PAGE} records.",
                field.name
            );
            return self.fail(field, "EXCESSIVE_PAGINATION", message);
        }
        let cursor = |value: Value| value.as_str().and_then(|text| text.parse::<usize>().ok());
        let start = cursor(self.argument(field, "after")).unwrap_or(0).min(items.len());
        let end =
            cursor(self.argument(field, "before")).map_or(items.len(), |before| before.saturating_sub(1)).max(start);
        let end = end.min(items.len());
        let (start, end) = match first {
            Some(size) => (start, end.min(start + size)),
            None => (end.saturating_sub(size).max(start), end),
        };
        let nodes: Vec<&Value> = items[start..end].iter().collect();
        let page = json!({
            "hasNextPage": end < items.len(), "hasPreviousPage": start > 0,
            "startCursor": (!nodes.is_empty()).then(|| (start + 1).to_string()),
            "endCursor": (!nodes.is_empty()).then(|| end.to_string()),
        });
        let mut shown = Map::new();
        for below in &field.fields {
            let value = match below.name.as_str() {
                "nodes" => nodes.iter().map(|node| self.project(node, below)).collect(),
                "pageInfo" => self.project(&page, below),
                "__typename" => json!(match field.name.as_str() {
                    "comments" => "PullRequestReviewCommentConnection",
                    "reviews" => "PullRequestReviewConnection",
                    _ => "PullRequestReviewThreadConnection",
                }),
                _ => json!(items.len()),
            };
            shown.insert(below.alias.clone(), value);
        }
        Value::Object(shown)
    }
}
