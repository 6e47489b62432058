//! Who is calling, and whether they may: app JWTs, installation tokens, user tokens, permissions and roles.
//!
//! Refusals follow GitHub: unknown or expired credentials → 401; a repository the caller may not see → 404; a
//! permission that was not granted → 403. Read first: [`identify`], [`Access`], [`authorise`].

use std::collections::BTreeSet;

use base64::Engine as _;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use crate::answer::Refusal;
use crate::store::{App, Level, PermissionSet, Repository, Role, State, TokenHolder};

/// Longest life of an app JWT:
/// <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app>
const MAX_JWT_LIFE_S: i64 = 600;
/// GitHub tolerates clocks that differ a little.
const CLOCK_DRIFT_S: i64 = 60;

/// Who is calling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Nobody in particular.
    Anonymous,
    /// A person, by user token.
    User(u64),
    /// An app, by JWT.
    App(u64),
    /// An installation, by its token.
    Installation {
        /// The installation.
        id: u64,
        /// Its app.
        app: u64,
        /// The app's bot account.
        bot: u64,
        /// Repositories the token reaches.
        repositories: BTreeSet<u64>,
        /// Permissions of the token.
        permissions: PermissionSet,
        /// The token itself.
        token: String,
    },
}

impl Caller {
    /// The account that acts.
    pub fn account(&self) -> Option<u64> {
        match self {
            Self::User(id) => Some(*id),
            Self::Installation { bot, .. } => Some(*bot),
            Self::Anonymous | Self::App(_) => None,
        }
    }

    /// The app that acts, if an installation does.
    pub fn app(&self) -> Option<u64> {
        match self {
            Self::Installation { app, .. } => Some(*app),
            Self::Anonymous | Self::User(_) | Self::App(_) => None,
        }
    }

    /// What the rate limit is counted by.
    pub fn rate_key(&self) -> String {
        match self {
            Self::Anonymous => "anonymous".to_owned(),
            Self::User(id) => format!("user-{id}"),
            Self::App(id) => format!("app-{id}"),
            Self::Installation { id, .. } => installation_rate_key(*id),
        }
    }
}

/// Whose requests are counted together when an installation asks.
pub fn installation_rate_key(id: u64) -> String {
    format!("installation-{id}")
}

/// What an operation asks of its caller.
#[derive(Debug, Clone, Copy)]
pub enum Access {
    /// Anyone may call.
    Anyone,
    /// Only an app with its JWT.
    App,
    /// Only an installation token.
    Installation,
    /// A repository: an installation needs one of these permissions, a person this role.
    Repository {
        /// Permissions, any of which suffices; empty stands for `metadata`, which every app has.
        permissions: &'static [&'static str],
        /// Level of that permission.
        level: Level,
        /// Role a person needs.
        role: Role,
    },
}

/// Reads the `Authorization` header: `Bearer`, `token` or `Basic`.
///
/// # Errors
/// 401 for credentials that are unknown, expired or malformed.
pub fn identify(state: &State, header: Option<&str>) -> Result<Caller, Refusal> {
    let Some(header) = header else { return Ok(Caller::Anonymous) };
    let (scheme, credentials) = header.split_once(' ').unwrap_or(("", header));
    let credentials = credentials.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" if credentials.matches('.').count() == 2 => identify_app(state, credentials),
        "bearer" | "token" => identify_token(state, credentials),
        "basic" => {
            let decoded = base64::engine::general_purpose::STANDARD.decode(credentials).unwrap_or_default();
            let text = String::from_utf8_lossy(&decoded).into_owned();
            let (user, password) = text.split_once(':').unwrap_or((text.as_str(), ""));
            identify_token(state, if password.is_empty() || password == "x-oauth-basic" { user } else { password })
        }
        _ => Err(bad_credentials()),
    }
}

fn bad_credentials() -> Refusal {
    Refusal::new(401, "Bad credentials")
}

