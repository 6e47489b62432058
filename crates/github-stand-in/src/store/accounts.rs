//! Who can act: people, organisations, bots, apps, installations and the tokens they hold.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What an account is; GitHub's `type` member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountKind {
    /// A person.
    User,
    /// An organisation.
    Organization,
    /// The `slug[bot]` account of an app.
    Bot,
}

impl AccountKind {
    /// The text GitHub uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Organization => "Organization",
            Self::Bot => "Bot",
        }
    }
}

/// A person, organisation or bot.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    /// Account id.
    pub id: u64,
    /// Login name.
    pub login: String,
    /// Person, organisation or bot.
    pub kind: AccountKind,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
}

impl Account {
    /// The address GitHub puts into commits made on its site:
    /// <https://docs.github.com/en/account-and-profile/reference/email-addresses-reference>
    pub fn noreply_email(&self) -> String {
        format!("{}+{}@users.noreply.github.com", self.id, self.login)
    }
}

/// How far a permission reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// May read.
    Read,
    /// May read and write.
    Write,
    /// May administer.
    Admin,
}

/// Permission name (`contents`, `issues`, …) to level.
pub type PermissionSet = BTreeMap<String, Level>;

/// A registered GitHub App.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct App {
    /// App id.
    pub id: u64,
    /// OAuth client id; also accepted as the `iss` of a JWT.
    pub client_id: String,
    /// URL name.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// Account that owns the registration.
    pub owner: u64,
    /// The `slug[bot]` account.
    pub bot: u64,
    /// What the app asks for.
    pub permissions: PermissionSet,
    /// Events the app subscribes to.
    pub events: BTreeSet<String>,
    /// Private key, PKCS#1 PEM as GitHub hands it out.
    #[serde(skip)]
    pub private_key: String,
    /// Public half, PEM.
    #[serde(skip)]
    pub public_key: String,
    /// Secret that signs deliveries.
    #[serde(skip)]
    pub webhook_secret: String,
    /// Where deliveries go; `None` sends nothing.
    pub webhook_url: Option<String>,
    /// Where people are sent after they install it.
    pub setup_url: Option<String>,
    /// Id of the app's webhook.
    pub hook: u64,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
}

/// An app installed on an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Installation {
    /// Installation id.
    pub id: u64,
    /// The app.
    pub app: u64,
    /// The account it is installed on.
    pub account: u64,
    /// Repositories it may reach.
    pub repositories: BTreeSet<u64>,
    /// What the account granted.
    pub permissions: PermissionSet,
    /// When it was installed.
    pub created_at: DateTime<Utc>,
    /// Set while suspended: when, and by whom.
    pub suspended: Option<(DateTime<Utc>, u64)>,
}

/// Who a token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenHolder {
    /// A person (or machine account).
    User(u64),
    /// An installation, perhaps narrowed.
    Installation {
        /// The installation.
        id: u64,
        /// Repositories the token may reach.
        repositories: BTreeSet<u64>,
        /// Permissions of the token.
        permissions: PermissionSet,
    },
}

/// A token and its end.
#[derive(Debug, Clone)]
pub struct Token {
    /// Who it speaks for.
    pub holder: TokenHolder,
    /// When it stops working; `None` for user tokens.
    pub expires_at: Option<DateTime<Utc>>,
}
