//! The private cluster: made once, started or taken over at each start, stopped at the end.
//!
//! Under the data directory: `wiz.lock`, held by the wiz that uses it, and `postgres/` of the cluster's account with
//! `cluster/` (the data), `postgres.log` and, if the path is short enough for a socket, `socket/`.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::ErrorKind,
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use nix::{sys::signal, unistd::Pid};
use sha2::{Digest, Sha256};
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{
    process::Command,
    time::{self, Instant},
};

use super::{account::Account, binaries};

/// The cluster's superuser, and the only role: who reaches the socket is let in.
const ROLE: &str = "wiz";

/// Names the socket file; nothing listens on a port.
const PORT: u16 = 5432;

/// Longest path of a unix socket Linux takes (`sun_path` without its closing zero).
const SOCKET_PATH_BYTES: usize = 107;

/// A first start takes seconds; recovery after a crash can take long, and goes on after this if wiz is started again.
const START_DEADLINE: Duration = Duration::from_secs(120);

/// A fast shutdown writes one checkpoint.
const STOP_DEADLINE: Duration = Duration::from_secs(20);

/// How long the data directory may be held by what is no other wiz: a look from beside, or a child that a wiz which was
/// killed had just begun to start.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

/// How often a server that ends at once is started: ten seconds, since on a busy machine what a killed one left is slow to go.
const START_TRIES: u32 = 20;

/// Between two of those.
const START_PAUSE: Duration = Duration::from_millis(500);

/// A server that recovers answers at once that it does.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);

/// Between two looks at a cluster that starts or stops.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A server log larger than this is begun anew at the next start.
const LOG_BYTES: u64 = 10 * 1024 * 1024;

/// A running private cluster.
#[derive(Debug)]
pub(super) struct Cluster {
    data: PathBuf,
    socket: PathBuf,
    /// Held as long as this wiz uses the data directory; the kernel frees it with the process.
    _lock: File,
}

/// Paths and account of a cluster that may not exist yet.
struct Site {
    home: PathBuf,
    data: PathBuf,
    socket: PathBuf,
    account: Account,
    binaries: PathBuf,
}

impl Cluster {
    /// Makes the cluster if there is none, and starts it unless it runs already.
    pub(super) async fn start(data_dir: &Path) -> Result<Self> {
        let account = Account::choose()?;
        // Others may pass through, not list: the cluster's account needs a way to its own directory.
        make_directory(data_dir, 0o711, Account::Own)?;
        let data_dir = fs::canonicalize(data_dir).context("cannot resolve the data directory")?;
        let begun = Instant::now();
        let lock = loop {
            match lock(&data_dir)? {
                Some(lock) => break Some(lock),
                None if begun.elapsed() > LOCK_PATIENCE => break None,
                None => time::sleep(LOOK_AGAIN).await,
            }
        };
        let Some(lock) = lock else {
            bail!(
                "another wiz uses {}; stop it, or give this one a WIZ_DATA_DIR of its own, or share a server by \
                 DATABASE_URL",
                data_dir.display()
            )
        };
        let home = data_dir.join("postgres");
        make_directory(&home, 0o700, account)?;
        let data = home.join("cluster");
        let binaries = binaries::find(binaries::version_of(&data)?)?;
        let socket = socket_directory(&home, account)?;
        let site = Site { home, data, socket, account, binaries };
        if binaries::version_of(&site.data)?.is_none() {
            site.initialise().await?;
        }
        site.run().await?;
        Ok(Self { data: site.data, socket: site.socket, _lock: lock })
    }

    /// How to connect to the cluster of a wiz that is running; none when no wiz uses the data directory.
    pub(super) fn running(data_dir: &Path) -> Result<Option<PgConnectOptions>> {
        let Ok(data_dir) = fs::canonicalize(data_dir) else { return Ok(None) };
        if lock(&data_dir)?.is_some() {
            return Ok(None);
        }
        let account = Account::choose()?;
        Ok(Some(connect_options(&socket_directory(&data_dir.join("postgres"), account)?)))
    }

