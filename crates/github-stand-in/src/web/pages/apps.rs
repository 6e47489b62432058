//! Registering an app from a manifest, and installing it, as a person sees it.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use maud::html;
use serde::Deserialize;

use super::layout::page;
use super::{View, actor};
use crate::control::Control;
use crate::control::manifests::{Manifest, Registration, register};
use crate::store::Role;

type Shared = State<Arc<Control>>;

/// The form that an app's own setup page sends here.
#[derive(Debug, Deserialize)]
pub struct Sent {
    manifest: String,
}

/// The query beside it.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    state: String,
}

fn complain(error: &anyhow::Error) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, format!("{error:#}")).into_response()
}

/// `POST /settings/apps/new`
pub async fn new_own(control: Shared, asked: Query<Asked>, headers: HeaderMap, Form(sent): Form<Sent>) -> Response {
    confirm(&control.0, &headers, (None, &asked.state), &sent.manifest)
}

/// `POST /organizations/{organization}/settings/apps/new`
pub async fn new_of_organization(
    control: Shared,
    Path(organization): Path<String>,
    asked: Query<Asked>,
    headers: HeaderMap,
    Form(sent): Form<Sent>,
) -> Response {
    confirm(&control.0, &headers, (Some(&organization), &asked.state), &sent.manifest)
}

fn confirm(control: &Control, headers: &HeaderMap, place: (Option<&str>, &str), text: &str) -> Response {
    let manifest = match Manifest::read(text) {
        Ok(manifest) => manifest,
        Err(error) => return complain(&error),
    };
    control.engine().with(|state| {
        let view = View { actor: actor(state, headers), notice: None, state };
        let me = view.actor.map(|id| state.login(id)).unwrap_or_default();
        let (organization, token) = place;
        let body = html! {
            h1 { "Create GitHub App for " (organization.unwrap_or(me)) }
            form method="post" action="/settings/apps/create" {
                input type="hidden" name="manifest" value=(text);
                input type="hidden" name="state" value=(token);
                @if let Some(organization) = organization { input type="hidden" name="organization" value=(organization); }
                p { label for="name" { "GitHub App name" } " "
                    input type="text" id="name" name="name" value=(manifest.name.as_deref().unwrap_or_default()) required; }
                div.buttons { button.main { "Create GitHub App" } }
            }
        };
        Html(page(&view, "Create GitHub App", &body).into_string()).into_response()
    })
}

/// The confirmation.
#[derive(Debug, Deserialize)]
pub struct Confirmed {
    manifest: String,
    name: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    organization: Option<String>,
}

/// `POST /settings/apps/create`: registers and leads back to the app.
pub async fn create(State(control): Shared, headers: HeaderMap, Form(form): Form<Confirmed>) -> Response {
    let made = Manifest::read(&form.manifest).and_then(|manifest| {
        control.engine().with(|store| {
            let actor = actor(store, &headers).ok_or_else(|| anyhow::anyhow!("there is nobody to act as"))?;
            let organization = form.organization.as_deref();
            register(store, &manifest, &Registration { actor, organization, name: &form.name, state: &form.state })
        })
    });
    match made {
        Ok(url) => Redirect::to(&url).into_response(),
        Err(error) => complain(&error),
    }
}

/// `GET /apps/{slug}/installations/new`: choose repositories.
pub async fn install_page(State(control): Shared, Path(slug): Path<String>, headers: HeaderMap) -> Response {
    control.engine().with(|state| {
        let Some(app) = state.apps.values().find(|app| app.slug == slug) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let view = View { actor: actor(state, &headers), notice: None, state };
        let mine = state
            .repositories
            .values()
            .filter(|found| view.actor.is_some_and(|id| state.role(found, id) >= Role::Admin));
        let body = html! {
            h1 { "Install " (app.name) }
            form method="post" action=(format!("/apps/{slug}/installations")) {
                select name="repository" { @for found in mine { option { (state.full_name(found)) } } }
                p { "It may: " @for (name, level) in &app.permissions { span.tag { (name) ": " (format!("{level:?}").to_lowercase()) } " " } }
                div.buttons { button.main { "Install" } }
            }
        };
        Html(page(&view, "Install", &body).into_string()).into_response()
    })
}

/// The chosen repository.
#[derive(Debug, Deserialize)]
pub struct Chosen {
    repository: String,
}

/// `POST /apps/{slug}/installations`: installs and leads to the app's setup address.
pub async fn install(
    State(control): Shared,
    Path(slug): Path<String>,
    headers: HeaderMap,
    Form(chosen): Form<Chosen>,
) -> Response {
    let login = control.engine().with(|state| actor(state, &headers).map(|id| state.login(id).to_owned()));
    let installed =
        control.act_as(&login.unwrap_or_default()).and_then(|human| human.install_app(&slug, &[&chosen.repository]));
    match installed {
        Ok(url) => Redirect::to(&url).into_response(),
        Err(error) => complain(&error),
    }
}
