//! Mirrors over HTTP from the stand-in: whole trees, hostile trees, and no trace of the token.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;
use wiz::{
    github::{
        Purpose,
        mirror::{EntryMode, MirrorError, Mirrors},
    },
    ids::CommitSha,
    patch::FileMode,
};

use super::{REPOSITORY, Scene, git};

/// A directory that git's own user may enter.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o711)).unwrap();
    directory
}

fn mirrors(scene: &Scene, directory: &TempDir) -> Mirrors {
    Mirrors::open(directory.path(), &scene.hub.url.parse().unwrap()).unwrap()
}

async fn token(scene: &Scene) -> SecretString {
    scene.installation.token(Purpose::Fetch(scene.id)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_comes_whole_and_leaves_no_token() {
    let scene = Scene::start().await;
    let (directory, head, token) = (directory(), scene.head().await, token(&scene).await);
    let mirrors = mirrors(&scene, &directory);
    let mirror = mirrors.mirror(scene.id, &scene.repository).unwrap();
    mirror.fetch(&head, &token).await.unwrap();
    let tree = mirror.tree(&head).await.unwrap();
    let seen: Vec<_> = tree.entries.iter().map(|entry| (entry.path.as_str(), entry.mode, entry.size)).collect();
    let (regular, executable) = (EntryMode::File(FileMode::Regular), EntryMode::File(FileMode::Executable));
    assert_eq!(
        seen,
        [
            (".github/wiz.yml", regular, 17),
            ("README.md", regular, 10),
            ("docs/guide.md", regular, 6),
            ("link", EntryMode::Symlink, 9),
            ("logo.png", regular, 6),
            ("run.sh", executable, 10),
            ("src/deep/er/x.txt", regular, 2),
            ("src/lib.py", regular, 32),
        ]
    );
    let ids: Vec<_> = tree.entries.iter().map(|entry| entry.blob.clone()).collect();
    let contents = mirror.blobs(&ids).await.unwrap();
    assert_eq!((&contents[1][..], &contents[4][..]), (&b"# Widgets\n"[..], &b"\x89PNG\0\xff"[..]));

    let encoded = STANDARD.encode(format!("x-access-token:{}", token.expose_secret()));
    let root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut files = 0;
    each_file(directory.path(), &mut |path, content| {
        files += 1;
        for secret in [token.expose_secret().as_bytes(), encoded.as_bytes()] {
            assert!(!content.windows(secret.len()).any(|part| part == secret), "{}", path.display());
        }
        let in_mirror = path.components().any(|part| part.as_os_str() == format!("{}.git", scene.id).as_str());
        if root && in_mirror {
            assert_ne!(fs::metadata(path).unwrap().uid(), 0, "git ran as root: {}", path.display());
        }
    });
    assert!(files > 3, "the mirror was looked at");
    scene.done();
}

fn each_file(directory: &Path, look: &mut dyn FnMut(&Path, &[u8])) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { each_file(&path, look) } else { look(&path, &fs::read(&path).unwrap()) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_is_a_cache_that_heals_itself() {
    let scene = Scene::start().await;
    let (directory, head, token) = (directory(), scene.head().await, token(&scene).await);
    let mirrors = mirrors(&scene, &directory);
    let mirror = mirrors.mirror(scene.id, &scene.repository).unwrap();
    mirror.fetch(&head, &token).await.unwrap();

    let bare = directory.path().join(format!("0/{}.git", scene.id));
    fs::write(bare.join("shallow.lock"), "").unwrap();
    let next = scene.hub.act_as("ann").unwrap().write_file(REPOSITORY, "main", ("new.txt", "new\n"), "New").unwrap();
    let next: CommitSha = next.parse().unwrap();
    mirror.fetch(&next, &token).await.unwrap();
    assert_eq!(mirror.tree(&next).await.unwrap().entries.len(), 9);

    scene.hub.expire_tokens();
    mirror.fetch(&next, &token).await.unwrap();
    let unknown: CommitSha = "1".repeat(40).parse().unwrap();
    let fresh = scene.installation.token(Purpose::Fetch(scene.id)).await.unwrap();
    for (commit, token) in [(&head, &token), (&unknown, &fresh)] {
        let refused = mirror.fetch(commit, token).await;
        assert!(matches!(refused, Err(MirrorError::NotFound(_))), "{refused:?}");
    }
    assert!(matches!(mirror.tree(&unknown).await, Err(MirrorError::NotFound(_))));
    let absent = ["2".repeat(40).parse().unwrap()];
    assert!(matches!(mirror.blobs(&absent).await, Err(MirrorError::NotFound(_))));
    scene.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_do_not_share_a_mirror() {
    let scene = Scene::start().await;
    let directory = directory();
    let (_first, _second) = (mirrors(&scene, &directory), mirrors(&scene, &directory));
    assert!(directory.path().join("0").exists() && directory.path().join("1").exists());

    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let closed = Mirrors::open(directory.path(), &scene.hub.url.parse().unwrap());
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        assert!(closed.unwrap_err().to_string().contains("run chmod o+x"));
    }
    scene.done();
}

/// Makes a commit with raw git plumbing, past every check of git itself.
fn raw_commit(scene: &Scene, entries: &[(&str, &str, &str)]) -> CommitSha {
    let bare = scene.hub.git_dir(REPOSITORY).unwrap();
    let mut tree = Vec::new();
    for (mode, name, object) in entries {
        tree.extend_from_slice(format!("{mode} {name}\0").as_bytes());
        tree.extend((0..20).map(|at| u8::from_str_radix(&object[at * 2..at * 2 + 2], 16).unwrap()));
    }
    let tree = git(&bare, &["hash-object", "-t", "tree", "-w", "--stdin", "--literally"], &tree);
    let commit = git(&bare, &["commit-tree", "-m", "hostile", &tree], b"");
    git(&bare, &["update-ref", "refs/heads/hostile", &commit], b"");
    commit.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_trees_are_refused_and_odd_ones_reported() {
    let scene = Scene::start().await;
    let (directory, token) = (directory(), token(&scene).await);
    let mirrors = mirrors(&scene, &directory);
    let mirror = mirrors.mirror(scene.id, &scene.repository).unwrap();
    let blob = scene.git(&["rev-parse", "main:README.md"]);
    let inner =
        git(&scene.hub.git_dir(REPOSITORY).unwrap(), &["mktree"], format!("100644 blob {blob}\tconfig\n").as_bytes());
    for (mode, name, object) in [
        ("40000", ".git", &inner),
        ("40000", ".GIT", &inner),
        ("40000", "git~1", &inner),
        ("40000", "..", &inner),
        ("40000", ".", &inner),
        ("100644", "a/b", &blob),
        ("100644", "../x", &blob),
    ] {
        let commit = raw_commit(&scene, &[(mode, name, object)]);
        let outcome = match mirror.fetch(&commit, &token).await {
            Ok(()) => mirror.tree(&commit).await.map(drop),
            Err(error) => Err(error),
        };
        let refused = matches!(outcome, Err(MirrorError::Refused(_) | MirrorError::Hostile { .. }));
        assert!(refused, "{mode} {name:?}: {outcome:?}");
    }
    let link = git(&scene.hub.git_dir(REPOSITORY).unwrap(), &["hash-object", "-w", "--stdin"], b"/etc/passwd");
    let head = scene.head().await;
    let entries = [("100644", "a:b", blob.as_str()), ("120000", "link", &link), ("160000", "sub", head.as_str())];
    let commit = raw_commit(&scene, &entries);
    mirror.fetch(&commit, &token).await.unwrap();
    let tree = mirror.tree(&commit).await.unwrap();
    let modes: Vec<_> = tree.entries.iter().map(|entry| (entry.path.as_str(), entry.mode)).collect();
    assert_eq!(modes, [("link", EntryMode::Symlink), ("sub", EntryMode::Submodule)]);
    assert_eq!(tree.left_out.len(), 1);
    scene.done();
}
