//! Commits through the Git Data API: exactly the patch, once, and never over somebody else's work.

use bytes::Bytes;
use github_stand_in::faults::FaultKind;
use wiz::{
    github::{BranchStands, Committed, GitHubError, NewCommit, Origin},
    ids::{BranchName, CommitSha},
    patch::{Change, FileMode, Listing, Patch},
};

use super::{REPOSITORY, Scene};

/// Every entry of a commit, as wiz's mirror would read it.
fn listing(scene: &Scene, commit: &CommitSha) -> Listing {
    let root = scene.git(&["rev-parse", &format!("{commit}^{{tree}}")]);
    let lines = scene.git(&["ls-tree", "-r", "--full-tree", commit.as_str()]);
    let entries = lines.lines().map(|line| {
        let (head, path) = line.split_once('\t').unwrap();
        let fields: Vec<&str> = head.split(' ').collect();
        let mode = ["100644", "100755", "120000"].into_iter().find(|mode| *mode == fields[0]).unwrap();
        (path.as_bytes().to_vec(), mode, fields[2].parse().unwrap())
    });
    Listing::new(root.parse().unwrap(), entries)
}

fn put(path: &str, content: &'static [u8]) -> (String, Change) {
    (path.to_owned(), Change::Put { mode: FileMode::Regular, content: Bytes::from_static(content) })
}

fn patch() -> Patch {
    let run = Change::Put { mode: FileMode::Executable, content: Bytes::from_static(b"#!/bin/sh\necho hi\n") };
    [
        put("src/lib.py", b"def add(a, b):\n    return a + b\n"),
        put("tests/new/test_add.py", "assert add(1, 2) == 3  # größer\n".as_bytes()),
        put("logo.png", b"\x89PNG\0\xfe"),
        ("bin/run".to_owned(), run),
        ("src/deep/er/x.txt".to_owned(), Change::Delete),
    ]
    .into_iter()
    .collect()
}

async fn commit(scene: &Scene, branch: &str, parent: &CommitSha, patch: &Patch) -> Result<Committed, GitHubError> {
    commit_on(scene, (branch, BranchStands::Unknown), (parent, &listing(scene, parent)), patch).await
}