fn identify_token(state: &State, text: &str) -> Result<Caller, Refusal> {
    let token = state.tokens.get(text).ok_or_else(bad_credentials)?;
    if token.expires_at.is_some_and(|end| end <= state.now()) {
        return Err(bad_credentials());
    }
    match &token.holder {
        TokenHolder::User(id) => Ok(Caller::User(*id)),
        TokenHolder::Installation { id, repositories, permissions } => {
            let installation = state.installations.get(id).ok_or_else(bad_credentials)?;
            if installation.suspended.is_some() {
                return Err(Refusal::new(403, "This installation has been suspended"));
            }
            let app = state.apps.get(&installation.app).ok_or_else(bad_credentials)?;
            // A repository taken out of the installation is out of every token at once.
            let reachable = repositories.intersection(&installation.repositories).copied().collect();
            Ok(Caller::Installation {
                id: *id,
                app: app.id,
                bot: app.bot,
                repositories: reachable,
                permissions: permissions.clone(),
                token: text.to_owned(),
            })
        }
    }
}

/// Checks an app's JWT: who issued it, signature, `iat` and `exp`.
fn identify_app(state: &State, jwt: &str) -> Result<Caller, Refusal> {
    let undecodable = || Refusal::new(401, "A JSON web token could not be decoded");
    let claims = jwt.split('.').nth(1).unwrap_or_default();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).map_err(|_| undecodable())?;
    let claims: Value = serde_json::from_slice(&bytes).map_err(|_| undecodable())?;
    let issuer = claims["iss"].as_str().map_or_else(|| claims["iss"].to_string(), str::to_owned);
    let app = app_by_issuer(state, &issuer).ok_or_else(|| Refusal::new(404, "Integration not found"))?;
    let mut validation = Validation::new(Algorithm::RS256);
    // Times are checked below, by the stand-in's own clock.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let key = DecodingKey::from_rsa_pem(app.public_key.as_bytes()).map_err(|_| undecodable())?;
    jsonwebtoken::decode::<Value>(jwt, &key, &validation).map_err(|_| undecodable())?;
    let now = state.now().timestamp();
    let issued = claims["iat"].as_i64().ok_or_else(|| {
        Refusal::new(
            401,
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        )
    })?;
    let expires = claims["exp"].as_i64().ok_or_else(|| {
        Refusal::new(401, "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires")
    })?;
    if issued > now + CLOCK_DRIFT_S {
        return Err(Refusal::new(
            401,
            "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
        ));
    }
    if expires <= now {
        return Err(Refusal::new(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
        ));
    }
    if expires > now + MAX_JWT_LIFE_S {
        return Err(Refusal::new(401, "'Expiration time' claim ('exp') is too far in the future"));
    }
    Ok(Caller::App(app.id))
}

fn app_by_issuer<'a>(state: &'a State, issuer: &str) -> Option<&'a App> {
    state.apps.values().find(|app| app.client_id == issuer || app.id.to_string() == issuer)
}

/// May this caller do this to this repository?
///
/// # Errors
/// 404 where GitHub hides the repository, 401 or 403 where it only refuses.
pub fn authorise(state: &State, caller: &Caller, repository: &Repository, access: &Access) -> Result<(), Refusal> {
    let Access::Repository { permissions, level, role } = access else { return Ok(()) };
    match caller {
        Caller::Anonymous if repository.private => Err(Refusal::not_found()),
        Caller::Anonymous if *level > Level::Read => Err(Refusal::new(401, "Requires authentication")),
        Caller::Anonymous => Ok(()),
        Caller::App(_) => Err(bad_credentials()),
        Caller::User(id) => {
            let held = state.role(repository, *id);
            if held == Role::None {
                Err(Refusal::not_found())
            } else if held < *role {
                Err(Refusal::new(403, "Must have admin rights to Repository."))
            } else {
                Ok(())
            }
        }
        Caller::Installation { repositories, permissions: granted, .. } => {
            if !repositories.contains(&repository.id) {
                return if repository.private {
                    Err(Refusal::not_found())
                } else if *level > Level::Read {
                    Err(Refusal::not_accessible())
                } else {
                    Ok(())
                };
            }
            let reaches = |name: &&str| granted.get(*name).is_some_and(|held| held >= level);
            if permissions.is_empty() || permissions.iter().any(reaches) {
                Ok(())
            } else {
                Err(Refusal::not_accessible())
            }
        }
    }
}
