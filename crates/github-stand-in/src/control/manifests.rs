//! Registering an app from a manifest, as the page of GitHub does it, and installing it.
//!
//! <https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest>

use anyhow::{Context, Result, bail, ensure};
use chrono::TimeDelta;
use serde::Deserialize;

use super::Human;
use super::setup::{account, add_app, install};
use crate::events::needed_permissions;
use crate::rest::fresh_token;
use crate::store::{AccountKind, App, PermissionSet, State};

/// "You must complete this step within one hour."
const CODE_LIFE: TimeDelta = TimeDelta::hours(1);
/// <https://docs.github.com/en/apps/creating-github-apps/registering-a-github-app/registering-a-github-app>
const MAX_NAME_CHARS: usize = 34;
/// Sent to every app, and therefore not to be subscribed to:
/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#installation>
const ALWAYS_SENT: [&str; 3] = ["installation", "installation_repositories", "github_app_authorization"];

/// What the manifest parameter may hold.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Manifest {
    #[serde(default)]
    pub(crate) name: Option<String>,
    url: String,
    #[serde(default)]
    hook_attributes: Option<Hook>,
    #[serde(default)]
    redirect_url: Option<String>,
    #[serde(default)]
    setup_url: Option<String>,
    #[serde(default)]
    default_permissions: PermissionSet,
    #[serde(default)]
    default_events: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Hook {
    url: String,
    #[serde(default)]
    active: Option<bool>,
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// With what GitHub's page would complain of.
    pub(crate) fn read(text: &str) -> Result<Self> {
        let manifest: Self = serde_json::from_str(text).context("the manifest is invalid")?;
        for url in
            [Some(&manifest.url), manifest.redirect_url.as_ref(), manifest.setup_url.as_ref()].into_iter().flatten()
        {
            ensure!(url::Url::parse(url).is_ok(), "`{url}` is no address");
        }
        if let Some(hook) = &manifest.hook_attributes {
            ensure!(url::Url::parse(&hook.url).is_ok(), "Hook url `{}` is no address", hook.url);
        }
        let granted = |name: &&str| manifest.default_permissions.contains_key(*name);
        for event in &manifest.default_events {
            let needed = needed_permissions(event);
            let allowed = needed.is_empty() || needed.iter().any(granted);
            ensure!(allowed && !ALWAYS_SENT.contains(&event.as_str()), "Default events unsupported: {event}");
        }
        Ok(manifest)
    }
}

/// Who registers, for whom, under which name, with which `state`.
#[derive(Debug)]
pub(crate) struct Registration<'a> {
    pub(crate) actor: u64,
    pub(crate) organization: Option<&'a str>,
    pub(crate) name: &'a str,
    pub(crate) state: &'a str,
}

/// Registers the app and gives the address the browser is sent to.
///
/// # Errors
/// If the name is taken or too long, or the organisation is not the actor's to act for.
pub(crate) fn register(state: &mut State, manifest: &Manifest, by: &Registration<'_>) -> Result<String> {
    let owner = match by.organization {
        None => by.actor,
        Some(login) => {
            let id = account(state, login)?;
            let kind = state.accounts.get(&id).map(|found| found.kind);
            ensure!(kind == Some(AccountKind::Organization), "{login} is no organisation");
            id
        }
    };
    let name = by.name.trim();
    ensure!(
        !name.is_empty() && name.chars().count() <= MAX_NAME_CHARS,
        "Name is missing or too long (maximum is 34 characters)"
    );
    let slug: String = name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let hook = manifest.hook_attributes.as_ref().filter(|hook| hook.active != Some(false));
    let app = App {
        id: state.fresh_id(),
        client_id: fresh_token("Iv23"),
        slug,
        name: name.to_owned(),
        owner,
        bot: 0,
        permissions: manifest.default_permissions.clone(),
        events: manifest.default_events.iter().cloned().collect(),
        private_key: String::new(),
        public_key: String::new(),
        webhook_secret: hook.map(|_| fresh_token("whsec")).unwrap_or_default(),
        webhook_url: hook.map(|hook| hook.url.clone()),
        setup_url: manifest.setup_url.clone(),
        hook: state.fresh_id(),
        created_at: state.now(),
    };
    let id = add_app(state, app)?;
    let code = fresh_token("code");
    let until = state.now() + CODE_LIFE;
    state.manifest_codes.insert(code.clone(), (id, until));
    let back = manifest.redirect_url.as_deref().unwrap_or(&manifest.url);
    let mut url = url::Url::parse(back).with_context(|| format!("`{back}` is no address"))?;
    url.query_pairs_mut().append_pair("code", &code);
    if !by.state.is_empty() {
        url.query_pairs_mut().append_pair("state", by.state);
    }
    Ok(url.to_string())
}

impl Human {
    /// Registers an app from a manifest, for oneself or an organisation, as one click on GitHub's page does, and gives
    /// the address that the browser is sent to, with `code` and `state`.
    ///
    /// # Errors
    /// If GitHub's page would complain.
    pub fn register_app(&self, organization: Option<&str>, manifest: &str, state: &str) -> Result<String> {
        let manifest = Manifest::read(manifest)?;
        let name = manifest.name.clone().context("the manifest has no name, so somebody must choose one")?;
        let by = Registration { actor: self.id, organization, name: &name, state };
        self.control.engine().with(|store| register(store, &manifest, &by))
    }

    /// Installs an app on repositories of one owner and gives where the browser is sent: the app's setup address, or
    /// the installation's page.
    ///
    /// # Errors
    /// If something does not exist, or the person does not own the repositories.
    pub fn install_app(&self, slug: &str, full_names: &[&str]) -> Result<String> {
        self.control.engine().with(|state| {
            let app = state.apps.values().find(|app| app.slug == slug).with_context(|| format!("no app {slug}"))?.id;
            for name in full_names {
                let found = super::repository(state, name)?;
                if state.role(found, self.id) < crate::store::Role::Admin {
                    bail!("only an owner installs apps on {name}");
                }
            }
            let id = install(state, app, full_names)?;
            let setup = state.apps.get(&app).and_then(|app| app.setup_url.clone());
            let Some(setup) = setup else { return Ok(format!("{}/settings/installations/{id}", state.base_url)) };
            // https://docs.github.com/en/apps/creating-github-apps/registering-a-github-app/about-the-setup-url
            let mut url = url::Url::parse(&setup)?;
            url.query_pairs_mut()
                .append_pair("installation_id", &id.to_string())
                .append_pair("setup_action", "install");
            Ok(url.to_string())
        })
    }
}
