//! Settings from the environment: read once, checked together, every fault reported with what to do about it.
//!
//! [`Config::from_environment`] takes a look-up function, so nothing else in wiz reads the environment and tests need
//! not change it. Secrets are [`SecretString`]s: they have no `Display`, and `Debug` hides them.

use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

/// Everything `wiz serve` needs.
#[derive(Debug, Clone)]
pub struct Config {
    pub server: ServerConfig,
    pub database: DatabaseConfig,
    pub github: GitHubConfig,
    pub models: ModelConfig,
    pub sandbox: SandboxConfig,
    /// `WIZ_DATA_DIR`: everything this process keeps on disk.
    pub data_dir: PathBuf,
    /// `WIZ_POLICY_FILE`: defaults for every repository, in the form of a repository's own file.
    pub policy_file: Option<PathBuf>,
}

/// The web server and the workers of this process.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// `WIZ_LISTEN`: address of the web server.
    pub listen: SocketAddr,
    /// `WIZ_PUBLIC_URL`: where people reach this server; used in links.
    pub public_url: Url,
    /// `WIZ_WORKERS`: how many jobs this process runs at once.
    pub workers: usize,
}

/// Where the data lives.
#[derive(Debug, Clone)]
pub enum DatabaseConfig {
    /// No `DATABASE_URL`: a private cluster under `WIZ_DATA_DIR`.
    Embedded { data_dir: PathBuf },
    /// `DATABASE_URL`.
    Url(SecretString),
}

/// The GitHub App.
#[derive(Debug, Clone)]
pub struct GitHubConfig {
    /// `WIZ_GITHUB_API_URL`: the REST API, without a trailing slash.
    pub api_url: Url,
    /// `WIZ_GITHUB_URL`: pages and git over HTTPS.
    pub web_url: Url,
    /// `WIZ_GITHUB_APP_ID`.
    pub app_id: u64,
    /// `WIZ_GITHUB_PRIVATE_KEY` or the file named by `WIZ_GITHUB_PRIVATE_KEY_FILE`: the App's RSA key as PEM.
    pub private_key: SecretString,
    /// `WIZ_GITHUB_WEBHOOK_SECRETS`: comma-separated, newest first, so that a secret can be rotated.
    pub webhook_secrets: Vec<SecretString>,
}

/// The model providers.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// `WIZ_MODEL`: `provider/model` for every role without one of its own.
    pub default_model: String,
    /// `WIZ_REVIEW_MODEL`: the reviewer's model; a second opinion is best from another one.
    pub review_model: Option<String>,
    /// `ANTHROPIC_BASE_URL` and `ANTHROPIC_API_KEY`: provider `anthropic` (messages).
    pub anthropic: Option<ProviderConfig>,
    /// `OPENAI_BASE_URL` and `OPENAI_API_KEY`: providers `openai` (responses) and `openai-chat` (chat completions).
    pub openai: Option<ProviderConfig>,
    /// `WIZ_PRICES_FILE`: prices that replace or extend the built-in table.
    pub prices_file: Option<PathBuf>,
}

/// One provider's address and key.
#[derive(Debug, Clone)]
pub struct ProviderConfig {
    pub base_url: Url,
    pub api_key: SecretString,
}

/// The container engine and its boxes.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// `DOCKER_HOST`: `unix:///…` or `http://…`; the engine's usual socket when absent.
    pub docker_host: Option<String>,
    /// `WIZ_RUNNER`: the static runner; `wiz-runner` beside the executable when absent.
    pub runner: PathBuf,
    /// `WIZ_IMAGE`: image of a repository that names none.
    pub default_image: String,
    /// `WIZ_ENGINE_OWNER`: the name under which boxes are made and found again; the database's own when absent. Two wiz
    /// with different databases on one engine need different ones, since each counts its runs from 1.
    pub owner: Option<String>,
    /// `WIZ_RUNTIME`: the engine's OCI runtime, such as `runsc`; its default when absent.
    pub runtime: Option<String>,
}

