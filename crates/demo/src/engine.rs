//! The container engine as a person sees it: by its command line, apart from wiz's own client.

use std::{path::Path, process::Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::process::Command;

/// The label of everything that one wiz makes on an engine; its value is the owner's name.
const OWNER_LABEL: &str = "wiz.owner";
/// The label of the containers this crate makes.
const PROOF_LABEL: &str = "wiz.demo";

/// What the engine did for wiz in a span of time.
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

/// What the engine did for this owner between two times, in seconds since 1970.
pub async fn activity(owner: &str, (since_s, until_s): (u64, u64)) -> Result<Activity> {
    let (since, until) = (since_s.to_string(), until_s.to_string());
    let span = ["events", "--since", &since, "--until", &until];
    let label = format!("label={OWNER_LABEL}={owner}");
    let made = ["--filter", "type=container", "--filter", "event=create", "--filter", &label, "--format", "{{.ID}}"];
    let made = docker(&[&span[..], &made[..]].concat()).await?;
    let format = "{{.Actor.Attributes.container}} {{.Actor.Attributes.name}}";
    let joined = ["--filter", "type=network", "--filter", "event=connect", "--format", format];
    let joined = docker(&[&span[..], &joined[..]].concat()).await?;
    let connected = joined.lines().filter_map(|line| line.split_once(' ')).filter(|(_, network)| *network != "none");
    let connected = connected.filter(|(container, _)| made.lines().any(|id| id == *container)).count();
    Ok(Activity { boxes: made.lines().count(), connected })
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
