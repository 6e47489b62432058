//! Setting the scene: people, apps, repositories, installations, roles.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use rsa::pkcs1::{EncodeRsaPrivateKey, LineEnding};
use rsa::pkcs8::EncodePublicKey;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Control, repository};
use crate::events::{Audience, Event, emit, ping};
use crate::git::{Git, Identity};
use crate::render::repositories::listed;
use crate::rest::fresh_token;
use crate::store::{
    Account, AccountKind, App, Installation, Level, PermissionSet, Repository, Role, State, Token, TokenHolder,
};

const KEY_BITS: usize = 2048;
/// First words of REST and own paths, which can therefore be no logins (GitHub reserves many more).
const RESERVED: [&str; 15] = [
    "settings",
    "organizations",
    "repositories",
    "repos",
    "app",
    "apps",
    "app-manifests",
    "installation",
    "users",
    "user",
    "orgs",
    "rate_limit",
    "graphql",
    "api",
    "_stand-in",
];

/// A person who was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UserHandle {
    /// Account id.
    pub id: u64,
    /// Login.
    pub login: String,
    /// A user token with all scopes.
    pub token: String,
}

/// An app to be registered.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct NewApp {
    /// URL name, such as `wiz`; the bot is `wiz[bot]`.
    pub slug: String,
    /// Login of the owner, who must exist.
    pub owner: String,
    /// What it asks for.
    #[serde(default)]
    pub permissions: PermissionSet,
    /// Events it subscribes to.
    #[serde(default)]
    pub events: Vec<String>,
    /// Where deliveries go.
    #[serde(default)]
    pub webhook_url: Option<String>,
    /// Signs deliveries; made up when absent.
    #[serde(default)]
    pub webhook_secret: Option<String>,
    /// PKCS#1 PEM; a fresh key is made when absent.
    #[serde(default)]
    pub private_key_pem: Option<String>,
}

/// An app that was registered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AppHandle {
    /// App id.
    pub id: u64,
    /// OAuth client id.
    pub client_id: String,
    /// URL name.
    pub slug: String,
    /// Login of the bot, `slug[bot]`.
    pub bot_login: String,
    /// Account id of the bot.
    pub bot_id: u64,
    /// Private key, PKCS#1 PEM.
    pub private_key_pem: String,
    /// Signs deliveries.
    pub webhook_secret: String,
}

/// A repository to be made.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct NewRepository {
    /// Login of the owner, who must exist.
    pub owner: String,
    /// Name.
    pub name: String,
    /// Hidden from strangers?
    #[serde(default)]
    pub private: bool,
    /// Branch that counts; `main` when absent.
    #[serde(default)]
    pub default_branch: Option<String>,
    /// One line about it.
    #[serde(default)]
    pub description: Option<String>,
    /// Directory that becomes the first commit; without one the repository is empty.
    #[serde(default)]
    pub seed: Option<PathBuf>,
}

/// A repository that was made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RepositoryHandle {
    /// Repository id.
    pub id: u64,
    /// `owner/name`.
    pub full_name: String,
    /// The bare repository.
    pub git_dir: PathBuf,
}

impl Control {
    /// Makes a person with a user token.
    ///
    /// # Errors
    /// If the login is taken.
    pub fn create_user(&self, login: &str) -> Result<UserHandle> {
        self.engine().with(|state| {
            let id = new_account(state, login, AccountKind::User)?;
            let token = fresh_token("ghp");
            state.tokens.insert(token.clone(), Token { holder: TokenHolder::User(id), expires_at: None });
            Ok(UserHandle { id, login: login.to_owned(), token })
        })
    }

    /// Makes an organisation and returns its id.
    ///
    /// # Errors
    /// If the login is taken.
    pub fn create_organization(&self, login: &str) -> Result<u64> {
        self.engine().with(|state| new_account(state, login, AccountKind::Organization))
    }

