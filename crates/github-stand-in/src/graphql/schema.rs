//! The part of GitHub's GraphQL schema that is answered, and the check of a document against it.
//!
//! <https://docs.github.com/en/graphql/reference/objects#pullrequestreviewthread>

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::parse::{Document, Field};

/// Field, type (empty for a scalar), arguments. A `!` marks one that is needed.
type Fields = &'static [(&'static str, &'static str, &'static [&'static str])];
const PAGES: &[&str] = &["first", "last", "after", "before"];

const TYPES: &[(&str, Fields)] = &[
    ("Query", &[("repository", "Repository", &["owner!", "name!", "followRenames"]), ("viewer", "User", &[])]),
    (
        "Mutation",
        &[
            ("resolveReviewThread", "ResolveReviewThreadPayload", &["input!"]),
            ("unresolveReviewThread", "UnresolveReviewThreadPayload", &["input!"]),
            ("markPullRequestReadyForReview", "MarkPullRequestReadyForReviewPayload", &["input!"]),
        ],
    ),
    ("ResolveReviewThreadPayload", PAYLOAD),
    ("UnresolveReviewThreadPayload", PAYLOAD),
    ("MarkPullRequestReadyForReviewPayload", &[("clientMutationId", "", &[]), ("pullRequest", "PullRequest", &[])]),
    (
        "Repository",
        &[
            ("id", "", &[]),
            ("name", "", &[]),
            ("nameWithOwner", "", &[]),
            ("pullRequest", "PullRequest", &["number!"]),
            ("defaultBranchRef", "Ref", &[]),
        ],
    ),
    ("Ref", &[("id", "", &[]), ("name", "", &[]), ("prefix", "", &[]), ("target", "GitObject", &[])]),
    ("GitObject", OBJECT),
    ("Tree", OBJECT),
    ("Commit", &[("id", "", &[]), ("oid", "", &[]), ("abbreviatedOid", "", &[]), ("file", "TreeEntry", &["path!"])]),
    (
        "TreeEntry",
        &[
            ("name", "", &[]),
            ("path", "", &[]),
            ("oid", "", &[]),
            ("type", "", &[]),
            ("mode", "", &[]),
            ("object", "GitObject", &[]),
        ],
    ),
    (
        "Blob",
        &[
            ("id", "", &[]),
            ("oid", "", &[]),
            ("abbreviatedOid", "", &[]),
            ("byteSize", "", &[]),
            ("isBinary", "", &[]),
            ("isTruncated", "", &[]),
            ("text", "", &[]),
        ],
    ),
    (
        "PullRequest",
        &[
            ("id", "", &[]),
            ("number", "", &[]),
            ("headRefOid", "", &[]),
            ("isDraft", "", &[]),
            ("reviewThreads", "PullRequestReviewThreadConnection", PAGES),
            ("reviews", "PullRequestReviewConnection", PAGES),
        ],
    ),
    (
        "PullRequestReviewConnection",
        &[("nodes", "PullRequestReview", &[]), ("pageInfo", "PageInfo", &[]), ("totalCount", "", &[])],
    ),
    (
        "PullRequestReviewThreadConnection",
        &[("nodes", "PullRequestReviewThread", &[]), ("pageInfo", "PageInfo", &[]), ("totalCount", "", &[])],
    ),
    (
        "PullRequestReviewThread",
        &[
            ("id", "", &[]),
            ("isResolved", "", &[]),
            ("isOutdated", "", &[]),
            ("isCollapsed", "", &[]),
            ("path", "", &[]),
            ("line", "", &[]),
            ("originalLine", "", &[]),
            ("startLine", "", &[]),
            ("diffSide", "", &[]),
            ("resolvedBy", "User", &[]),
            ("comments", "PullRequestReviewCommentConnection", PAGES),
        ],
    ),
    (
        "PullRequestReviewCommentConnection",
        &[("nodes", "PullRequestReviewComment", &[]), ("pageInfo", "PageInfo", &[]), ("totalCount", "", &[])],
    ),
    (
        "PullRequestReviewComment",
        &[
            ("id", "", &[]),
            ("databaseId", "", &[]),
            ("fullDatabaseId", "", &[]),
            ("body", "", &[]),
            ("path", "", &[]),
            ("line", "", &[]),
            ("diffHunk", "", &[]),
            ("outdated", "", &[]),
            ("createdAt", "", &[]),
            ("lastEditedAt", "", &[]),
            ("url", "", &[]),
            ("author", "Actor", &[]),
            ("pullRequestReview", "PullRequestReview", &[]),
        ],
    ),
    (
        "PullRequestReview",
        &[
            ("id", "", &[]),
            ("databaseId", "", &[]),
            ("fullDatabaseId", "", &[]),
            ("state", "", &[]),
            ("lastEditedAt", "", &[]),
            ("comments", "PullRequestReviewCommentConnection", PAGES),
        ],
    ),
    ("Actor", &[("login", "", &[]), ("url", "", &[])]),
    ("User", &[("login", "", &[]), ("url", "", &[]), ("databaseId", "", &[]), ("id", "", &[])]),
    (
        "PageInfo",
        &[("hasNextPage", "", &[]), ("hasPreviousPage", "", &[]), ("startCursor", "", &[]), ("endCursor", "", &[])],
    ),
];
const OBJECT: Fields = &[("id", "", &[]), ("oid", "", &[]), ("abbreviatedOid", "", &[])];
/// What an interface may be.
const INTERFACES: &[(&str, &[&str])] = &[("GitObject", &["Commit", "Tree", "Blob"])];
const PAYLOAD: Fields = &[("clientMutationId", "", &[]), ("thread", "PullRequestReviewThread", &[])];

/// Everything that is wrong with a document, as GitHub tells it. GitHub answers nothing then.
pub fn faults(document: &Document, variables: &Value) -> Vec<Value> {
    let root = if document.mutation { "Mutation" } else { "Query" };
    let mut found = Vec::new();
    let mut used = BTreeSet::new();
    check(&document.fields, root, &mut vec![root.to_lowercase()], &mut found);
    collect(&document.fields, &mut used);
    for name in used.iter().filter(|name| !document.declared.contains(**name)) {
        found.push(json!({ "message": format!("Variable ${name} is used by anonymous {} but not declared", root.to_lowercase()) }));
    }
    for name in document.declared.iter().filter(|name| !used.contains(name.as_str())) {
        found.push(json!({ "message": format!("Variable ${name} is declared by anonymous {} but not used", root.to_lowercase()) }));
    }
    for name in variables.as_object().into_iter().flatten().map(|(name, _)| name) {
        if !document.declared.contains(name) && found.is_empty() {
            // GitHub ignores it; a client that sends one has a slip that nobody would notice there.
            found.push(json!({ "message": format!("Variable ${name} is given and not declared") }));
        }
    }
    found
}

fn collect<'a>(fields: &'a [Field], used: &mut BTreeSet<&'a str>) {
    for field in fields {
        field.arguments.iter().for_each(|(_, argument)| argument.variables(used));
        collect(&field.fields, used);
    }
}

