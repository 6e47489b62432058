//! The tools over a real box: needs Docker, the image `wiz-base:bookworm` and the runner, as the sandbox's tests do.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use wiz::{
    agent::{BoxMode, BoxToolbox, Finished, Toolbox, replay, work},
    config::SandboxConfig,
    ids::RunId,
    sandbox::{BoxKey, BoxLimits, BoxSpec, Docker, FileMode, OpenBox, SourceFile},
};
use wiz_runner::manifest::blob_id;

use super::{Database, models, scripted, session, working};

const SOURCE: &[u8] = b"def size(n):\n    return f\"{n} Byte\"\n";

/// A real red-to-green with every tool, and every mistake a tool can answer.
const FIX: &str = r#"
  - name: fix
    turns:
      - { calls: [{ tool: read, input: { path: size.py, offset: 2 } }, { tool: read, input: { path: none.py } }] }
      - expects: ["2\t    return f\"{n} Byte\"", "[lines 2 to 2 of 2]", "none.py: there is no such file"]
        calls:
          - tool: write
            input: { path: tests/test_size.py, content: "from size import size\n\ndef test():\n    assert size(1.0) == '1 Byte'\n" }
          - { tool: bash, input: { command: "python3 -m pytest -q -p no:cacheprovider" } }
          - { tool: bash, input: { command: sleep 30, timeout_s: 1 } }
          - { tool: edit, input: { path: size.py, old: "{x}", new: "" } }
          - { tool: read, input: { path: ../etc/passwd } }
      - expects: ["1 failed", "[exit 1, ", "[killed after ", "`old` is not in the file", "../etc/passwd: "]
        calls:
          - { tool: edit, input: { path: size.py, old: "{n}", new: "{int(n)}" } }
          - { tool: bash, input: { command: "python3 -m pytest -q -p no:cacheprovider" } }
      - expects: ["replaced 1 time(s)", "1 passed", "[exit 0, "]
        calls: [{ tool: submit, input: { summary: Fixed., evidence: pytest } }]
"#;

async fn open_box(docker: &Docker, run: RunId, name: &str) -> OpenBox {
    let key = BoxKey { run, name: name.into() };
    let limits = BoxLimits::default();
    let spec = BoxSpec { key, image: "wiz-base:bookworm".into(), limits, deadline: Duration::from_secs(120) };
    let open = docker.create(&spec).await.unwrap();
    let (path, content) = ("size.py".to_owned(), Bytes::from_static(SOURCE));
    let file = SourceFile { path, mode: FileMode::Regular, blob: blob_id(&content), content };
    open.load(vec![file]).await.unwrap();
    open
}

#[tokio::test]
async fn a_coder_works_in_a_real_box_and_again_in_a_rebuilt_one() {
    let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/runner/wiz-runner");
    let config = SandboxConfig {
        owner: None,
        docker_host: None,
        runner,
        default_image: "wiz-base:bookworm".into(),
        runtime: None,
    };
    let owner = format!("test-{:08x}", rand::random::<u32>());
    let docker = Docker::connect(&config).await.unwrap().owned_by(&owner);
    let (database, server) = (Database::new().await, scripted(FIX).await);
    let models = models(&server, &database.pool, "anthropic/scripted", None);
    let run = database.run(5_000_000).await;

    let first = open_box(&docker, run, "work-fix").await;
    let toolbox = BoxToolbox::new(&first, BoxMode::Full);
    let mut session_in_first = session(&models, &database, run, "work-1", &toolbox);
    session_in_first.limits.wall_time = Duration::from_secs(90);
    let finished = work(&session_in_first, &working()).await;

    let second = open_box(&docker, run, "work-fix-again").await;
    let rebuilt = BoxToolbox::new(&second, BoxMode::Full);
    let session_in_second = session(&models, &database, run, "work-1", &rebuilt);
    let repeated = replay(&session_in_second).await;
    let same = second.read("size.py", None, None).await.unwrap() == first.read("size.py", None, None).await.unwrap();
    let readers = BoxToolbox::new(&second, BoxMode::ReadOnly).specs().len();
    docker.remove_run(run).await.unwrap();

    assert!(matches!(finished, Ok(Finished::Submitted(_))), "{finished:?} {:?}", server.faults());
    assert!(matches!(repeated, Ok(Finished::Submitted(6))), "{repeated:?}");
    assert!(same && readers == 2);
    assert_eq!(server.faults(), Vec::<String>::new());
    database.drop().await;
}