    /// Registers an app with a key of its own, and pings its webhook.
    ///
    /// # Errors
    /// If the owner does not exist, the slug is taken, or no key can be made.
    pub fn create_app(&self, new: &NewApp) -> Result<AppHandle> {
        // Made outside the lock: a key takes a moment.
        let (private_key, public_key) = key_pair(new.private_key_pem.as_deref())?;
        self.engine().with(|state| {
            let owner = account(state, &new.owner)?;
            let app = App {
                id: state.fresh_id(),
                client_id: fresh_token("Iv23"),
                slug: new.slug.clone(),
                name: new.slug.clone(),
                owner,
                bot: 0,
                permissions: new.permissions.clone(),
                events: new.events.iter().cloned().collect(),
                private_key: private_key.clone(),
                public_key,
                webhook_secret: new.webhook_secret.clone().unwrap_or_else(|| fresh_token("whsec")),
                webhook_url: new.webhook_url.clone(),
                setup_url: None,
                hook: state.fresh_id(),
                created_at: state.now(),
            };
            let id = add_app(state, app)?;
            let app = state.apps.get(&id).context("the app is gone")?;
            let handle = AppHandle {
                id: app.id,
                client_id: app.client_id.clone(),
                slug: app.slug.clone(),
                bot_login: state.login(app.bot).to_owned(),
                bot_id: app.bot,
                private_key_pem: private_key,
                webhook_secret: app.webhook_secret.clone(),
            };
            Ok(handle)
        })
    }

    /// Sets where an app's deliveries go, and pings it there.
    ///
    /// # Errors
    /// If there is no such app.
    pub fn set_webhook_url(&self, app: u64, url: &str) -> Result<()> {
        self.engine().with(|state| {
            state.apps.get_mut(&app).with_context(|| format!("no app {app}"))?.webhook_url = Some(url.to_owned());
            ping(state, app);
            Ok(())
        })
    }

    /// Makes a repository, with a directory as its first commit if one is given.
    ///
    /// # Errors
    /// If the owner does not exist, the name is taken, or git fails.
    pub fn create_repository(&self, new: &NewRepository) -> Result<RepositoryHandle> {
        self.engine().with(|state| {
            let owner = account(state, &new.owner)?;
            let branch = new.default_branch.clone().unwrap_or_else(|| "main".to_owned());
            let id = new_repository(state, owner, (&new.name, &branch), new.private)?;
            let (person, now) = (state.accounts.get(&owner).context("the owner is gone")?.clone(), state.now());
            let found = state.repositories.get_mut(&id).context("the repository is gone")?;
            found.description.clone_from(&new.description);
            let git = Git::at(&found.git_dir);
            if let Some(directory) = &new.seed {
                let author = Identity { name: person.login.clone(), email: person.noreply_email(), date: now };
                git.seed(directory, &branch, &author)?;
            }
            found.announced_refs = git.refs()?;
            let git_dir = found.git_dir.clone();
            Ok(RepositoryHandle { id, full_name: format!("{}/{}", new.owner, new.name), git_dir })
        })
    }

    /// Gives a person a role on a repository.
    ///
    /// # Errors
    /// If either does not exist.
    pub fn set_role(&self, full_name: &str, login: &str, role: Role) -> Result<()> {
        self.engine().with(|state| {
            let person = account(state, login)?;
            let id = repository(state, full_name)?.id;
            state.repositories.get_mut(&id).context("the repository is gone")?.roles.insert(person, role);
            Ok(())
        })
    }

    /// Installs an app on the owner of some repositories, with all it asks for. Sends `installation.created`.
    ///
    /// # Errors
    /// If something does not exist, or the repositories have different owners.
    pub fn install(&self, app: u64, full_names: &[&str]) -> Result<u64> {
        self.engine().with(|state| install(state, app, full_names))
    }

    /// Changes what an app asks for. Installations keep what they granted until somebody accepts:
    /// <https://docs.github.com/en/apps/maintaining-github-apps/modifying-a-github-app-registration#changing-the-permissions-of-a-github-app>
    ///
    /// # Errors
    /// If there is no such app.
    pub fn change_app(&self, app: u64, permissions: PermissionSet, events: &[&str]) -> Result<()> {
        self.engine().with(|state| {
            let found = state.apps.get_mut(&app).with_context(|| format!("no app {app}"))?;
            found.permissions = permissions;
            found.permissions.entry("metadata".to_owned()).or_insert(Level::Read);
            found.events = events.iter().map(|event| (*event).to_owned()).collect();
            Ok(())
        })
    }