fn check(fields: &[Field], of: &str, path: &mut Vec<String>, found: &mut Vec<Value>) {
    let kinds = INTERFACES.iter().find(|(name, _)| *name == of).map(|(_, kinds)| *kinds).unwrap_or_default();
    for field in fields {
        path.push(field.alias.clone());
        let of = field.only_on.as_deref().unwrap_or(of);
        if field.only_on.is_some() && !kinds.contains(&of) {
            let message = format!("Fragment on {of} can't be spread here");
            found.push(fault(field, path, "cannotSpreadFragment", &message));
        }
        let known = TYPES.iter().find(|(name, _)| *name == of).map(|(_, fields)| *fields).unwrap_or_default();
        if field.name != "__typename" {
            match known.iter().find(|(name, _, _)| *name == field.name) {
                None => found.push(fault(
                    field,
                    path,
                    "undefinedField",
                    &format!("Field '{}' doesn't exist on type '{of}'", field.name),
                )),
                Some((_, kind, arguments)) => {
                    check_arguments(field, arguments, path, found);
                    check_selections(field, kind, path, found);
                }
            }
        }
        path.pop();
    }
}

fn check_arguments(field: &Field, known: &[&str], path: &[String], found: &mut Vec<Value>) {
    for (name, _) in &field.arguments {
        if !known.iter().any(|one| one.trim_end_matches('!') == name) {
            let message = format!("Field '{}' doesn't accept argument '{name}'", field.name);
            found.push(fault(field, path, "argumentNotAccepted", &message));
        }
    }
    let given = |name: &str| field.arguments.iter().any(|(one, _)| one == name);
    for name in known.iter().filter_map(|name| name.strip_suffix('!')).filter(|name| !given(name)) {
        let message = format!("Field '{}' is missing required arguments: {name}", field.name);
        found.push(fault(field, path, "missingRequiredArguments", &message));
    }
}

fn check_selections(field: &Field, kind: &str, path: &mut Vec<String>, found: &mut Vec<Value>) {
    match (kind.is_empty(), field.fields.is_empty()) {
        (true, false) => {
            let message = format!(
                "Selections can't be made on scalars (field '{}' returns a scalar but has selections)",
                field.name
            );
            found.push(fault(field, path, "selectionMismatch", &message));
        }
        (false, true) => {
            let message = format!(
                "Field must have selections (field '{0}' returns {kind} but has no selections. Did you mean '{0} {{ ... }}'?)",
                field.name
            );
            found.push(fault(field, path, "selectionMismatch", &message));
        }
        (true, true) => {}
        (false, false) => check(&field.fields, kind, path, found),
    }
}

fn fault(field: &Field, path: &[String], code: &str, message: &str) -> Value {
    json!({
        "path": path, "extensions": { "code": code, "fieldName": field.name },
        "locations": [{ "line": field.at.0, "column": field.at.1 }], "message": message,
    })
}