    /// How to connect.
    pub(super) fn connect_options(&self) -> PgConnectOptions {
        connect_options(&self.socket)
    }

    /// Stops the server: no more connections, open transactions rolled back, everything written.
    pub(super) async fn stop(self) -> Result<()> {
        let Some(postmaster) = living_postmaster(&self.data)? else { return Ok(()) };
        signal::kill(postmaster, signal::Signal::SIGINT).context("cannot stop the embedded database")?;
        let begun = Instant::now();
        while living_postmaster(&self.data)?.is_some() {
            ensure!(begun.elapsed() < STOP_DEADLINE, "the embedded database did not stop within {STOP_DEADLINE:?}");
            time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }
}

impl Site {
    /// Makes the cluster beside its place and moves it there when it is complete, so that a half-made one is never
    /// taken for a whole.
    async fn initialise(&self) -> Result<()> {
        let unfinished = self.home.join("cluster.unfinished");
        match fs::remove_dir_all(&unfinished) {
            Ok(()) => tracing::warn!("removed the remains of an interrupted database set-up"),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).context("cannot remove the remains of an interrupted set-up"),
        }
        let begun = Instant::now();
        let mut initdb = Command::new(self.binaries.join("initdb"));
        // Access control is the directories' (0700): the socket asks nobody who could reach it.
        initdb.arg("--pgdata").arg(&unfinished).arg(format!("--username={ROLE}")).args([
            "--auth-local=trust",
            "--auth-host=reject",
            "--encoding=UTF8",
            "--locale=C",
            "--data-checksums",
            "--no-instructions",
        ]);
        initdb.current_dir("/").stdin(Stdio::null()).kill_on_drop(true);
        self.account.apply(&mut initdb);
        let made = time::timeout(START_DEADLINE, initdb.output())
            .await
            .context("initdb timed out")?
            .with_context(|| format!("cannot run initdb as user {}", self.account.uid()))?;
        ensure!(
            made.status.success(),
            "initdb failed (can user {} pass through every directory above {}?): {}",
            self.account.uid(),
            self.home.display(),
            String::from_utf8_lossy(&made.stderr).trim()
        );
        fs::rename(&unfinished, &self.data).context("cannot move the new cluster to its place")?;
        File::open(&self.home).and_then(|home| home.sync_all()).context("cannot flush the directory")?;
        tracing::info!(elapsed_ms = elapsed_ms(begun), data = %self.data.display(), "made the embedded database");
        Ok(())
    }

    /// Takes over a server that already runs on the data, or starts one, and waits until it answers.
    async fn run(&self) -> Result<()> {
        let begun = Instant::now();
        let mut server = None;
        let mut starts = 0;
        loop {
            if answers(&self.socket).await? {
                break;
            }
            ensure!(begun.elapsed() < START_DEADLINE, "it does not answer; its log ends: {}", self.log_tail());
            // Neither found nor started, or gone again: one that was taken over may have been on its way down.
            if living_postmaster(&self.data)?.is_none() && has_ended(server.as_mut())? {
                // What a killed server left takes a moment to go: its last processes hold the shared memory.
                ensure!(starts < START_TRIES, "postgres does not start; its log ends: {}", self.log_tail());
                if starts > 0 {
                    time::sleep(START_PAUSE).await;
                }
                clear_stale_pid_files(&self.data, &self.socket)?;
                server = Some(self.spawn()?);
                starts += 1;
            }
            time::sleep(LOOK_AGAIN).await;
        }
        tracing::info!(elapsed_ms = elapsed_ms(begun), adopted = starts == 0, "the embedded database answers");
        Ok(())
    }