/// All faults of a configuration, one per line, each with what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFaults(pub Vec<String>);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the configuration has {} fault(s):", self.0.len())?;
        self.0.iter().try_for_each(|fault| writeln!(f, "  - {fault}"))
    }
}

impl std::error::Error for ConfigFaults {}

impl Config {
    /// Reads every setting through `lookup` and reports all faults at once.
    pub fn from_environment(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigFaults> {
        let (stored, fault) = match StoredApp::read(&data_dir(lookup)) {
            Ok(stored) => (stored, None),
            Err(fault) => (None, Some(fault)),
        };
        // What the environment says goes first.
        let both = |name: &str| lookup(name).or_else(|| stored.as_ref()?.setting(name, lookup));
        let lookup: &dyn Fn(&str) -> Option<String> = &both;
        let mut reader = Reader { lookup, faults: fault.into_iter().collect() };
        let config =
            (server(&mut reader), database(lookup), github(&mut reader), models(&mut reader), sandbox(&mut reader));
        let policy_file = lookup("WIZ_POLICY_FILE").filter(|path| !path.is_empty()).map(PathBuf::from);
        match (config, reader.faults) {
            ((Some(server), Ok(database), Some(github), Some(models), sandbox), faults) if faults.is_empty() => {
                Ok(Self { server, database, github, models, sandbox, data_dir: data_dir(lookup), policy_file })
            }
            ((_, Err(fault), ..), mut faults) => {
                faults.push(fault);
                Err(ConfigFaults(faults))
            }
            (_, faults) => Err(ConfigFaults(faults)),
        }
    }
}

/// What `wiz setup` has registered: a file of the data directory that only this account can read.
#[derive(Debug, Clone)]
pub struct StoredApp {
    pub app_id: u64,
    pub private_key: SecretString,
    pub webhook_secret: SecretString,
    pub api_url: Url,
    pub web_url: Url,
    pub public_url: Url,
}

/// The file's name in the data directory.
const STORED_APP: &str = "github-app.json";

impl StoredApp {
    /// Where the file is.
    pub fn path(data_dir: &Path) -> PathBuf {
        data_dir.join(STORED_APP)
    }

    /// As the environment would say it, in order.
    pub fn settings(&self) -> [(&'static str, String); 6] {
        let address = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
        [
            ("WIZ_GITHUB_APP_ID", self.app_id.to_string()),
            ("WIZ_GITHUB_PRIVATE_KEY", self.private_key.expose_secret().to_owned()),
            ("WIZ_GITHUB_WEBHOOK_SECRETS", self.webhook_secret.expose_secret().to_owned()),
            ("WIZ_GITHUB_API_URL", address(&self.api_url)),
            ("WIZ_GITHUB_URL", address(&self.web_url)),
            ("WIZ_PUBLIC_URL", address(&self.public_url)),
        ]
    }

    /// What the file says in the place of a variable. A key in a file of its own goes before the one here.
    fn setting(&self, name: &str, environment: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        let key_elsewhere = name == "WIZ_GITHUB_PRIVATE_KEY" && environment("WIZ_GITHUB_PRIVATE_KEY_FILE").is_some();
        let mut settings = self.settings().into_iter();
        settings.find(|(known, _)| *known == name && !key_elsewhere).map(|(_, value)| value)
    }

    /// Reads the file, if it is there.
    fn read(data_dir: &Path) -> Result<Option<Self>, String> {
        use std::os::unix::fs::PermissionsExt as _;
        let path = Self::path(data_dir);
        let shown = path.display();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{shown}: cannot be read: {error}")),
        };
        let mode = std::fs::metadata(&path).map_or(0, |found| found.permissions().mode());
        if mode & 0o077 != 0 {
            return Err(format!("{shown} holds the App's key and can be read by others: chmod 600 {shown}"));
        }
        let damaged =
            || format!("{shown} is damaged: remove it and run `wiz setup` again, or set the variables yourself");
        let settings: BTreeMap<String, String> = serde_json::from_str(&text).map_err(|_| damaged())?;
        let get = |name: &str| settings.get(name).cloned().ok_or_else(damaged);
        let url = |name: &str| get(name)?.parse().map_err(|_| damaged());
        Ok(Some(Self {
            app_id: get("WIZ_GITHUB_APP_ID")?.parse().map_err(|_| damaged())?,
            private_key: get("WIZ_GITHUB_PRIVATE_KEY")?.into(),
            webhook_secret: get("WIZ_GITHUB_WEBHOOK_SECRETS")?.into(),
            api_url: url("WIZ_GITHUB_API_URL")?,
            web_url: url("WIZ_GITHUB_URL")?,
            public_url: url("WIZ_PUBLIC_URL")?,
        }))
    }
}

/// Where the data lives; separate because `migrate` and `jobs` need nothing else.
pub fn database(lookup: &dyn Fn(&str) -> Option<String>) -> Result<DatabaseConfig, String> {
    match lookup("DATABASE_URL") {
        Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
            Ok(DatabaseConfig::Url(url.into()))
        }
        Some(_) => Err("DATABASE_URL must start with postgres://; unset it to use the embedded database".into()),
        None => Ok(DatabaseConfig::Embedded { data_dir: data_dir(lookup) }),
    }
}

