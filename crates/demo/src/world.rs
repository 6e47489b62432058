//! Everything a story needs, on this machine: a GitHub, a model, an engine, and wiz as a child process.
//!
//! [`World::start`] builds it around one [`Case`]; dropping it takes everything away again, after a panic too. The
//! GitHub and the scripted model live in this process, so they outlive a killed wiz as the real ones would.
//! Read first: [`Options`], [`World`].

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Output},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use scripted_model::{Script, ScriptedModel, Wire};
use tempfile::TempDir;

use crate::{
    case::{Case, File},
    engine,
    hub::{Hub, Repo},
    store::Store,
    until::until,
    wiz::{Launch, Wiz, choose_port},
};

/// What wiz writes goes to this file of the world's directory.
const LOG: &str = "wiz.log";
/// The same for the second process, and the folder of its data.
const SECOND: &str = "second";
/// How long boxes may take to go after the last job.
const CLEAR_DEADLINE: Duration = Duration::from_secs(180);

/// What a world is made of.
#[derive(Debug, Clone)]
pub struct Options {
    pub case: &'static Case,
    /// The wiz program.
    pub wiz: PathBuf,
    /// The static runner that wiz puts into boxes.
    pub runner: PathBuf,
    /// The image of boxes.
    pub image: String,
    pub database: DatabaseChoice,
    pub model: ModelChoice,
    /// Further settings of wiz, by name.
    pub settings: Vec<(&'static str, String)>,
}

/// Where wiz keeps its data.
#[derive(Debug, Clone)]
pub enum DatabaseChoice {
    /// wiz's own private cluster, in the world's directory.
    Embedded,
    /// A database of its own on a server; it must be empty.
    Url(String),
}

/// Who thinks.
#[derive(Debug, Clone)]
pub enum ModelChoice {
    /// The case's script, spoken over this protocol.
    Scripted(Wire),
    /// A real model, as `provider/name`, with the settings by which wiz reaches it.
    Real { name: String, environment: Vec<(String, String)> },
}

/// A running world.
pub struct World {
    // Dropped first to last: wiz before what it uses, the directory at the end.
    wiz: Option<Wiz>,
    second: Option<Wiz>,
    launch: Launch,
    hub: Hub,
    model: Option<ScriptedModel>,
    options: Options,
    watch: engine::Watch,
    directory: TempDir,
}

impl World {
    /// Builds the world and waits until wiz is ready in it.
    pub async fn start(options: Options) -> Result<Self> {
        let files = options.case.repository_files().await?;
        let script = match &options.model {
            ModelChoice::Scripted(_) => Some(options.case.script()?),
            ModelChoice::Real { .. } => None,
        };
        let scrutiny = options.case.scrutiny;
        let world = Self::start_on(options, files, script).await?;
        if let Some(scrutiny) = scrutiny {
            scrutiny.lint.install(world.hub.control(), world.repo().full_name())?;
        }
        Ok(world)
    }

    /// Builds the world on other files and lines than those of the case.
    pub async fn start_on(options: Options, files: Vec<File>, script: Option<Script>) -> Result<Self> {
        let directory = world_directory()?;
        let port = choose_port()?;
        let hub = Hub::start(options.case.name, files).await?;
        let model = match script {
            Some(script) => Some(scripted_model(script, &hub).await?),
            None => None,
        };
        let key = directory.path().join("app.pem");
        fs::write(&key, hub.private_key())?;
        fs::set_permissions(&key, Permissions::from_mode(0o600))?;
        let launch = Launch {
            binary: options.wiz.clone(),
            environment: environment(&options, &hub, model.as_ref(), (port, directory.path())),
            port,
            log: directory.path().join(LOG),
        };
        let watch = engine::Watch::start(&owner(port), directory.path())?;
        let mut world = Self { wiz: None, second: None, launch, hub, model, options, watch, directory };
        world.restart().await?;
        world.hub.install(&format!("{}/webhooks/github", world.wiz_url()))?;
        Ok(world)
    }

    /// What is wrong and mended here.
    pub fn case(&self) -> &'static Case {
        self.options.case
    }

