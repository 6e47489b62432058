//! Boxes are made, found again, and leave nothing behind.

use std::time::{Duration, Instant};

use wiz::sandbox::{CommandEnd, SandboxError};

use super::{RUN, command, engine, engine_with, file, key, out, runner, sh, spec, with_box, with_engine};

#[tokio::test]
async fn a_box_works_from_load_to_close() {
    with_engine(|docker| async move {
        let report = docker.ready().await.unwrap();
        assert!(report.image_present && report.runner_volume.is_some(), "{report:?}");
        let open = docker.create(&spec("work")).await.unwrap();
        open.load(vec![file("a.txt", "one\n"), file("src/b.txt", "two\n")]).await.unwrap();
        assert_eq!(out(&open, "cat a.txt src/b.txt; pwd; echo $HOME").await, "one\ntwo\n/work\n/home/agent\n");
        open.write("src/c.txt", b"three").await.unwrap();
        open.edit("a.txt", "one", "1", false).await.unwrap();
        let records = open.export().await.unwrap();
        let paths: Vec<_> = records.iter().map(|record| String::from_utf8_lossy(&record.path).into_owned()).collect();
        assert_eq!(paths, ["a.txt", "src/c.txt"]);
        assert_eq!(out(&open, "cat a.txt").await, "1\n", "a box can be used on after an export");
        open.close().await.unwrap();
        assert_eq!(docker.live_boxes().await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn a_box_is_found_again_with_what_was_loaded() {
    with_engine(|docker| async move {
        assert!(docker.reattach(&key("work")).await.unwrap().is_none());
        let open = docker.create(&spec("work")).await.unwrap();
        open.load(vec![file("a", "old"), file("b", "old")]).await.unwrap();
        assert!(docker.reattach(&key("work")).await.unwrap().is_none(), "a box that nobody sealed may be half full");
        open.seal().await.unwrap();
        out(&open, "echo new > a; sleep 1000 > /dev/null 2>&1 &").await;
        drop(open);
        let found = docker.reattach(&key("work")).await.unwrap().expect("the box lives on without its stream");
        assert_eq!(out(&found, "cat a; pgrep -c sleep").await, "new\n1\n", "its files and processes are there");
        let records = found.export().await.unwrap();
        assert_eq!(records.len(), 1, "the export knows what an earlier process loaded: {records:?}");
        assert_eq!(records[0].path, b"a");
    })
    .await;
}

#[tokio::test]
async fn a_fresh_box_replaces_one_of_the_same_key() {
    with_engine(|docker| async move {
        let old = docker.create(&spec("work")).await.unwrap();
        out(&old, "echo secret > left-over").await;
        let new = docker.create(&spec("work")).await.unwrap();
        assert_eq!(out(&new, "ls -A").await, "");
        assert_eq!(docker.live_boxes().await.unwrap(), [key("work")]);
    })
    .await;
}

#[tokio::test]
async fn removing_a_run_is_idempotent_and_spares_other_owners() {
    with_engine(|docker| async move {
        let neighbour = engine().await;
        let kept = neighbour.create(&spec("work")).await.unwrap();
        docker.create(&spec("one")).await.unwrap();
        docker.create(&spec("two")).await.unwrap();
        assert_eq!(docker.live_boxes().await.unwrap(), [key("one"), key("two")]);
        assert_eq!(docker.remove_run(RUN).await.unwrap(), 4, "two containers and two workspaces");
        assert_eq!(docker.remove_run(RUN).await.unwrap(), 0);
        assert_eq!(docker.live_boxes().await.unwrap(), []);
        let alive = kept.ping().await;
        neighbour.remove_run(RUN).await.unwrap();
        assert_eq!(alive, Ok(()));
    })
    .await;
}

#[tokio::test]
async fn a_box_ends_at_its_deadline_without_anybody() {
    with_engine(|docker| async move {
        let mut short = spec("work");
        short.deadline = Duration::from_secs(20);
        let open = docker.create(&short).await.unwrap();
        let outcome = open.run(&command("sleep 60")).await;
        assert!(matches!(outcome, Err(SandboxError::BoxDied { .. })), "{outcome:?}");
        // The engine may still be at clearing it away.
        assert!(matches!(docker.reattach(&key("work")).await, Ok(None) | Err(SandboxError::BoxDied { .. })));
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_made_is_told_apart() {
    with_engine(|docker| async move {
        let mut missing = spec("work");
        missing.image = "no-such-image:1".into();
        let error = docker.create(&missing).await.unwrap_err();
        assert_eq!(error, SandboxError::ImageMissing { image: "no-such-image:1".into() });
        let mut bad = spec("work");
        bad.limits.memory_bytes = 1;
        assert!(matches!(docker.create(&bad).await, Err(SandboxError::BadSpec { .. })));
        docker.remove_run(RUN).await.unwrap();
        assert_eq!(docker.live_boxes().await.unwrap(), [], "a failed attempt leaves nothing");
    })
    .await;
}

#[tokio::test]
async fn a_pruned_runner_is_uploaded_again() {
    // A runner of this test's own: bytes behind the end of a program change its digest and nothing else.
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("wiz-runner");
    let unique = uuid::Uuid::new_v4();
    std::fs::write(&own, [std::fs::read(runner()).unwrap().as_slice(), unique.as_bytes()].concat()).unwrap();
    let docker = engine_with(own).await;
    let volume = docker.ready().await.unwrap().runner_volume.unwrap();
    let remove = || std::process::Command::new("docker").args(["volume", "rm", &volume]).output().unwrap().status;
    assert!(remove().success());
    let open = docker.create(&spec("work")).await;
    let answer = match &open {
        Ok(open) => open.ping().await,
        Err(error) => Err(error.clone()),
    };
    docker.remove_run(RUN).await.unwrap();
    assert!(remove().success(), "the volume was there again");
    assert_eq!(answer, Ok(()));
}

#[tokio::test]
async fn the_image_builds_and_tests_projects_of_three_languages() {
    with_box(|_, open| async move {
        open.load(vec![
            file("test_it.py", "import freezegun\ndef test_sum():\n    assert 1 + 1 == 2\n"),
            file("it.test.js", "require('tape')('sum', t => { t.equal(1 + 1, 2); t.end(); });\n"),
            file("Cargo.toml", "[package]\nname = \"it\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
            file("src/lib.rs", "#[test]\nfn sum() { assert_eq!(1 + 1, 2); }\n"),
        ])
        .await
        .unwrap();
        assert!(out(&open, "python3 -m pytest -q").await.contains("1 passed"));
        assert!(out(&open, "node it.test.js").await.contains("# pass  1"));
        let cargo = open
            .run(&wiz::sandbox::Command { timeout: Duration::from_secs(100), ..command("cargo test --offline 2>&1") })
            .await
            .unwrap();
        assert_eq!(cargo.end, CommandEnd::Exited(0), "{}", cargo.output.text(4000));
        let records = open.export().await.unwrap();
        let paths: Vec<_> = records.iter().map(|record| String::from_utf8_lossy(&record.path).into_owned()).collect();
        assert_eq!(paths, ["Cargo.lock"], "caches and build folders are no work product");
    })
    .await;
}

#[tokio::test]
async fn many_requests_share_one_stream() {
    with_box(|_, open| async move {
        let start = Instant::now();
        let slow = command("sleep 1; echo slow");
        let slow = open.run(&slow);
        let quick = async {
            let pings = futures::future::join_all((0..50).map(|_| open.ping())).await;
            assert!(pings.into_iter().all(|ping| ping.is_ok()));
            sh(&open, "echo quick").await
        };
        let (slow, quick) = tokio::join!(slow, quick);
        assert_eq!(slow.unwrap().output.head, b"slow\n");
        assert_eq!(quick.output.head, b"quick\n");
        assert!(start.elapsed() < Duration::from_secs(10));
    })
    .await;
}
