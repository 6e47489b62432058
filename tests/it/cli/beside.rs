//! Commands beside a wiz that is running on the embedded database.

use std::{os::unix::fs::PermissionsExt, process::Stdio, time::Duration};

use nix::{sys::signal, unistd::Pid};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr},
    time,
};

use super::{SETTINGS, run, wiz};

/// A first start makes a database cluster.
const PATIENCE: Duration = Duration::from_secs(120);

/// Reads the log up to the line that has this.
async fn until_logged(log: &mut Lines<BufReader<ChildStderr>>, part: &str) -> String {
    let found = async {
        let mut before = String::new();
        while let Some(line) = log.next_line().await.unwrap() {
            if line.contains(part) {
                return line;
            }
            before += &format!("{line}\n");
        }
        panic!("ended without {part:?}: {before}");
    };
    time::timeout(PATIENCE, found).await.unwrap()
}

fn ask_to_stop(child: &Child) {
    let pid = i32::try_from(child.id().unwrap()).unwrap();
    signal::kill(Pid::from_raw(pid), signal::Signal::SIGTERM).unwrap();
}

#[tokio::test]
async fn jobs_and_migrate_join_a_running_wiz_and_a_second_server_is_told_of_it() {
    // Passable for the cluster's own account, if the tests run as root.
    let folder = tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o711)).tempdir().unwrap();
    let data_dir = folder.path().to_str().unwrap().to_owned();
    let environment: Vec<(&str, &str)> =
        SETTINGS.into_iter().chain([("WIZ_DATA_DIR", data_dir.as_str()), ("PATH", "/usr/bin:/bin")]).collect();

    // Nobody runs: the command starts the cluster for itself and stops it again.
    let alone = run(&["jobs", "list"], &environment).await;
    assert_eq!((alone.code, alone.out.lines().count()), (Some(0), 1), "{alone:?}");
    assert!(!folder.path().join("postgres/cluster/postmaster.pid").exists());

    let mut server = wiz(&["serve"], &environment).stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(server.stderr.take().unwrap()).lines();
    until_logged(&mut log, "listening").await;
    let beside = run(&["jobs", "list"], &environment).await;
    assert_eq!((beside.code, beside.out.lines().count()), (Some(0), 1), "{beside:?}");
    let migrated = run(&["migrate"], &environment).await;
    assert_eq!(migrated.code, Some(0), "{migrated:?}");
    for command in ["serve", "worker"] {
        let second = run(&[command], &environment).await;
        assert_eq!(second.code, Some(1), "{second:?}");
        let told = second.err.rsplit("ERROR").next().unwrap().trim().replace(&data_dir, "<data>");
        let told = &told[told.find("cannot run").unwrap_or_default()..];
        assert_eq!(
            told,
            "cannot run the embedded database under <data>: another wiz uses <data>; stop it, or give this one a \
             WIZ_DATA_DIR of its own, or share a server by DATABASE_URL"
        );
    }
    assert!(folder.path().join("postgres/cluster/postmaster.pid").exists(), "the first one's database goes on");

    ask_to_stop(&server);
    until_logged(&mut log, "stopping").await;
    // Read on, so that nothing the server says keeps it.
    while log.next_line().await.unwrap().is_some() {}
    assert_eq!(time::timeout(PATIENCE, server.wait()).await.unwrap().unwrap().code(), Some(0));
    assert!(!folder.path().join("postgres/cluster/postmaster.pid").exists());
}