    /// Accepts what the app asks for now. Sends `installation.new_permissions_accepted`.
    ///
    /// # Errors
    /// If there is no such installation.
    pub fn accept_permissions(&self, installation: u64) -> Result<()> {
        self.engine().with(|state| {
            let app = state.installations.get(&installation).context("no such installation")?.app;
            let asked = state.apps.get(&app).context("the app is gone")?.permissions.clone();
            let found = state.installations.get_mut(&installation).context("no such installation")?;
            found.permissions = asked;
            tell_installation(state, installation, ("installation", "new_permissions_accepted"), &[]);
            Ok(())
        })
    }

    /// Adds repositories to an installation. Sends `installation_repositories.added`.
    ///
    /// # Errors
    /// If something does not exist.
    pub fn add_to_installation(&self, installation: u64, full_names: &[&str]) -> Result<()> {
        self.change_repositories(installation, full_names, true)
    }

    /// Takes repositories out of an installation. Sends `installation_repositories.removed`.
    ///
    /// # Errors
    /// If something does not exist.
    pub fn remove_from_installation(&self, installation: u64, full_names: &[&str]) -> Result<()> {
        self.change_repositories(installation, full_names, false)
    }

    fn change_repositories(&self, installation: u64, full_names: &[&str], add: bool) -> Result<()> {
        self.engine().with(|state| {
            let ids: Vec<u64> =
                full_names.iter().map(|name| repository(state, name).map(|found| found.id)).collect::<Result<_>>()?;
            let found = state.installations.get_mut(&installation).context("no such installation")?;
            for id in &ids {
                if add {
                    found.repositories.insert(*id);
                } else {
                    found.repositories.remove(id);
                }
            }
            let action = if add { "added" } else { "removed" };
            tell_installation(state, installation, ("installation_repositories", action), &ids);
            Ok(())
        })
    }

    /// Suspends an installation or wakes it. Sends `installation.suspend` or `.unsuspend`.
    ///
    /// # Errors
    /// If there is no such installation.
    pub fn set_suspended(&self, installation: u64, suspended: bool) -> Result<()> {
        self.engine().with(|state| {
            let now = state.now();
            let found = state.installations.get_mut(&installation).context("no such installation")?;
            found.suspended = suspended.then_some((now, found.account));
            let action = if suspended { "suspend" } else { "unsuspend" };
            tell_installation(state, installation, ("installation", action), &[]);
            Ok(())
        })
    }

    /// Removes an installation; its tokens die. Sends `installation.deleted`.
    ///
    /// # Errors
    /// If there is no such installation.
    pub fn uninstall(&self, installation: u64) -> Result<()> {
        self.engine().with(|state| {
            ensure!(state.installations.contains_key(&installation), "no such installation");
            tell_installation(state, installation, ("installation", "deleted"), &[]);
            state.installations.remove(&installation);
            Ok(())
        })
    }
}

/// Adds an app with its bot, and pings its webhook.
pub(crate) fn add_app(state: &mut State, mut app: App) -> Result<u64> {
    ensure!(state.apps.values().all(|known| known.slug != app.slug), "an app {} exists", app.slug);
    app.bot = new_account(state, &format!("{}[bot]", app.slug), AccountKind::Bot)?;
    app.permissions.entry("metadata".to_owned()).or_insert(Level::Read);
    let id = app.id;
    state.apps.insert(id, app);
    ping(state, id);
    Ok(id)
}

/// Installs an app with all it asks for, and tells it.
pub(crate) fn install(state: &mut State, app: u64, full_names: &[&str]) -> Result<u64> {
    let permissions = state.apps.get(&app).with_context(|| format!("no app {app}"))?.permissions.clone();
    let repositories: Vec<(u64, u64)> = full_names
        .iter()
        .map(|name| repository(state, name).map(|found| (found.id, found.owner)))
        .collect::<Result<_>>()?;
    let account = repositories.first().context("name at least one repository")?.1;
    ensure!(repositories.iter().all(|(_, owner)| *owner == account), "one installation has one owner");
    let (id, created_at) = (state.fresh_id(), state.now());
    let repositories = repositories.into_iter().map(|(id, _)| id).collect();
    state
        .installations
        .insert(id, Installation { id, app, account, repositories, permissions, created_at, suspended: None });
    tell_installation(state, id, ("installation", "created"), &[]);
    Ok(id)
}

