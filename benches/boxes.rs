//! What a box costs: `cargo bench --bench boxes`. It needs the engine, the image and the runner that the tests need
//! (`scripts/prepare test`), prints one table and asserts nothing about time.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use wiz::{
    config::SandboxConfig,
    ids::RunId,
    sandbox::{BoxKey, BoxLimits, BoxSpec, Command, Docker, FileMode, SourceFile},
};
use wiz_runner::manifest::blob_id;

const IMAGE: &str = "wiz-base:bookworm";

/// Boxes made one after the other.
const BOXES: usize = 15;

/// Pings and commands in each.
const CALLS: usize = 100;

/// The files a box is given: 10 MB in 50 folders.
const FILES: usize = 2_000;
const FILE_BYTES: usize = 5_000;

/// Samples of everything that is measured, in the order of the table.
#[derive(Debug, Default)]
struct Samples {
    ready: Vec<Duration>,
    load: Vec<Duration>,
    ping: Vec<Duration>,
    echo: Vec<Duration>,
    export: Vec<Duration>,
    close: Vec<Duration>,
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the table is its output")]
async fn main() -> Result<()> {
    let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/runner/wiz-runner");
    let config = SandboxConfig { owner: None, docker_host: None, runner, default_image: IMAGE.into(), runtime: None };
    let docker = Docker::connect(&config).await?.owned_by("bench-boxes");
    docker.ready().await?;
    let mut samples = Samples::default();
    for number in 0..BOXES {
        let measured = measure(&docker, RunId(i64::try_from(number)?), &mut samples).await;
        docker.remove_run(RunId(i64::try_from(number)?)).await?;
        measured?;
    }
    println!("{}", table(samples));
    Ok(())
}

async fn measure(docker: &Docker, run: RunId, samples: &mut Samples) -> Result<()> {
    let spec = BoxSpec {
        key: BoxKey { run, name: "work".into() },
        image: IMAGE.into(),
        limits: BoxLimits::default(),
        deadline: Duration::from_secs(120),
    };
    let begun = Instant::now();
    let open = docker.create(&spec).await?;
    samples.ready.push(begun.elapsed());
    let begun = Instant::now();
    open.load((0..FILES).map(source).collect()).await?;
    samples.load.push(begun.elapsed());
    let echo = Command { script: "echo hello".into(), timeout: Duration::from_secs(20), env: Vec::new() };
    for _ in 0..CALLS {
        let begun = Instant::now();
        open.ping().await?;
        samples.ping.push(begun.elapsed());
        let begun = Instant::now();
        let outcome = open.run(&echo).await?;
        samples.echo.push(begun.elapsed());
        anyhow::ensure!(outcome.end.is_success(), "echo failed: {outcome:?}");
    }
    open.write("changed", b"1").await?;
    let begun = Instant::now();
    let records = open.export().await?;
    samples.export.push(begun.elapsed());
    anyhow::ensure!(records.len() == 1, "{} records instead of one", records.len());
    let begun = Instant::now();
    open.close().await.context("cannot close the box")?;
    samples.close.push(begun.elapsed());
    Ok(())
}

fn source(number: usize) -> SourceFile {
    let content = vec![b'x'; FILE_BYTES];
    SourceFile {
        path: format!("d{}/f{number}", number % 50),
        mode: FileMode::Regular,
        blob: blob_id(&content),
        content: Bytes::from(content),
    }
}

fn table(samples: Samples) -> String {
    let rows = [
        ("box ready", samples.ready),
        ("load 2000 files, 10 MB", samples.load),
        ("ping", samples.ping),
        ("sh -c 'echo hello'", samples.echo),
        ("export of 2000 files, 1 changed", samples.export),
        ("close", samples.close),
    ];
    let mut table = format!("{IMAGE}, {BOXES} boxes, milliseconds\n");
    for (name, mut times) in rows {
        times.sort();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1000.0;
        table += &format!("{name:35} p50 {:8.2}  p95 {:8.2}  max {:8.2}\n", at(50), at(95), at(100));
    }
    table
}
