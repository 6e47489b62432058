//! The `github` room against the stand-in: each behaviour, each lost answer, each limit.

mod checks;
mod commits;
mod conversation;
mod installed;
mod limits;
mod mirror;
mod transport;

use std::{path::Path, process::Command, sync::Arc};

use github_stand_in::{
    Options, StandIn,
    contract::ViolationKind,
    control::{NewApp, NewRepository},
    faults::{Fault, FaultKind},
    store::{Level, Role},
};
use secrecy::SecretString;
use wiz::{
    config::GitHubConfig,
    github::{GitHub, Installation, REQUIRED_PERMISSIONS, SUBSCRIBED_EVENTS},
    ids::{CommitSha, InstallationId, RepositoryId, RepositoryName},
};

const REPOSITORY: &str = "acme/widgets";

/// A key that is in no use anywhere.
const KEY: &str = include_str!("../../../crates/github-stand-in/tests/it/key.pem");

/// A stand-in with one repository, three people and wiz installed.
struct Scene {
    hub: StandIn,
    wiz: GitHub,
    installation: Arc<Installation>,
    repository: RepositoryName,
    id: RepositoryId,
}

fn config(url: &str, app_id: u64) -> GitHubConfig {
    GitHubConfig {
        api_url: url.parse().unwrap(),
        web_url: url.parse().unwrap(),
        app_id,
        private_key: SecretString::from(KEY),
        webhook_secrets: vec![SecretString::from("a secret of the tests")],
    }
}

impl Scene {
    async fn start() -> Self {
        let hub = StandIn::start(Options::default()).await.unwrap();
        let seed = seed();
        hub.create_organization("acme").unwrap();
        hub.create_user("ann").unwrap();
        hub.create_user("rita").unwrap();
        let repository = NewRepository {
            owner: "acme".into(),
            name: "widgets".into(),
            private: true,
            seed: Some(seed.path().to_owned()),
            ..NewRepository::default()
        };
        let id = RepositoryId(i64::try_from(hub.create_repository(&repository).unwrap().id).unwrap());
        hub.set_role(REPOSITORY, "ann", Role::Maintain).unwrap();
        hub.set_role(REPOSITORY, "rita", Role::Read).unwrap();
        let level = |level: &str| if level == "write" { Level::Write } else { Level::Read };
        let app = NewApp {
            slug: "wiz".into(),
            owner: "ann".into(),
            permissions: REQUIRED_PERMISSIONS.iter().map(|(name, it)| ((*name).to_owned(), level(it))).collect(),
            events: SUBSCRIBED_EVENTS.iter().map(|name| (*name).to_owned()).collect(),
            private_key_pem: Some(KEY.into()),
            ..NewApp::default()
        };
        let app = hub.create_app(&app).unwrap();
        let installed = hub.install(app.id, &[REPOSITORY]).unwrap();
        let wiz = GitHub::new(&config(&hub.url, app.id)).unwrap();
        let installation = wiz.installation(InstallationId(i64::try_from(installed).unwrap()));
        Self { hub, wiz, installation, repository: REPOSITORY.parse().unwrap(), id }
    }

    /// Plays a fault on the next matching request.
    fn fault(&self, method: &str, path: &str, kind: FaultKind) {
        self.hub.add_fault(Fault { method: Some(method.into()), path: path.into(), kind, times: 1 });
    }

    /// GitHub does the work and answers 502.
    fn lose_answer(&self, method: &str, path: &str) {
        self.fault(method, path, FaultKind::AfterWork { status: 502 });
    }

    async fn head(&self) -> CommitSha {
        self.installation.default_head(&self.repository).await.unwrap().unwrap().1
    }

    /// git in the repository itself, past GitHub and wiz.
    fn git(&self, arguments: &[&str]) -> String {
        git(&self.hub.git_dir(REPOSITORY).unwrap(), arguments, b"")
    }

    /// Nothing wiz sent may break GitHub's own description of its API.
    fn done(self) {
        let violations = self.hub.violations();
        let ours: Vec<_> = violations.iter().filter(|it| it.kind != ViolationKind::InvalidWebhook).collect();
        assert!(ours.is_empty(), "{ours:#?}");
    }
}

fn git(git_dir: &Path, arguments: &[&str], input: &[u8]) -> String {
    use std::io::Write as _;
    let mut child = Command::new("git")
        .arg("--git-dir")
        .arg(git_dir)
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "safe.directory=*"])
        .args(arguments)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "git {arguments:?}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn seed() -> tempfile::TempDir {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let seed = tempfile::tempdir().unwrap();
    let write = |path: &str, content: &[u8]| {
        let path = seed.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    write("README.md", b"# Widgets\n");
    write("src/lib.py", b"def add(a, b):\n    return a - b\n");
    write("src/deep/er/x.txt", b"x\n");
    write("docs/guide.md", b"guide\n");
    write("logo.png", b"\x89PNG\0\xff");
    write("run.sh", b"#!/bin/sh\n");
    write(".github/wiz.yml", b"gate: supervised\n");
    std::fs::set_permissions(seed.path().join("run.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    symlink("README.md", seed.path().join("link")).unwrap();
    seed
}