/// Makes an empty repository and gives its id.
pub(crate) fn new_repository(state: &mut State, owner: u64, named: (&str, &str), private: bool) -> Result<u64> {
    let (name, branch) = named;
    let login = state.login(owner).to_owned();
    ensure!(state.repository_by_name(&login, name).is_none(), "{login}/{name} exists");
    // By id, since a name may be used again after a rename.
    let (id, now) = (state.fresh_id(), state.now());
    let taken = state.data.join(&login).join(format!("{name}.git"));
    let git_dir = if taken.exists() { state.data.join(&login).join(format!("{name}-{id}.git")) } else { taken };
    Git::init(&git_dir, branch)?;
    // A new repository of a former name ends the redirect.
    state.former_names.remove(&format!("{login}/{name}").to_lowercase());
    let repository = Repository {
        id,
        owner,
        name: name.to_owned(),
        private,
        default_branch: branch.to_owned(),
        archived: false,
        fork_of: None,
        moved_issues: Default::default(),
        description: None,
        git_dir,
        roles: Default::default(),
        announced_refs: Default::default(),
        issues: Default::default(),
        comments: Default::default(),
        labels: Vec::new(),
        check_suites: Default::default(),
        check_runs: Default::default(),
        statuses: Vec::new(),
        workflows: Vec::new(),
        workflow_runs: Default::default(),
        commit_comments: Vec::new(),
        scripted_checks: Vec::new(),
        signed_commits: Default::default(),
        created_at: now,
        pushed_at: now,
    };
    state.repositories.insert(id, repository);
    Ok(id)
}

/// Sends `installation` or `installation_repositories` to the app.
pub(crate) fn tell_installation(state: &mut State, id: u64, what: (&'static str, &'static str), changed: &[u64]) {
    let Some(installation) = state.installations.get(&id) else { return };
    let sender = installation.account;
    let list = |ids: &mut dyn Iterator<Item = &u64>| -> serde_json::Value {
        ids.filter_map(|id| state.repositories.get(id)).map(|found| listed(state, found)).collect()
    };
    let payload = if what.0 == "installation" {
        json!({ "repositories": list(&mut installation.repositories.iter()), "requester": null })
    } else {
        let (added, removed) = if what.1 == "added" {
            (list(&mut changed.iter()), json!([]))
        } else {
            (json!([]), list(&mut changed.iter()))
        };
        json!({
            "repositories_added": added, "repositories_removed": removed,
            "repository_selection": "selected", "requester": null,
        })
    };
    let audience = Audience::Installation(id);
    emit(state, &Event { name: what.0, action: Some(what.1), repository: None, sender, payload, audience });
}

fn new_account(state: &mut State, login: &str, kind: AccountKind) -> Result<u64> {
    ensure!(state.account_by_login(login).is_none(), "an account {login} exists");
    ensure!(!RESERVED.contains(&login), "`{login}` is reserved");
    let well_formed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_[]".contains(&byte);
    ensure!(!login.is_empty() && login.bytes().all(well_formed), "`{login}` is no login");
    let id = state.fresh_id();
    let created_at = state.now();
    state.accounts.insert(id, Account { id, login: login.to_owned(), kind, created_at });
    Ok(id)
}

pub(crate) fn account(state: &State, login: &str) -> Result<u64> {
    state.account_by_login(login).map(|account| account.id).with_context(|| format!("no account {login}"))
}

pub(crate) fn key_pair(given: Option<&str>) -> Result<(String, String)> {
    use rsa::pkcs1::DecodeRsaPrivateKey;
    let key = match given {
        Some(pem) => rsa::RsaPrivateKey::from_pkcs1_pem(pem).context("the private key is no PKCS#1 PEM")?,
        None => rsa::RsaPrivateKey::new(&mut rand::thread_rng(), KEY_BITS).context("no key could be made")?,
    };
    let private = key.to_pkcs1_pem(LineEnding::LF).context("the key cannot be written")?.to_string();
    let public = key.to_public_key().to_public_key_pem(LineEnding::LF).context("the key cannot be written")?;
    Ok((private, public))
}