async fn commit_on(
    scene: &Scene,
    (branch, stands): (&str, BranchStands),
    (parent, listing): (&CommitSha, &Listing),
    patch: &Patch,
) -> Result<Committed, GitHubError> {
    let branch: BranchName = branch.parse().unwrap();
    let wanted = NewCommit {
        repository: &scene.repository,
        repository_id: scene.id,
        branch: &branch,
        stands,
        parent,
        listing,
        message: "Add instead of subtract",
        patch,
    };
    scene.installation.commit(&wanted).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_holds_exactly_the_patch_and_is_verified() {
    let scene = Scene::start().await;
    let head = scene.head().await;
    let made = commit(&scene, "wiz/run-1", &head, &patch()).await.unwrap();
    assert_eq!((made.verified, made.origin), (true, Origin::NewBranch));
    assert_eq!(scene.git(&["rev-parse", "wiz/run-1", "wiz/run-1^"]), format!("{}\n{head}", made.sha));
    insta::assert_snapshot!(scene.git(&["diff-tree", "-r", "--no-commit-id", "--abbrev=7", "wiz/run-1"]), @r"
    :000000 100755 0000000 4163036 A	bin/run
    :100644 100644 2252d36 01f7531 M	logo.png
    :100644 000000 587be6b 0000000 D	src/deep/er/x.txt
    :100644 100644 12ee743 4693ad3 M	src/lib.py
    :000000 100644 0000000 2406366 A	tests/new/test_add.py
    ");
    assert_eq!(scene.git(&["log", "-1", "--format=%an %s", "wiz/run-1"]), "wiz[bot] Add instead of subtract");

    let next: Patch = [put("README.md", b"# Better widgets\n")].into_iter().collect();
    let second = commit(&scene, "wiz/run-1", &made.sha, &next).await.unwrap();
    assert_eq!(scene.git(&["rev-list", "--count", "main..wiz/run-1"]), "2");
    assert_eq!(scene.git(&["rev-parse", "wiz/run-1"]), second.sha.as_str());
    scene.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_at_any_request_leaves_one_commit() {
    for path in ["/repos/*/git/blobs", "/repos/*/git/trees", "/repos/*/git/commits", "/repos/*/git/refs"] {
        let scene = Scene::start().await;
        let head = scene.head().await;
        scene.lose_answer("POST", path);
        let mut outcome = commit(&scene, "wiz/run-1", &head, &patch()).await;
        if let Err(error) = &outcome {
            assert!(error.is_retryable(), "{path}: {error:?}");
            outcome = commit(&scene, "wiz/run-1", &head, &patch()).await;
        }
        let made = outcome.unwrap();
        let again = commit(&scene, "wiz/run-1", &head, &patch()).await.unwrap();
        assert_eq!((again.sha, again.origin), (made.sha, Origin::Adopted), "{path}");
        assert_eq!(scene.git(&["rev-list", "--count", "main..wiz/run-1"]), "1", "{path}");
        scene.done();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_move_of_a_branch_is_found_again() {
    let scene = Scene::start().await;
    let first = commit(&scene, "wiz/run-1", &scene.head().await, &patch()).await.unwrap();
    let next: Patch = [put("README.md", b"# Better\n")].into_iter().collect();
    scene.lose_answer("PATCH", "/repos/*/git/refs");
    let second = commit(&scene, "wiz/run-1", &first.sha, &next).await.unwrap();
    assert_eq!(scene.git(&["rev-parse", "wiz/run-1"]), second.sha.as_str());

    let third: Patch = [put("README.md", b"# Best\n")].into_iter().collect();
    scene.fault("PATCH", "/repos/*/git/refs", FaultKind::Status { status: 502 });
    let lost = commit(&scene, "wiz/run-1", &second.sha, &third).await;
    assert!(matches!(lost, Err(GitHubError::Ambiguous(_))), "{lost:?}");
    commit(&scene, "wiz/run-1", &second.sha, &third).await.unwrap();
    assert_eq!(scene.git(&["rev-list", "--count", "main..wiz/run-1"]), "3");
    scene.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_work_is_never_overwritten() {
    let scene = Scene::start().await;
    let head = scene.head().await;
    let made = commit(&scene, "wiz/run-1", &head, &patch()).await.unwrap();
    let theirs =
        scene.hub.act_as("ann").unwrap().write_file(REPOSITORY, "wiz/run-1", ("ann.txt", "mine\n"), "Mine").unwrap();
    for parent in [&head, &made.sha] {
        let refused = commit(&scene, "wiz/run-1", parent, &patch()).await;
        assert!(matches!(refused, Err(GitHubError::Conflict(_))), "{refused:?}");
    }
    let other: Patch = [put("README.md", b"# Other\n")].into_iter().collect();
    commit(&scene, "wiz/run-2", &head, &other).await.unwrap();
    let refused = commit(&scene, "wiz/run-2", &head, &patch()).await;
    assert!(matches!(refused, Err(GitHubError::Conflict(_))), "another change on the same parent: {refused:?}");
    let empty = scene.git(&["commit-tree", "-p", "wiz/run-2", "-m", "empty", "wiz/run-2^{tree}"]);
    scene.git(&["update-ref", "refs/heads/wiz/run-2", &empty]);
    let refused = commit(&scene, "wiz/run-2", &head, &other).await;
    assert!(matches!(refused, Err(GitHubError::Conflict(_))), "the same tree on another parent: {refused:?}");
    assert_eq!(scene.git(&["rev-parse", "wiz/run-1"]), theirs);
    scene.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_written_is_refused() {
    let scene = Scene::start().await;
    let head = scene.head().await;
    let refused = commit(&scene, "main", &head, &patch()).await;
    assert!(matches!(refused, Err(GitHubError::Invalid(_))), "the default branch: {refused:?}");
    let refused = commit(&scene, "wiz/run-1", &head, &Patch::default()).await;
    assert!(matches!(refused, Err(GitHubError::Invalid(_))), "no change: {refused:?}");
    let workflow: Patch = [put(".github/workflows/x.yml", b"on: push\n")].into_iter().collect();
    let refused = commit(&scene, "wiz/run-1", &head, &workflow).await;
    assert!(matches!(refused, Err(GitHubError::Forbidden(_))), "GitHub refuses workflows: {refused:?}");
    assert_eq!(scene.git(&["for-each-ref", "--format=%(refname)", "refs/heads"]), "refs/heads/main");
    scene.done();
}

/// What is believed of the branch and of the parent's entries spares questions; being wrong about it changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_belief_is_found_out() {
    let scene = Scene::start().await;
    let head = scene.head().await;
    let known = listing(&scene, &head);
    let nowhere = |branch| (branch, BranchStands::Nowhere);
    let before = scene.wiz.calls().all;
    let made = commit_on(&scene, nowhere("wiz/run-1"), (&head, &known), &patch()).await.unwrap();
    assert_eq!(made.origin, Origin::NewBranch);
    assert_eq!(scene.wiz.calls().all - before, 5, "a token, a blob for the picture, tree, commit, branch");

    let again = commit_on(&scene, nowhere("wiz/run-1"), (&head, &known), &patch()).await.unwrap();
    assert_eq!((&again.sha, again.origin), (&made.sha, Origin::Adopted), "it was there");
    let other: Patch = [put("README.md", b"# Other\n")].into_iter().collect();
    let refused = commit_on(&scene, nowhere("wiz/run-1"), (&head, &known), &other).await;
    assert!(matches!(refused, Err(GitHubError::Conflict(_))), "it holds another change: {refused:?}");
    let refused = commit_on(&scene, nowhere("main"), (&head, &known), &other).await;
    assert!(matches!(refused, Err(GitHubError::Invalid(_))), "the default branch is not new: {refused:?}");
    scene.git(&["branch", "wiz/run-2", head.as_str()]);
    let moved = commit_on(&scene, nowhere("wiz/run-2"), (&head, &known), &other).await.unwrap();
    assert_eq!(moved.origin, Origin::Moved, "it stood at the parent");

    // Entries that do not make up the parent prove nothing, so the trees are read and compared.
    let unknown = Listing::default();
    let read = commit_on(&scene, nowhere("wiz/run-3"), (&head, &unknown), &patch()).await.unwrap();
    assert_eq!(scene.git(&["rev-parse", "wiz/run-3^{tree}"]), scene.git(&["rev-parse", "wiz/run-1^{tree}"]));
    assert_eq!(read.origin, Origin::NewBranch);
    let lies = Listing::new(known.root().unwrap().clone(), []);
    commit_on(&scene, nowhere("wiz/run-4"), (&head, &lies), &patch()).await.unwrap();
    scene.done();
}