/// Where this process keeps what is on disk.
pub fn data_dir(lookup: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    lookup("WIZ_DATA_DIR").unwrap_or_else(|| "/var/lib/wiz".into()).into()
}

fn server(reader: &mut Reader<'_>) -> Option<ServerConfig> {
    let listen = reader.parsed("WIZ_LISTEN", "127.0.0.1:8080", "an address such as 0.0.0.0:8080");
    let public_url = reader.parsed("WIZ_PUBLIC_URL", "http://localhost:8080", "the URL people reach this server at");
    let workers = reader.parsed("WIZ_WORKERS", "4", "a number from 1 to 256");
    if workers.is_some_and(|workers: usize| !(1..=256).contains(&workers)) {
        reader.faults.push("WIZ_WORKERS must be a number from 1 to 256".into());
    }
    Some(ServerConfig { listen: listen?, public_url: public_url?, workers: workers? })
}

fn github(reader: &mut Reader<'_>) -> Option<GitHubConfig> {
    let api_url = reader.parsed("WIZ_GITHUB_API_URL", "https://api.github.com", "the URL of GitHub's REST API");
    let web_url = reader.parsed("WIZ_GITHUB_URL", "https://github.com", "the URL of GitHub's pages");
    let app_id = reader
        .required("WIZ_GITHUB_APP_ID", "the App ID from the App's settings page, or register an App with `wiz setup`")
        .and_then(|text| {
            let id = text.parse().ok();
            if id.is_none() {
                reader.faults.push("WIZ_GITHUB_APP_ID must be a number; copy it from the App's settings page".into());
            }
            id
        });
    let private_key = private_key(reader);
    let webhook_secrets = reader
        .required("WIZ_GITHUB_WEBHOOK_SECRETS", "the App's webhook secret (several, comma-separated, to rotate)")
        .map(|text| text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect());
    if webhook_secrets.as_ref().is_some_and(|secrets: &Vec<String>| {
        secrets.is_empty() || secrets.iter().any(|secret| secret.len() < MIN_WEBHOOK_SECRET_CHARS)
    }) {
        reader.faults.push(format!(
            "WIZ_GITHUB_WEBHOOK_SECRETS needs secrets of at least {MIN_WEBHOOK_SECRET_CHARS} characters; \
             make one with `openssl rand -hex 32`"
        ));
    }
    Some(GitHubConfig {
        api_url: api_url?,
        web_url: web_url?,
        app_id: app_id?,
        private_key: private_key?,
        webhook_secrets: webhook_secrets?.into_iter().map(SecretString::from).collect(),
    })
}