    /// Starts the server in a process group of its own: an interrupt typed at wiz must not reach it before wiz's jobs
    /// are done. It is not killed with wiz either; the next start takes it over.
    fn spawn(&self) -> Result<tokio::process::Child> {
        let mut postgres = Command::new(self.binaries.join("postgres"));
        postgres.arg("-D").arg(&self.data).arg("-k").arg(&self.socket);
        postgres.args(["-p", &PORT.to_string(), "-c", "listen_addresses=", "-c", "unix_socket_permissions=0700"]);
        let log = self.open_log()?;
        let log_too = log.try_clone().context("cannot share the database's log")?;
        postgres.current_dir("/").stdin(Stdio::null()).stdout(log).stderr(log_too).process_group(0);
        self.account.apply(&mut postgres);
        postgres.spawn().with_context(|| format!("cannot run postgres as user {}", self.account.uid()))
    }

    fn log_path(&self) -> PathBuf {
        self.home.join("postgres.log")
    }

    fn open_log(&self) -> Result<File> {
        let path = self.log_path();
        let too_large = fs::metadata(&path).is_ok_and(|log| log.len() > LOG_BYTES);
        let log = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let log = log.with_context(|| format!("cannot open {}", path.display()))?;
        if too_large {
            log.set_len(0).context("cannot begin the database's log anew")?;
        }
        self.account.give(&path)?;
        Ok(log)
    }

    fn log_tail(&self) -> String {
        let text = fs::read_to_string(self.log_path()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(5)..].join(" | ")
    }
}

/// Whether there is no server of ours that may still come up.
fn has_ended(server: Option<&mut tokio::process::Child>) -> Result<bool> {
    match server {
        None => Ok(true),
        Some(server) => Ok(server.try_wait().context("cannot watch postgres")?.is_some()),
    }
}

/// Whether a server lets us in.
async fn answers(socket: &Path) -> Result<bool> {
    match time::timeout(CONNECT_DEADLINE, PgConnection::connect_with(&connect_options(socket))).await {
        Ok(Ok(connection)) => {
            connection.close().await.context("cannot close the first connection")?;
            Ok(true)
        }
        Ok(Err(_)) | Err(_) => Ok(false),
    }
}

fn elapsed_ms(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn connect_options(socket: &Path) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass().socket(socket).port(PORT).username(ROLE).database("postgres")
}

/// One wiz per data directory; none when another one has it.
fn lock(data_dir: &Path) -> Result<Option<File>> {
    let path = data_dir.join("wiz.lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

/// A directory of this mode that belongs to the account; what is above it is made as usual.
fn make_directory(path: &Path, mode: u32, account: Account) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    }
    match fs::DirBuilder::new().mode(mode).create(path) {
        Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .with_context(|| format!("cannot set the mode of {}", path.display()))?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).with_context(|| format!("cannot make {}", path.display())),
    }
    account.give(path)
}

fn socket_name() -> String {
    format!(".s.PGSQL.{PORT}")
}

/// A directory for the socket that only the account can enter: in the cluster's home, or under `/tmp` if that path is
/// too long for a socket.
fn socket_directory(home: &Path, account: Account) -> Result<PathBuf> {
    let near = home.join("socket");
    let fits = near.join(socket_name()).as_os_str().len() <= SOCKET_PATH_BYTES;
    let directory = if fits { near } else { distant_socket_directory(home) };
    match fs::DirBuilder::new().mode(0o700).create(&directory) {
        Ok(()) => account.give(&directory)?,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).with_context(|| format!("cannot make {}", directory.display())),
    }
    // Under /tmp somebody else may have made it first.
    let found = fs::symlink_metadata(&directory).context("cannot inspect the socket's directory")?;
    ensure!(
        found.is_dir() && found.uid() == account.uid().as_raw() && found.mode() & 0o077 == 0,
        "{} must be a directory of user {} with mode 0700; remove it",
        directory.display(),
        account.uid()
    );
    Ok(directory)
}

/// The same for the same cluster, so that a running server is found again.
fn distant_socket_directory(home: &Path) -> PathBuf {
    let digest = Sha256::digest(home.as_os_str().as_bytes());
    PathBuf::from(format!("/tmp/wiz-{}", hex::encode(&digest[..8])))
}

