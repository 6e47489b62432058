//! One git process: nothing configured from outside, as a user of its own, limited, and dead at its deadline.
//!
//! Configuration, attributes, hooks, credential helpers, prompts and every transport but the one to GitHub are off; a
//! hostile repository can at most waste the time and disk that the limits leave it. The token travels in the environment
//! of the one process that needs it: never in an argument, which every user may read, and never on disk.

use std::{
    fs, io,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, Command},
};
use url::Url;

use super::MirrorError;
use crate::limits;

/// Settings of every git process. Most repeat a default; they are here so that no future default matters.
const SETTINGS: &[&str] = &[
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.symlinks=false",
    "core.protectNTFS=true",
    "core.protectHFS=true",
    "core.packedGitWindowSize=64m",
    "core.bigFileThreshold=32m",
    "safe.bareRepository=explicit",
    "protocol.allow=never",
    "transfer.fsckObjects=true",
    "fetch.fsckObjects=true",
    "transfer.bundleURI=false",
    "submodule.recurse=false",
    "fetch.recurseSubmodules=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "credential.helper=",
    "http.followRedirects=false",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
    "init.defaultBranch=main",
];

/// Sets limits for the shell and becomes git: file size in blocks of 512 bytes (4 GiB), processor time in seconds, address
/// space in KiB (4 GiB).
const LIMITED_GIT: &str = "ulimit -f 8388608 && ulimit -t 240 && ulimit -v 4194304 && exec git \"$@\"";

/// Most of git's complaints kept.
const STDERR_BYTES: u64 = 8 * 1024;

/// How this process runs git.
#[derive(Debug)]
pub(super) struct Git {
    home: PathBuf,
    user: Option<u32>,
    protocol: String,
    web_url: String,
    deadline: Duration,
}

/// What one process is started with.
struct Invocation<'a> {
    directory: &'a Path,
    arguments: &'a [&'a str],
    input: Vec<u8>,
    token: Option<&'a SecretString>,
    output_bytes: u64,
}

impl Git {
    pub fn new(home: PathBuf, user: Option<u32>, web_url: &Url) -> Self {
        let prefix = format!("{}/", web_url.as_str().trim_end_matches('/'));
        Self { home, user, protocol: web_url.scheme().to_owned(), web_url: prefix, deadline: limits::GIT_DEADLINE }
    }

    /// Makes an empty bare repository.
    pub async fn initialise(&self, directory: &Path) -> Result<(), MirrorError> {
        fs::create_dir(directory)?;
        if let Some(user) = self.user {
            chown(directory, Some(user), Some(user))?;
        }
        self.read(directory, &["init", "--quiet", "--bare", "--template="], Vec::new(), 1024).await.map(drop)
    }

    /// Fetches one commit without its history.
    pub async fn fetch(
        &self,
        directory: &Path,
        url: &str,
        refspec: &str,
        token: &SecretString,
    ) -> Result<(), MirrorError> {
        let arguments = [
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--no-recurse-submodules",
            "--end-of-options",
            url,
            refspec,
        ];
        let invocation =
            Invocation { directory, arguments: &arguments, input: Vec::new(), token: Some(token), output_bytes: 1024 };
        self.run(invocation).await.map(drop)
    }

    /// Runs a command that only reads the mirror; fails when its output is longer than `output_bytes`.
    pub async fn read(
        &self,
        directory: &Path,
        arguments: &[&str],
        input: Vec<u8>,
        output_bytes: u64,
    ) -> Result<Vec<u8>, MirrorError> {
        self.run(Invocation { directory, arguments, input, token: None, output_bytes }).await
    }

    async fn run(&self, invocation: Invocation<'_>) -> Result<Vec<u8>, MirrorError> {
        let mut process = Process(self.command(&invocation).spawn()?);
        match tokio::time::timeout(self.deadline, process.finish(invocation)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(MirrorError::TimedOut),
        }
    }