/// Shortest webhook secret accepted: below this, guessing it offline from one captured request is realistic.
const MIN_WEBHOOK_SECRET_CHARS: usize = 16;

fn private_key(reader: &mut Reader<'_>) -> Option<SecretString> {
    let pem = match ((reader.lookup)("WIZ_GITHUB_PRIVATE_KEY"), (reader.lookup)("WIZ_GITHUB_PRIVATE_KEY_FILE")) {
        (Some(pem), _) => pem.replace("\\n", "\n"),
        (None, Some(path)) => match std::fs::read_to_string(&path) {
            Ok(pem) => pem,
            Err(error) => {
                reader.faults.push(format!("WIZ_GITHUB_PRIVATE_KEY_FILE: cannot read {path}: {error}"));
                return None;
            }
        },
        (None, None) => {
            reader.faults.push(
                "WIZ_GITHUB_PRIVATE_KEY_FILE is not set; give it the path of the .pem file that GitHub made".into(),
            );
            return None;
        }
    };
    if jsonwebtoken::EncodingKey::from_rsa_pem(pem.as_bytes()).is_err() {
        reader.faults.push(
            "WIZ_GITHUB_PRIVATE_KEY(_FILE) holds no RSA key in PEM form; generate a private key on the App's settings \
             page and use that file unchanged"
                .into(),
        );
        return None;
    }
    Some(pem.into())
}

fn models(reader: &mut Reader<'_>) -> Option<ModelConfig> {
    let anthropic = provider(reader, "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "https://api.anthropic.com");
    let openai = provider(reader, "OPENAI_API_KEY", "OPENAI_BASE_URL", "https://api.openai.com/v1");
    let default_model =
        reader.required("WIZ_MODEL", "the model to use, such as anthropic/claude-sonnet-4-5 or openai-chat/qwen3");
    let review_model = (reader.lookup)("WIZ_REVIEW_MODEL");
    for model in default_model.iter().chain(&review_model) {
        let fault = match model.split_once('/') {
            Some(("anthropic", name)) if !name.is_empty() && anthropic.is_some() => continue,
            Some(("openai" | "openai-chat", name)) if !name.is_empty() && openai.is_some() => continue,
            Some(("anthropic", _)) => format!("{model} needs ANTHROPIC_API_KEY"),
            Some(("openai" | "openai-chat", _)) => {
                format!("{model} needs OPENAI_API_KEY (any text for a local server) and maybe OPENAI_BASE_URL")
            }
            _ => format!("{model} is not a model; write provider/model with anthropic, openai or openai-chat"),
        };
        reader.faults.push(fault);
    }
    let prices_file = (reader.lookup)("WIZ_PRICES_FILE").map(PathBuf::from);
    Some(ModelConfig { default_model: default_model?, review_model, anthropic, openai, prices_file })
}

fn provider(reader: &mut Reader<'_>, key: &str, url: &str, default_url: &'static str) -> Option<ProviderConfig> {
    let api_key = (reader.lookup)(key)?;
    let base_url = reader.parsed(url, default_url, "the provider's base URL")?;
    Some(ProviderConfig { base_url, api_key: api_key.into() })
}

fn sandbox(reader: &mut Reader<'_>) -> SandboxConfig {
    let beside_executable =
        || std::env::current_exe().ok().and_then(|path| Some(path.parent()?.join("wiz-runner"))).unwrap_or_default();
    SandboxConfig {
        docker_host: (reader.lookup)("DOCKER_HOST"),
        runner: (reader.lookup)("WIZ_RUNNER").map_or_else(beside_executable, PathBuf::from),
        default_image: (reader.lookup)("WIZ_IMAGE").unwrap_or_else(|| "wiz-base:bookworm".into()),
        owner: (reader.lookup)("WIZ_ENGINE_OWNER"),
        runtime: (reader.lookup)("WIZ_RUNTIME"),
    }
}

struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    faults: Vec<String>,
}