/// The server that runs on the data, by the process id it left there. A number alone may belong to somebody else by
/// now, so the process must have been started on this directory.
fn living_postmaster(data: &Path) -> Result<Option<Pid>> {
    let Some(pid) = recorded_pid(data)? else { return Ok(None) };
    Ok(arguments(pid)?.is_some_and(|arguments| serves(&arguments, data)).then(|| Pid::from_raw(pid)))
}

/// Removes what a gone server left if its process id belongs to another process now, which is common where numbers
/// start anew, as in a container. Postgres would take that process for the server and refuse to start. When no process
/// has the number, Postgres checks more than we could and removes the files itself.
fn clear_stale_pid_files(data: &Path, socket: &Path) -> Result<()> {
    let Some(pid) = recorded_pid(data)? else { return Ok(()) };
    tracing::warn!("the embedded database was not shut down; it recovers");
    if arguments(pid)?.is_some_and(|arguments| !serves(&arguments, data)) {
        for file in [data.join("postmaster.pid"), socket.join(format!("{}.lock", socket_name()))] {
            match fs::remove_file(&file) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| format!("cannot remove the stale {}", file.display())),
            }
        }
    }
    Ok(())
}

fn recorded_pid(data: &Path) -> Result<Option<i32>> {
    match fs::read_to_string(data.join("postmaster.pid")) {
        Ok(text) => Ok(text.lines().next().and_then(|line| line.trim().parse().ok()).filter(|pid| *pid > 0)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("cannot read postmaster.pid"),
    }
}

/// The arguments of a process, if it exists. Readable whoever owns it, unlike its working directory.
fn arguments(pid: i32) -> Result<Option<Vec<u8>>> {
    match fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(arguments) => Ok(Some(arguments)),
        Err(error) if error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(NO_SUCH_PROCESS) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot see what process {pid} is")),
    }
}

/// `ESRCH`: the process ended while its file was read.
const NO_SUCH_PROCESS: i32 = nix::errno::Errno::ESRCH as i32;

fn serves(arguments: &[u8], data: &Path) -> bool {
    arguments.split(|byte| *byte == 0).any(|argument| argument == data.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_path_never_exceeds_what_linux_takes() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("d".repeat(100));
        fs::create_dir(&deep).unwrap();
        let account = Account::Own;
        let near = socket_directory(root.path(), account).unwrap();
        assert_eq!(near, root.path().join("socket"));
        let distant = socket_directory(&deep, account).unwrap();
        assert!(distant.starts_with("/tmp") && distant.as_os_str().len() < 60, "{}", distant.display());
        assert_eq!(distant, socket_directory(&deep, account).unwrap(), "the same again");
        fs::set_permissions(&distant, fs::Permissions::from_mode(0o755)).unwrap();
        let refused = socket_directory(&deep, account).unwrap_err().to_string();
        let user = format!("user {}", account.uid());
        let refused = refused.replace(distant.to_str().unwrap(), "/tmp/it").replace(&user, "user <uid>");
        insta::assert_snapshot!(refused, @"/tmp/it must be a directory of user <uid> with mode 0700; remove it");
        fs::remove_dir(distant).unwrap();
    }

    #[test]
    fn another_process_with_the_same_number_is_no_server_and_its_file_goes() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("postmaster.pid");
        assert_eq!(living_postmaster(root.path()).unwrap(), None);
        clear_stale_pid_files(root.path(), root.path()).unwrap();
        fs::write(root.path().join(".s.PGSQL.5432.lock"), "").unwrap();
        fs::write(&file, format!("{}\n", std::process::id())).unwrap();
        assert_eq!(living_postmaster(root.path()).unwrap(), None);
        clear_stale_pid_files(root.path(), root.path()).unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_server_is_known_by_its_data_directory() {
        let data = Path::new("/srv/wiz/postgres/cluster");
        assert!(serves(b"/usr/bin/postgres\0-D\0/srv/wiz/postgres/cluster\0-k\0/tmp\0", data));
        assert!(!serves(b"/usr/bin/postgres\0-D\0/srv/wiz/postgres/cluster2\0", data));
        assert!(!serves(b"", data), "a zombie has no arguments");
    }
}
