//! `wiz serve` as a child process: started, asked whether it is ready, stopped in order, killed, started again.

use std::{
    collections::hash_map::RandomState,
    fs::File,
    hash::BuildHasher as _,
    net::TcpListener,
    path::PathBuf,
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

use crate::until::until;

/// First start: making the database, and the engine's answer on a busy machine.
const READY_DEADLINE: Duration = Duration::from_secs(120);
/// wiz lets running jobs end for at most half a minute, then stops its database.
const STOP_DEADLINE: Duration = Duration::from_secs(60);
/// One look at `/readyz`.
const LOOK_DEADLINE: Duration = Duration::from_secs(10);
/// Lines of the log in an error.
const LOG_LINES: usize = 40;

/// What wiz needs of this machine's environment; everything else is given.
const PASSED_ON: [&str; 6] = ["PATH", "HOME", "DOCKER_HOST", "RUST_LOG", "RUST_BACKTRACE", "TMPDIR"];

/// How wiz is run.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program.
    pub binary: PathBuf,
    /// Its settings.
    pub environment: Vec<(String, String)>,
    /// Where it listens: `127.0.0.1:PORT`.
    pub port: u16,
    /// What it writes; appended by each start.
    pub log: PathBuf,
}

/// A running wiz. It is killed when this is dropped.
#[derive(Debug)]
pub struct Wiz {
    child: Child,
    launch: Launch,
}

impl Launch {
    /// Starts wiz and waits until it says that it is ready.
    pub async fn start(&self) -> Result<Wiz> {
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.with_context(|| format!("cannot open {}", self.log.display()))?;
        let child = self
            .command(&["serve"])
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run {}", self.binary.display()))?;
        let mut wiz = Wiz { child, launch: self.clone() };
        wiz.wait_until_ready().await?;
        Ok(wiz)
    }

    /// Runs a command that ends by itself.
    pub async fn run(&self, arguments: &[&str]) -> Result<Output> {
        let output = timeout(STOP_DEADLINE, self.command(arguments).kill_on_drop(true).output()).await;
        let output = output.with_context(|| format!("wiz {arguments:?} did not end within {STOP_DEADLINE:?}"))?;
        output.with_context(|| format!("cannot run {}", self.binary.display()))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let inherited = std::env::vars_os().filter(|(name, _)| PASSED_ON.iter().any(|passed| name == passed));
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .env_clear()
            .envs(inherited)
            .env("NO_COLOR", "1")
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    /// The end of what wiz wrote.
    pub fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

impl Wiz {
    async fn wait_until_ready(&mut self) -> Result<()> {
        let client = crate::http_client(LOOK_DEADLINE)?;
        let url = format!("http://127.0.0.1:{}/readyz", self.launch.port);
        let launch = self.launch.clone();
        let child = &mut self.child;
        let mut last = String::from("it does not answer");
        let ready = until("wiz is ready", READY_DEADLINE, async || {
            if let Some(status) = child.try_wait()? {
                bail!("wiz ended with {status}");
            }
            let Ok(answer) = client.get(&url).send().await else { return Ok(None) };
            if answer.status().is_success() {
                return Ok(Some(()));
            }
            last = answer.text().await.unwrap_or_default();
            Ok(None)
        });
        let outcome = ready.await;
        outcome.with_context(|| format!("wiz is not ready: {last}\nits log ends:\n{}", launch.log_tail()))
    }

    /// Its process id.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Its resident memory in bytes.
    pub fn resident_bytes(&self) -> Result<u64> {
        let pid = self.pid().context("wiz has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib * 1024)
    }

    /// Asks wiz to stop, as a service manager does, and waits for its good end.
    pub async fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.pid().context("wiz ended by itself")?)?;
        kill(Pid::from_raw(pid), Signal::SIGTERM).context("cannot ask wiz to stop")?;
        let status = timeout(STOP_DEADLINE, self.child.wait()).await;
        let status = status.with_context(|| format!("wiz did not stop within {STOP_DEADLINE:?}"))??;
        ensure!(status.success(), "wiz stopped with {status}; its log ends:\n{}", self.launch.log_tail());
        Ok(())
    }

    /// Ends wiz as a power cut does.
    pub async fn kill(mut self) -> Result<ExitStatus> {
        self.child.start_kill().context("wiz ended before it was killed")?;
        Ok(self.child.wait().await?)
    }
}

/// A port for a server that is stopped and started again. It lies below the range from which the kernel takes ports
/// for outgoing connections, so that none of these gets it in between. The search begins at random, so that worlds that
/// begin together do not find the same one.
pub fn choose_port() -> Result<u16> {
    let random = RandomState::new().hash_one(std::process::id());
    let start = u16::try_from(random % 7_000)?;
    (0..7_000_u16)
        .map(|step| 20_000 + (start + step) % 7_000)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .context("no port is free")
}