impl Reader<'_> {
    fn required(&mut self, name: &str, what: &str) -> Option<String> {
        let value = (self.lookup)(name).filter(|value| !value.is_empty());
        if value.is_none() {
            self.faults.push(format!("{name} is not set; give it {what}"));
        }
        value
    }

    fn parsed<T: std::str::FromStr>(&mut self, name: &str, default: &str, what: &str) -> Option<T> {
        let text = (self.lookup)(name).unwrap_or_else(|| default.to_owned());
        let value = text.parse().ok();
        if value.is_none() {
            self.faults.push(format!("{name} must be {what}, not {text:?}"));
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(variables: &[(&str, &str)]) -> String {
        let lookup =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Config::from_environment(&lookup).unwrap_err().to_string()
    }

    #[test]
    fn all_faults_are_reported_at_once_and_no_secret_is_shown() {
        let wrong = faults(&[
            ("WIZ_DATA_DIR", "/nowhere"),
            ("WIZ_LISTEN", "nowhere"),
            ("WIZ_PUBLIC_URL", "wiz"),
            ("WIZ_WORKERS", "many"),
            ("WIZ_GITHUB_API_URL", "github"),
            ("WIZ_GITHUB_URL", "github"),
            ("WIZ_GITHUB_APP_ID", "wiz"),
            ("WIZ_GITHUB_WEBHOOK_SECRETS", "hunter2"),
            ("WIZ_GITHUB_PRIVATE_KEY", "tr0ub4dor"),
            ("WIZ_MODEL", "anthropic/claude"),
            ("WIZ_REVIEW_MODEL", "openai/gpt"),
            ("DATABASE_URL", "mysql://user:pass@host"),
        ]);
        insta::assert_snapshot!(wrong, @r#"
        the configuration has 11 fault(s):
          - WIZ_LISTEN must be an address such as 0.0.0.0:8080, not "nowhere"
          - WIZ_PUBLIC_URL must be the URL people reach this server at, not "wiz"
          - WIZ_WORKERS must be a number from 1 to 256, not "many"
          - WIZ_GITHUB_API_URL must be the URL of GitHub's REST API, not "github"
          - WIZ_GITHUB_URL must be the URL of GitHub's pages, not "github"
          - WIZ_GITHUB_APP_ID must be a number; copy it from the App's settings page
          - WIZ_GITHUB_PRIVATE_KEY(_FILE) holds no RSA key in PEM form; generate a private key on the App's settings page and use that file unchanged
          - WIZ_GITHUB_WEBHOOK_SECRETS needs secrets of at least 16 characters; make one with `openssl rand -hex 32`
          - anthropic/claude needs ANTHROPIC_API_KEY
          - openai/gpt needs OPENAI_API_KEY (any text for a local server) and maybe OPENAI_BASE_URL
          - DATABASE_URL must start with postgres://; unset it to use the embedded database
        "#);
        for secret in ["hunter2", "tr0ub4dor", "pass@"] {
            assert!(!wrong.contains(secret), "{secret} shown in {wrong}");
        }
        let others = faults(&[
            ("WIZ_DATA_DIR", "/nowhere"),
            ("WIZ_WORKERS", "1000"),
            ("WIZ_GITHUB_APP_ID", "1"),
            ("WIZ_GITHUB_WEBHOOK_SECRETS", "long enough as a secret"),
            ("WIZ_GITHUB_PRIVATE_KEY_FILE", "/nowhere/key.pem"),
            ("OPENAI_API_KEY", "sk"),
            ("OPENAI_BASE_URL", "openai"),
            ("WIZ_MODEL", "gpt"),
        ]);
        insta::assert_snapshot!(others, @r#"
        the configuration has 4 fault(s):
          - WIZ_WORKERS must be a number from 1 to 256
          - WIZ_GITHUB_PRIVATE_KEY_FILE: cannot read /nowhere/key.pem: No such file or directory (os error 2)
          - OPENAI_BASE_URL must be the provider's base URL, not "openai"
          - gpt is not a model; write provider/model with anthropic, openai or openai-chat
        "#);
    }
}