    /// GitHub.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The case's repository.
    pub fn repo(&self) -> Repo {
        self.hub.repo()
    }

    /// The scripted model, unless a real one thinks.
    pub fn model(&self) -> Option<&ScriptedModel> {
        self.model.as_ref()
    }

    /// The image of boxes.
    pub fn image(&self) -> &str {
        &self.options.image
    }

    /// wiz's process, while it runs.
    pub fn wiz(&self) -> Option<&Wiz> {
        self.wiz.as_ref()
    }

    /// Where wiz listens.
    pub fn wiz_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.launch.port)
    }

    /// The port wiz listens on.
    pub fn wiz_port(&self) -> u16 {
        self.launch.port
    }

    /// The directory of the embedded database's socket.
    pub fn database_socket(&self) -> PathBuf {
        self.data_dir().join("postgres/socket")
    }

    /// wiz's database, to be looked at.
    pub async fn store(&self) -> Result<Store> {
        match &self.options.database {
            DatabaseChoice::Embedded => Store::embedded(&self.data_dir()).await,
            DatabaseChoice::Url(url) => Store::at(url).await,
        }
    }

    /// What the engine has done for wiz since the world began.
    pub fn engine_activity(&self) -> Result<engine::Activity> {
        self.watch.activity()
    }

    /// Waits until nothing of wiz is left on the engine.
    pub async fn until_no_box_is_left(&self) -> Result<()> {
        let owner = self.owner();
        until("no box is left", CLEAR_DEADLINE, async || Ok(engine::remains(&owner).await?.is_empty().then_some(())))
            .await
    }

    /// Ends wiz as a power cut does.
    pub async fn kill(&mut self) -> Result<ExitStatus> {
        self.wiz.take().context("wiz does not run")?.kill().await
    }

    /// Starts wiz, on the data it had.
    pub async fn restart(&mut self) -> Result<()> {
        ensure!(self.wiz.is_none(), "wiz runs already");
        self.wiz = Some(self.launch.start().await?);
        Ok(())
    }

    /// Starts a second wiz on the same database and engine, as on another machine: only its address and what it keeps on
    /// disk are its own. Gives where it listens.
    pub async fn start_second(&mut self) -> Result<String> {
        ensure!(self.second.is_none(), "a second wiz runs already");
        let port = choose_port()?;
        let home = self.directory.path().join(SECOND);
        fs::create_dir(&home).context("cannot make a directory")?;
        fs::set_permissions(&home, Permissions::from_mode(0o711))?;
        let mut launch =
            Launch { port, log: self.directory.path().join(format!("{SECOND}.log")), ..self.launch.clone() };
        for (name, value) in &mut launch.environment {
            match name.as_str() {
                "WIZ_LISTEN" => *value = format!("127.0.0.1:{port}"),
                "WIZ_DATA_DIR" => *value = data_dir(&home).display().to_string(),
                _ => {}
            }
        }
        self.second = Some(launch.start().await?);
        Ok(format!("http://127.0.0.1:{port}"))
    }

    /// Runs another of wiz's commands beside it, with the same settings.
    pub async fn run(&self, arguments: &[&str]) -> Result<Output> {
        self.launch.run(arguments).await
    }

    /// Stops wiz in order.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(second) = self.second.take() {
            second.stop().await?;
        }
        self.wiz.take().context("wiz does not run")?.stop().await
    }

    /// The end of what wiz wrote, for a failure's message.
    pub fn log_tail(&self) -> String {
        self.launch.log_tail()
    }

    /// Where wiz keeps its data.
    pub fn data_dir(&self) -> PathBuf {
        data_dir(self.directory.path())
    }

    /// The name under which this world's wiz owns boxes.
    fn owner(&self) -> String {
        owner(self.launch.port)
    }
}

/// A directory that the database's account may pass through, which a checkout's need not be.
fn world_directory() -> Result<TempDir> {
    let directory = tempfile::Builder::new().prefix("wiz-world-").tempdir().context("cannot make a directory")?;
    fs::set_permissions(directory.path(), Permissions::from_mode(0o711))?;
    Ok(directory)
}