    fn command(&self, invocation: &Invocation<'_>) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", LIMITED_GIT, "git"]);
        command.arg(format!("--git-dir={}", invocation.directory.display()));
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        command.args(["-c", &format!("protocol.{}.allow=always", self.protocol)]);
        command.args(invocation.arguments);
        command.env_clear().envs([
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("LC_ALL", "C"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_ATTR_NOSYSTEM", "1"),
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_ASKPASS", "/bin/false"),
            ("GIT_ALLOW_PROTOCOL", &self.protocol),
            ("GIT_LITERAL_PATHSPECS", "1"),
            ("GIT_OPTIONAL_LOCKS", "0"),
            ("GIT_NO_LAZY_FETCH", "1"),
            ("GIT_NO_REPLACE_OBJECTS", "1"),
        ]);
        command.env("HOME", &self.home).current_dir(&self.home);
        if let Some(token) = invocation.token {
            let login = STANDARD.encode(format!("x-access-token:{}", token.expose_secret()));
            command.env("GIT_CONFIG_COUNT", "1");
            command.env("GIT_CONFIG_KEY_0", format!("http.{}.extraHeader", self.web_url));
            command.env("GIT_CONFIG_VALUE_0", format!("Authorization: Basic {login}"));
        }
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command.process_group(0).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// A running git with its helpers, which are all in one process group; dropping it kills them.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(id) = self.0.id().and_then(|id| i32::try_from(id).ok()) {
            // It may have ended this very moment, and that is what was wanted.
            killpg(Pid::from_raw(id), Signal::SIGKILL).ok();
        }
    }
}

impl Process {
    async fn finish(&mut self, invocation: Invocation<'_>) -> Result<Vec<u8>, MirrorError> {
        let (Some(mut stdin), Some(stdout), Some(stderr)) =
            (self.0.stdin.take(), self.0.stdout.take(), self.0.stderr.take())
        else {
            return Err(MirrorError::Failed("git has no pipes".into()));
        };
        let write = async move {
            // git may end without reading everything; its exit status tells why.
            drop(stdin.write_all(&invocation.input).await);
            drop(stdin);
        };
        let (_, output, complaints) =
            tokio::join!(write, read_up_to(stdout, invocation.output_bytes), read_up_to(stderr, STDERR_BYTES),);
        let Some(output) = output? else {
            return Err(MirrorError::TooLarge(format!("more than {} bytes", invocation.output_bytes)));
        };
        let status = self.0.wait().await?;
        if status.success() {
            return Ok(output);
        }
        let complaints = complaints?.unwrap_or_default();
        Err(judge(status, &String::from_utf8_lossy(&complaints)))
    }
}

/// All bytes, or `None` when there are more than `most`. Reading stops there, so that the writer stops too.
async fn read_up_to(source: impl AsyncRead + Unpin, most: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    source.take(most + 1).read_to_end(&mut bytes).await?;
    Ok(u64::try_from(bytes.len()).is_ok_and(|length| length <= most).then_some(bytes))
}

