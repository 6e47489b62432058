//! What people do on the pages. Each form acts as the chosen user and leads back with a notice if GitHub would refuse.

use std::sync::Arc;

use anyhow::{Result, bail};
use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{ACTOR_COOKIE, actor};
use crate::control::{Control, Human, MergeMethod, Verdict};

/// A form of an issue or pull request page.
#[derive(Debug, Deserialize)]
pub struct Deed {
    action: String,
    #[serde(default)]
    number: u64,
    #[serde(default)]
    check_run: u64,
    #[serde(default)]
    run: u64,
    #[serde(default)]
    comment: u64,
    #[serde(default)]
    label: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    body: String,
}

/// `POST /{owner}/{repo}/do`
pub async fn submit(
    State(control): State<Arc<Control>>,
    Path((owner, repo)): Path<(String, String)>,
    headers: HeaderMap,
    Form(deed): Form<Deed>,
) -> Response {
    let back = back(&headers, &format!("/{owner}/{repo}/issues"));
    let worked = tokio::task::spawn_blocking(move || {
        let login = control.engine().with(|state| actor(state, &headers).map(|id| state.login(id).to_owned()));
        let Some(login) = login else { bail!("there is nobody to act as") };
        act(&control.act_as(&login)?, &format!("{owner}/{repo}"), &deed)
    });
    let result = worked.await.unwrap_or_else(|error| Err(error.into()));
    match result {
        Ok(()) => Redirect::to(&back).into_response(),
        Err(error) => {
            let notice: String = url::form_urlencoded::byte_serialize(format!("{error:#}").as_bytes()).collect();
            Redirect::to(&format!("{back}?notice={notice}")).into_response()
        }
    }
}

fn act(human: &Human, repo: &str, deed: &Deed) -> Result<()> {
    let (number, body) = (deed.number, deed.body.replace("\r\n", "\n"));
    match deed.action.as_str() {
        "open_issue" => human.open_issue(repo, &deed.title, &body).map(drop),
        "comment" => human.comment(repo, number, &body).map(drop),
        "approve" => human.review(repo, number, Verdict::Approve, &body).map(drop),
        "request_changes" => human.review(repo, number, Verdict::RequestChanges, &body).map(drop),
        "reply" => human.reply(repo, number, deed.comment, &body).map(drop),
        "resolve" => human.resolve_thread(repo, deed.comment, true),
        "unresolve" => human.resolve_thread(repo, deed.comment, false),
        "label" => human.label(repo, number, &[&deed.label]),
        "unlabel" => human.unlabel(repo, number, &deed.label),
        "lock" => human.lock(repo, number, None),
        "unlock" => human.unlock(repo, number),
        "draft" => human.set_draft(repo, number, true),
        "ready" => human.set_draft(repo, number, false),
        "close" => human.close(repo, number),
        "reopen" => human.reopen(repo, number),
        "merge" => human.merge(repo, number, MergeMethod::Merge).map(drop),
        "squash" => human.merge(repo, number, MergeMethod::Squash).map(drop),
        "rebase" => human.merge(repo, number, MergeMethod::Rebase).map(drop),
        "rerun_failed" => human.rerun_failed_jobs(repo, deed.run),
        "rerun" => human.rerun(repo, deed.run),
        "rerequest" => human.rerequest(repo, deed.check_run),
        other => match other.strip_prefix("click:") {
            Some(identifier) => human.click(repo, deed.check_run, identifier),
            None => bail!("no action `{other}`"),
        },
    }
}

/// A form of the stand-in's own pages.
#[derive(Debug, Deserialize)]
pub struct Choice {
    login: Option<String>,
    redeliver: Option<u64>,
}

/// `POST /_stand-in/act-as`: chooses who acts, or sends a delivery again.
pub async fn act_as(State(control): State<Arc<Control>>, headers: HeaderMap, Form(choice): Form<Choice>) -> Response {
    let mut response = Redirect::to(&back(&headers, "/")).into_response();
    if let Some(id) = choice.redeliver
        && let Err(error) = control.redeliver(id)
    {
        tracing::warn!(%error, "nothing to redeliver");
    }
    let cookie = choice.login.map(|login| format!("{ACTOR_COOKIE}={login}; Path=/; SameSite=Strict; HttpOnly"));
    if let Some(value) = cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

/// The page the form was on, as a path on this server, without an old notice.
fn back(headers: &HeaderMap, otherwise: &str) -> String {
    let referer = headers.get(header::REFERER).and_then(|value| value.to_str().ok());
    let path = referer.and_then(|text| url::Url::parse(text).ok()).map(|url| url.path().to_owned());
    path.filter(|path| path.starts_with('/') && !path.starts_with("//")).unwrap_or_else(|| otherwise.to_owned())
}
