//! The container engine as a person sees it: by its command line, apart from wiz's own client.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::process::{Child, Command};

/// The label of everything that one wiz makes on an engine; its value is the owner's name.
const OWNER_LABEL: &str = "wiz.owner";
/// The label of the containers this crate makes.
const PROOF_LABEL: &str = "wiz.demo";

/// What the engine did for one owner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Activity {
    /// Containers made.
    pub boxes: usize,
    /// Of those, how many were connected to any network but `none`.
    pub connected: usize,
}

async fn docker(arguments: &[&str]) -> Result<String> {
    let output = Command::new("docker").args(arguments).kill_on_drop(true).output().await;
    let output = output.context("cannot run docker")?;
    let command = arguments.first().copied().unwrap_or_default();
    ensure!(output.status.success(), "docker {command} failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    String::from_utf8(output.stdout).context("docker wrote no UTF-8")
}

/// The containers and volumes of this owner that are on the engine.
pub async fn remains(owner: &str) -> Result<Vec<String>> {
    let label = format!("label={OWNER_LABEL}={owner}");
    let containers = docker(&["ps", "--all", "--quiet", "--filter", &label]).await?;
    let volumes = docker(&["volume", "ls", "--quiet", "--filter", &label]).await?;
    Ok(containers.lines().chain(volumes.lines()).map(str::to_owned).collect())
}

/// Removes what this owner has left on the engine. For the end of a world that may not have ended well, so it works
/// where nothing can be awaited.
pub fn remove_remains(owner: &str) {
    let script = format!(
        "docker ps -aq --filter label={OWNER_LABEL}={owner} | xargs -r docker rm -fv; \
         docker volume ls -q --filter label={OWNER_LABEL}={owner} | xargs -r docker volume rm -f"
    );
    let mut shell = std::process::Command::new("sh");
    let ended = shell.args(["-c", &script]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    // Nobody is left to tell.
    drop(ended);
}

/// Writes down what the engine does for one owner, from its start until it is dropped. The engine itself remembers
/// only its last few hundred events.
#[derive(Debug)]
pub struct Watch {
    boxes: PathBuf,
    networks: PathBuf,
    _watchers: [Child; 2],
}

impl Watch {
    /// Begins to watch, with its notes in the directory.
    pub fn start(owner: &str, directory: &Path) -> Result<Self> {
        let (boxes, networks) = (directory.join("boxes"), directory.join("networks"));
        let label = format!("label={OWNER_LABEL}={owner}");
        let made = ["type=container", "event=create", &label];
        let joined = ["type=network", "event=connect"];
        let watchers = [
            watch(&made, "{{.ID}}", &boxes)?,
            watch(&joined, "{{.Actor.Attributes.container}} {{.Actor.Attributes.name}}", &networks)?,
        ];
        Ok(Self { boxes, networks, _watchers: watchers })
    }

    /// What was done so far.
    pub fn activity(&self) -> Result<Activity> {
        let boxes = std::fs::read_to_string(&self.boxes).context("cannot read the notes")?;
        let networks = std::fs::read_to_string(&self.networks).context("cannot read the notes")?;
        let boxes: BTreeSet<&str> = boxes.lines().collect();
        let connected = networks.lines().filter_map(|line| line.split_once(' '));
        let connected = connected.filter(|(container, network)| *network != "none" && boxes.contains(container));
        Ok(Activity { connected: connected.count(), boxes: boxes.len() })
    }
}

fn watch(filters: &[&str], format: &str, notes: &Path) -> Result<Child> {
    let notes = std::fs::File::create(notes).context("cannot make the notes")?;
    let mut command = Command::new("docker");
    command.args(["events", "--format", format]).stdin(Stdio::null()).stdout(notes).stderr(Stdio::null());
    for filter in filters {
        command.args(["--filter", filter]);
    }
    command.kill_on_drop(true).spawn().context("cannot run docker")
}

/// Runs a script in a fresh container without a network, over a copy of the directory, which it finds at `/material`.
/// Gives its exit code and what it wrote.
pub async fn run_in_clean_box(image: &str, directory: &Path, script: &str) -> Result<(i32, String)> {
    let mut tar = Command::new("tar");
    let mut tar = tar
        .arg("--create")
        .arg("--directory")
        .arg(directory)
        .arg(".")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("cannot run tar")?;
    let material: Stdio = tar.stdout.take().context("tar has no output")?.try_into()?;
    let script =
        format!("mkdir /material && tar --extract --directory /material && cd /material || exit 125\n{script}");
    let mut docker = Command::new("docker");
    docker.args([
        "run",
        "--rm",
        "--interactive",
        "--network",
        "none",
        "--label",
        PROOF_LABEL,
        image,
        "sh",
        "-c",
        &script,
    ]);
    let output = docker.stdin(material).kill_on_drop(true).output().await.context("cannot run docker")?;
    ensure!(tar.wait().await?.success(), "tar failed");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    match output.status.code() {
        Some(125) | None => bail!("the container did not run: {text}"),
        Some(code) => Ok((code, text)),
    }
}