/// What git's complaint means; it has no codes.
fn judge(status: std::process::ExitStatus, complaints: &str) -> MirrorError {
    let not_found = [
        "not our ref",
        "not found",
        "couldn't find remote ref",
        "Not a valid object name",
        "not a tree object",
        "Authentication failed",
        "could not read Username",
        "The requested URL returned error: 403",
        "The requested URL returned error: 404",
    ];
    let text: String = complaints
        .lines()
        .take(4)
        .collect::<Vec<_>>()
        .join("; ")
        .chars()
        .filter(|c| !c.is_control())
        .take(400)
        .collect();
    if complaints.contains("fsck error") {
        MirrorError::Refused(text)
    } else if not_found.iter().any(|sign| complaints.contains(sign)) {
        MirrorError::NotFound(text)
    } else {
        MirrorError::Failed(format!("git failed ({status}): {text}"))
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, os::unix::process::ExitStatusExt as _};

    use super::*;

    #[test]
    fn the_token_is_in_the_environment_of_its_process_only() {
        let web_url = Url::parse("https://ghe.example/").unwrap();
        let git = Git::new("/home".into(), Some(7), &web_url);
        let token = SecretString::from("ghs_s3cret");
        let shown = |token: Option<&SecretString>| {
            let command = git.command(&Invocation {
                directory: Path::new("/m"),
                arguments: &["fetch", "https://ghe.example/o/n.git"],
                input: Vec::new(),
                token,
                output_bytes: 1,
            });
            let arguments: Vec<_> = command.as_std().get_args().map(OsStr::to_os_string).collect();
            let environment: Vec<_> = command
                .as_std()
                .get_envs()
                .map(|(name, value)| (name.to_os_string(), value.map(OsStr::to_os_string)))
                .collect();
            (format!("{arguments:?}"), format!("{environment:?}"))
        };
        let encoded = STANDARD.encode("x-access-token:ghs_s3cret");
        let (arguments, environment) = shown(Some(&token));
        assert!(!arguments.contains("s3cret") && !arguments.contains(&encoded), "{arguments}");
        assert!(environment.contains(&encoded) && environment.contains("http.https://ghe.example/.extraHeader"));
        assert!(arguments.contains("protocol.https.allow=always"), "{arguments}");
        let (_, environment) = shown(None);
        assert!(!environment.contains("GIT_CONFIG_VALUE_0"), "{environment}");
    }

    #[tokio::test]
    async fn a_git_that_hangs_is_killed_with_its_helpers() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let web_url = Url::parse(&format!("http://{}/", silent.local_addr().unwrap())).unwrap();
        let home = tempfile::tempdir().unwrap();
        let mut git = Git::new(home.path().to_owned(), None, &web_url);
        let mirror = home.path().join("mirror.git");
        git.initialise(&mirror).await.unwrap();
        git.deadline = Duration::from_secs(1);
        let url = format!("{web_url}o/n.git");
        let alive = || {
            let runs_it = |process: &fs::DirEntry| {
                fs::read(process.path().join("cmdline")).is_ok_and(|line| String::from_utf8_lossy(&line).contains(&url))
            };
            fs::read_dir("/proc").unwrap().flatten().filter(runs_it).count()
        };
        let token = SecretString::from("t");
        let connected = async {
            let connection = silent.accept().await.unwrap();
            (alive(), connection)
        };
        let (outcome, (waiting, _connection)) =
            tokio::join!(git.fetch(&mirror, &url, "+refs/heads/main:refs/x", &token), connected);
        assert!(matches!(outcome, Err(MirrorError::TimedOut)), "{outcome:?}");
        assert!(waiting >= 2, "git and its helper were waiting, not {waiting} processes");
        let gone = async {
            while alive() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), gone).await.expect("git or its helper lives on");
    }

    #[test]
    fn complaints_are_told_apart() {
        let failed = std::process::ExitStatus::from_raw(128 << 8);
        let table = [
            ("fatal: remote error: upload-pack: not our ref 0123", "not found"),
            ("fatal: repository 'https://x/o/n.git/' not found", "not found"),
            ("fatal: Authentication failed for 'https://x/'", "not found"),
            ("fatal: unable to access 'https://x/': The requested URL returned error: 403", "not found"),
            ("error: object 01: hasDotgit: contains '.git'\nfatal: fsck error in packed object", "refused"),
            ("fatal: unable to access 'https://x/': The requested URL returned error: 503", "failed"),
            ("fatal: Unable to create '/m/shallow.lock': File exists.", "failed"),
            ("", "failed"),
        ];
        for (complaint, expected) in table {
            let kind = match judge(failed, complaint) {
                MirrorError::NotFound(_) => "not found",
                MirrorError::Refused(_) => "refused",
                MirrorError::Failed(_) => "failed",
                MirrorError::TimedOut | MirrorError::Hostile { .. } | MirrorError::TooLarge(_) => "another",
            };
            assert_eq!(kind, expected, "{complaint}");
        }
    }
}
