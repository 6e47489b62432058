//! Boxes on a real engine: every wall attacked, with a control that shows the attack would work where it may.
//!
//! They need Docker, the image `wiz-base:bookworm` (`scripts/base-image`) and the runner (`scripts/build-runner`).

mod commands;
mod export;
mod life;
mod tools;
mod walls;

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use futures::FutureExt;
use wiz::{
    config::SandboxConfig,
    ids::RunId,
    sandbox::{BoxKey, BoxLimits, BoxSpec, Command, CommandOutcome, Docker, FileMode, OpenBox, SourceFile},
};
use wiz_runner::manifest::blob_id;

const RUN: RunId = RunId(7);
const IMAGE: &str = "wiz-base:bookworm";

/// The engine, with an owner of its own so that tests leave each other's boxes alone.
async fn engine() -> Docker {
    engine_with(runner()).await
}

fn runner() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/runner/wiz-runner")
}

async fn engine_with(runner: PathBuf) -> Docker {
    let config = SandboxConfig { owner: None, docker_host: None, runner, default_image: IMAGE.into(), runtime: None };
    let docker = Docker::connect(&config).await.expect("these tests need a container engine; see scripts/start-engine");
    let name: String = uuid::Uuid::new_v4().simple().to_string().chars().take(10).collect();
    docker.owned_by(&format!("test-{name}"))
}

fn key(name: &str) -> BoxKey {
    BoxKey { run: RUN, name: name.into() }
}

fn spec(name: &str) -> BoxSpec {
    BoxSpec { key: key(name), image: IMAGE.into(), limits: BoxLimits::default(), deadline: Duration::from_secs(120) }
}

/// Runs `test` and removes everything of its run afterwards, whatever happened; then nothing may be left.
async fn with_engine<F: Future<Output = ()>>(test: impl FnOnce(Docker) -> F) {
    let docker = engine().await;
    let result = AssertUnwindSafe(test(docker.clone())).catch_unwind().await;
    docker.remove_run(RUN).await.unwrap();
    assert_eq!(docker.live_boxes().await.unwrap(), []);
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

/// Like [`with_engine`], with a box that stands.
async fn with_box<F: Future<Output = ()>>(test: impl FnOnce(Docker, OpenBox) -> F) {
    with_engine(|docker| async move {
        let open = docker.create(&spec("work")).await.unwrap();
        test(docker, open).await;
    })
    .await;
}

fn file(path: &str, content: &str) -> SourceFile {
    source(path, FileMode::Regular, content.as_bytes())
}

fn source(path: &str, mode: FileMode, content: &[u8]) -> SourceFile {
    SourceFile { path: path.into(), mode, content: Bytes::copy_from_slice(content), blob: blob_id(content) }
}

fn command(script: &str) -> Command {
    Command { script: script.into(), timeout: Duration::from_secs(20), env: Vec::new() }
}

async fn sh(open: &OpenBox, script: &str) -> CommandOutcome {
    open.run(&command(script)).await.unwrap()
}

/// The output of a command that must end well.
async fn out(open: &OpenBox, script: &str) -> String {
    let outcome = sh(open, script).await;
    let text = outcome.output.text(100_000);
    assert!(outcome.end.is_success(), "{script}: {:?} {text}", outcome.end);
    text
}