fn owner(port: u16) -> String {
    format!("world-{port}")
}

fn data_dir(directory: &Path) -> PathBuf {
    directory.join("data")
}

async fn scripted_model(mut script: Script, hub: &Hub) -> Result<ScriptedModel> {
    // Whatever goes wrong, these must never be told to a model.
    script.canaries.push(hub.webhook_secret());
    script.canaries.extend(hub.private_key().lines().nth(1).map(str::to_owned));
    ScriptedModel::start(script).await
}

fn environment(
    options: &Options,
    hub: &Hub,
    model: Option<&ScriptedModel>,
    (port, directory): (u16, &Path),
) -> Vec<(String, String)> {
    let mut environment = vec![
        ("WIZ_LISTEN", format!("127.0.0.1:{port}")),
        ("WIZ_PUBLIC_URL", format!("http://127.0.0.1:{port}")),
        ("WIZ_GITHUB_API_URL", hub.url()),
        ("WIZ_GITHUB_URL", hub.url()),
        ("WIZ_GITHUB_APP_ID", hub.app_id().to_string()),
        ("WIZ_GITHUB_PRIVATE_KEY_FILE", directory.join("app.pem").display().to_string()),
        ("WIZ_GITHUB_WEBHOOK_SECRETS", hub.webhook_secret()),
        ("WIZ_DATA_DIR", data_dir(directory).display().to_string()),
        ("WIZ_RUNNER", options.runner.display().to_string()),
        ("WIZ_IMAGE", options.image.clone()),
        ("WIZ_ENGINE_OWNER", owner(port)),
    ];
    if let (Some(model), ModelChoice::Scripted(wire)) = (model, &options.model) {
        let (name, base_url, url, key) = match wire {
            Wire::Messages => ("anthropic/scripted", "ANTHROPIC_BASE_URL", model.url(), "ANTHROPIC_API_KEY"),
            Wire::Responses => ("openai/scripted", "OPENAI_BASE_URL", model.url() + "/v1", "OPENAI_API_KEY"),
            Wire::Chat => ("openai-chat/scripted", "OPENAI_BASE_URL", model.url() + "/v1", "OPENAI_API_KEY"),
        };
        environment.push(("WIZ_MODEL", name.to_owned()));
        environment.push((base_url, url));
        environment.push((key, "not-a-secret".to_owned()));
    }
    environment.extend(options.settings.iter().cloned());
    if let DatabaseChoice::Url(url) = &options.database {
        environment.push(("DATABASE_URL", url.clone()));
    }
    let mut environment: Vec<_> = environment.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    if let ModelChoice::Real { name, environment: real } = &options.model {
        environment.push(("WIZ_MODEL".to_owned(), name.clone()));
        environment.extend(real.iter().cloned());
    }
    environment
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "a failed test is explained by what wiz wrote")]
            {
                eprintln!("the end of wiz's log:\n{}", self.log_tail());
            }
        }
        drop(self.second.take());
        drop(self.wiz.take());
        stop_orphaned_database(&self.data_dir());
        engine::remove_remains(&self.owner());
    }
}

/// wiz's private database outlives a killed wiz, to be taken over by the next one. Here there is no next one.
fn stop_orphaned_database(data_dir: &Path) {
    let pid_file = data_dir.join("postgres/cluster/postmaster.pid");
    let Ok(text) = fs::read_to_string(pid_file) else { return };
    let Some(Ok(pid)) = text.lines().next().map(str::parse) else { return };
    // Immediate shutdown: the data goes too.
    if kill(Pid::from_raw(pid), Signal::SIGQUIT).is_err() {
        return;
    }
    // Its children write until they hear of it; the directory cannot go before them.
    let gone = || kill(Pid::from_raw(pid), None).is_err();
    for _ in 0..200 {
        if gone() {
            return;
        }
        #[expect(clippy::disallowed_methods, reason = "a destructor cannot await")]
        std::thread::sleep(Duration::from_millis(25));
    }
}
