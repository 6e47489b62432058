//! The command line, as a process: what it prints, and how it ends.

mod beside;
mod setup;

use std::{path::Path, process::Stdio};

use scripted_model::{Fault, Script, ScriptedModel};
use tempfile::TempDir;
use tokio::{net::TcpListener, process::Command, task::JoinSet};
use tokio_util::sync::CancellationToken;
use wiz::{
    intake::Intake,
    queue::{Doorbell, NewJob, enqueue},
    web,
};

use crate::support::database::TestDatabase;

/// A key that is in no use anywhere.
const KEY_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/github-stand-in/tests/it/key.pem");

const SECRET: &str = "a secret for the tests";

/// What a command left behind.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

/// A command in an environment that holds only this.
fn wiz(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wiz"));
    command.args(arguments).env_clear().envs(environment.iter().copied()).current_dir("/").stdin(Stdio::null());
    command.kill_on_drop(true);
    command
}

async fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    let output = wiz(arguments, environment).output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Everything `wiz serve` needs but a database, a data directory and an engine; nobody answers at the addresses.
const SETTINGS: [(&str, &str); 7] = [
    ("WIZ_LISTEN", "127.0.0.1:0"),
    ("WIZ_GITHUB_API_URL", "http://127.0.0.1:1"),
    ("WIZ_GITHUB_APP_ID", "1234"),
    ("WIZ_GITHUB_PRIVATE_KEY_FILE", KEY_FILE),
    ("WIZ_GITHUB_WEBHOOK_SECRETS", SECRET),
    ("ANTHROPIC_API_KEY", "no key at all"),
    ("WIZ_MODEL", "anthropic/claude-sonnet-4-5"),
];

#[tokio::test]
async fn help_names_every_command() {
    let help = run(&["--help"], &[]).await;
    assert_eq!((help.code, help.err.as_str()), (Some(0), ""));
    insta::assert_snapshot!(help.out, @r#"
    A self-hosted GitHub App that turns issues into planned, tested, reviewed pull requests

    Usage: wiz [OPTIONS] <COMMAND>

    Commands:
      serve    Serve webhooks and work jobs, in one process
      worker   Work jobs only; webhooks are served elsewhere
      migrate  Bring the database up to date and end
      setup    Register the GitHub App in a browser
      doctor   Check every part of the set-up and say what is missing
      replay   Send a stored webhook payload to a running server, signed
      config   Check policy files, and print their schema
      policy   See what another policy file would change
      jobs     Look at the queue, and mend it
      help     Print this message or the help of the given subcommand(s)

    Options:
          --log-format <LOG_FORMAT>  How log lines look [env: WIZ_LOG_FORMAT=] [default: pretty] [possible values: pretty, json]
      -h, --help                     Print help
      -V, --version                  Print version
"#);
    let mut helps = Vec::new();
    for command in [&["setup"][..], &["doctor"], &["config", "check"], &["policy", "test"], &["jobs"]] {
        helps.push(run(&[command, &["--help"]].concat(), &[]).await.out);
    }
    insta::assert_snapshot!(helps.join("----\n"), @r"
    Register the GitHub App in a browser

    Usage: wiz setup [OPTIONS]

    Options:
          --listen <LISTEN>          Where the page is served; the browser that registers the App must reach it [default: 127.0.0.1:4000]
          --log-format <LOG_FORMAT>  How log lines look [env: WIZ_LOG_FORMAT=] [default: pretty] [possible values: pretty, json]
          --url <URL>                The page's address as the browser knows it, where that is not what the browser says, such as behind a proxy
          --print                    Print the credentials as environment variables, for a secret store, and write no file
      -h, --help                     Print help
    ----
    Check every part of the set-up and say what is missing

    Usage: wiz doctor [OPTIONS]

    Options:
          --log-format <LOG_FORMAT>  How log lines look [env: WIZ_LOG_FORMAT=] [default: pretty] [possible values: pretty, json]
      -h, --help                     Print help
    ----
    Say what is wrong with a policy file, line by line; exit code 1 if anything is

    Usage: wiz config check [OPTIONS] <FILE>

    Arguments:
      <FILE>
              The file; `-` for standard input

    Options:
          --layer <LAYER>
              Whose file it is to be

              Possible values:
              - repository:   `.github/wiz.yml` of a repository
              - organisation: `wiz.yml` in an account's repository `.github`
              - server:       The file that `WIZ_POLICY_FILE` names
              
              [default: repository]

          --log-format <LOG_FORMAT>
              How log lines look
              
              [env: WIZ_LOG_FORMAT=]
              [default: pretty]
              [possible values: pretty, json]

      -h, --help
              Print help (see a summary with '-h')
    ----
    Give what happened in the last days to another policy file, and show what would change. Nothing is changed

    Usage: wiz policy test [OPTIONS] <FILE>

    Arguments:
      <FILE>
              The new file; `-` for standard input

    Options:
          --layer <LAYER>
              Whose file it is to be

              Possible values:
              - repository:   `.github/wiz.yml` of a repository
              - organisation: `wiz.yml` in an account's repository `.github`
              - server:       The file that `WIZ_POLICY_FILE` names
              
              [default: repository]

          --log-format <LOG_FORMAT>
              How log lines look
              
              [env: WIZ_LOG_FORMAT=]
              [default: pretty]
              [possible values: pretty, json]

          --against <AGAINST>
              The file it would replace; what the option of its layer names, or none

          --repository <FILE>
              The repository's own file

          --organisation <FILE>
              The `wiz.yml` of the account's repository `.github`

          --server <FILE>
              The server's file; what `WIZ_POLICY_FILE` names, or none

          --repo <REPO>
              Only this repository

          --since <SINCE>
              How far back, in hours or days
              
              [default: 7d]

      -h, --help
              Print help (see a summary with '-h')
    ----
    Look at the queue, and mend it

    Usage: wiz jobs [OPTIONS] <COMMAND>

    Commands:
      list    List jobs, newest first
      show    Show one job with its payload and last error
      retry   Give a dead or cancelled job new attempts, or hurry one that waits for its time
      cancel  Cancel a job; a running one is told to stop
      help    Print this message or the help of the given subcommand(s)

    Options:
          --log-format <LOG_FORMAT>  How log lines look [env: WIZ_LOG_FORMAT=] [default: pretty] [possible values: pretty, json]
      -h, --help                     Print help
    ");
    let wrong = run(&["conjure"], &[]).await;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
}

#[tokio::test]
async fn an_empty_environment_is_told_everything_it_lacks() {
    let ended = run(&["serve"], &[]).await;
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    let faults: Vec<&str> = ended.err.lines().filter(|line| line.starts_with("  - ")).collect();
    insta::assert_snapshot!(faults.join("\n"), @r#"
      - WIZ_GITHUB_APP_ID is not set; give it the App ID from the App's settings page, or register an App with `wiz setup`
      - WIZ_GITHUB_PRIVATE_KEY_FILE is not set; give it the path of the .pem file that GitHub made
      - WIZ_GITHUB_WEBHOOK_SECRETS is not set; give it the App's webhook secret (several, comma-separated, to rotate)
      - WIZ_MODEL is not set; give it the model to use, such as anthropic/claude-sonnet-4-5 or openai-chat/qwen3
"#);
}

#[tokio::test]
async fn no_fault_shows_a_secret() {
    let secrets = [
        ("WIZ_GITHUB_WEBHOOK_SECRETS", "hunter2"),
        ("WIZ_GITHUB_PRIVATE_KEY", "tr0ub4dor"),
        ("ANTHROPIC_API_KEY", "sk-ant-s3cr3t"),
        ("DATABASE_URL", "mysql://wiz:p4ssw0rd@db/wiz"),
        ("WIZ_MODEL", "openai/gpt"),
        ("WIZ_GITHUB_APP_ID", "many"),
    ];
    for command in [&["serve"], &["worker"], &["doctor"]] {
        let ended = run(command, &secrets).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let told = ended.out + &ended.err;
        for secret in ["hunter2", "tr0ub4dor", "s3cr3t", "p4ssw0rd"] {
            assert!(!told.contains(secret), "{secret} is shown: {told}");
        }
        assert!(told.contains("has 5 fault(s)"), "{told}");
    }
    let valid = [("DATABASE_URL", "postgres://wiz:p4ssw0rd@127.0.0.1:1/wiz")];
    let ended = run(&["jobs", "list"], &valid).await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("cannot connect to the database") && !ended.err.contains("p4ssw0rd"), "{}", ended.err);
}

/// Waits for the last line of a payload file's replay and says how it ended, without what differs.
async fn replay(file: &Path, url: &str, secret: &str) -> (Option<i32>, String) {
    let delivery = "0b41ad38-5a43-4c36-8c19-6a7c6f0a5b55";
    let file = file.to_str().unwrap();
    let arguments = ["replay", file, "--event", "issue_comment", "--delivery", delivery, "--url", url];
    let ended = run(&arguments, &[("WIZ_GITHUB_WEBHOOK_SECRETS", secret)]).await;
    (ended.code, ended.out + ended.err.rsplit("ERROR").next().unwrap_or_default())
}

#[tokio::test]
async fn replay_sends_a_payload_as_github_does() {
    let db = TestDatabase::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/webhooks/github", listener.local_addr().unwrap());
    let (intake, writer) = Intake::new(db.pool.clone(), &[SECRET.into()], Doorbell::default());
    let shutdown = CancellationToken::new();
    let mut server = JoinSet::new();
    server.spawn(writer.run());
    server.spawn(web::serve(listener, web::router(intake, vec![]), shutdown.clone()));

    let folder = TempDir::new().unwrap();
    let file = folder.path().join("payload.json");
    std::fs::write(&file, r#"{"action":"created"}"#).unwrap();
    let mut told = String::new();
    for (name, secret) in [
        ("wrong secret", "not the server's secret"),
        ("right secret", &format!("{SECRET},an older secret")),
        ("again", SECRET),
        ("no secret", ""),
    ] {
        let (code, text) = replay(&file, &url, secret).await;
        told += &format!("{name}: {code:?} {}\n", text.trim());
    }
    std::fs::write(&file, "not JSON").unwrap();
    let (code, text) = replay(&file, &url, SECRET).await;
    told += &format!("not JSON: {code:?} {}\n", text.trim());
    insta::assert_snapshot!(told, @r#"
    wrong secret: Some(1) 401 Unauthorized delivery 0b41ad38-5a43-4c36-8c19-6a7c6f0a5b55: {"error":"the signature does not fit the body; is the webhook secret the one wiz has?"}
    right secret: Some(0) 202 Accepted delivery 0b41ad38-5a43-4c36-8c19-6a7c6f0a5b55: {"status":"accepted"}
    again: Some(0) 200 OK delivery 0b41ad38-5a43-4c36-8c19-6a7c6f0a5b55: {"status":"this delivery is known"}
    no secret: Some(1) wiz: WIZ_GITHUB_WEBHOOK_SECRETS is not set; the payload must be signed with the server's secret
    not JSON: Some(1) wiz: the file is not JSON: expected ident at line 1 column 2
"#);
    let stored: (i64, i64) =
        sqlx::query_as("select (select count(*) from delivery), (select count(*) from job where priority = -30)")
            .fetch_one(&db.pool)
            .await
            .unwrap();
    assert_eq!(stored, (1, 1));
    shutdown.cancel();
    server.join_next().await.unwrap().unwrap().unwrap();
    let (code, text) = replay(&file, "https://127.0.0.1/webhooks/github", SECRET).await;
    assert!(code == Some(1) && text.contains("http:// only"), "{text}");
}

#[tokio::test]
async fn jobs_are_shown_retried_and_cancelled_by_their_number() {
    let db = TestDatabase::new().await;
    let database = [("DATABASE_URL", db.url.as_str())];
    let mut told = String::new();
    for command in ["show", "retry", "cancel"] {
        let ended = run(&["jobs", command, "404"], &database).await;
        assert_eq!(ended.out, "");
        let last = ended.err.lines().last().unwrap_or_default();
        told += &format!("{command} 404: {:?} {last}\n", ended.code);
    }
    let mut connection = db.pool.acquire().await.unwrap();
    let later =
        NewJob { run_after: std::time::Duration::from_secs(3600), ..NewJob::new("report", serde_json::json!({})) };
    enqueue(&mut connection, &later).await.unwrap();
    for command in ["retry", "cancel"] {
        let ended = run(&["jobs", command, "1"], &database).await;
        told += &format!("{command} 1: {:?} {}\n", ended.code, ended.out.trim());
    }
    let listed = run(&["jobs", "list", "--limit", "5"], &database).await;
    let words: Vec<&str> = listed.out.lines().nth(1).unwrap_or_default().split_whitespace().take(4).collect();
    told += &format!("list: {:?}\n{}\n{words:?}\n", listed.code, listed.out.lines().next().unwrap_or_default());
    let shown = run(&["jobs", "show", "1"], &database).await;
    let shown: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
    told += &format!("show 1: {} {}\n", shown["kind"], shown["cancel_requested"]);
    insta::assert_snapshot!(told, @r#"
    show 404: Some(1) there is no job 404
    retry 404: Some(1) job 404: no finished or scheduled job has this number
    cancel 404: Some(1) there is no job 404
    retry 1: Some(0) job 1 is due now
    cancel 1: Some(0) job 1 was asked to stop
    list: Some(0)
         job  kind       state         run  attempt  at                    last error
    ["1", "report", "scheduled", "0/8"]
    show 1: "report" true
    "#);
    let wrong = run(&["jobs", "list", "--state", "zombie"], &database).await;
    assert_eq!(wrong.code, Some(2));
    insta::assert_snapshot!(wrong.err.lines().next().unwrap_or_default(), @r#"error: invalid value 'zombie' for '--state <STATE>': "zombie" is no state of a job; they are scheduled, blocked, gated, ready, running, succeeded, dead and cancelled"#);
}

#[tokio::test]
async fn doctor_says_which_part_is_missing() {
    let db = TestDatabase::new().await;
    let mut environment = SETTINGS.to_vec();
    environment.push(("DATABASE_URL", &db.url));
    environment.push(("DOCKER_HOST", "unix:///nowhere/docker.sock"));
    let model = ScriptedModel::start(Script { canaries: vec![], max_body_bytes: 0, scenes: vec![] }).await.unwrap();
    let address = model.url();
    environment.push(("ANTHROPIC_BASE_URL", &address));
    let ended = run(&["doctor"], &environment).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    insta::assert_snapshot!(ended.out, @r#"
    configuration  ok
    database       ok: answers, schema is up to date
    engine         FAILED: the container engine cannot be reached: Socket not found: /nowhere/docker.sock
    github         FAILED: GitHub cannot be asked: check WIZ_GITHUB_API_URL and the way there: GET /app: Service Error: client error (Connect): tcp connect error: Connection refused (os error 111)
    model          ok: anthropic/claude-sonnet-4-5: its provider takes the key and has it
"#);

    environment.retain(|(name, _)| *name != "DOCKER_HOST");
    model.fail_next(1, Fault::KeyRefused);
    environment.push(("WIZ_IMAGE", "wiz-absent:none"));
    let ended = run(&["doctor"], &environment).await;
    let line = |part: &str| ended.out.lines().find(|line| line.starts_with(part)).unwrap();
    let engine = line("engine");
    let version = engine.split_once("version ").and_then(|(_, rest)| rest.split_once(',')).unwrap().0;
    insta::assert_snapshot!([&engine.replace(version, "<version>"), line("model")].join("\n"), @r"
    engine         FAILED: it answers (version <version>, default image missing, runtime the default), but boxes need the image wiz-absent:none: make it with scripts/base-image, or name another one in WIZ_IMAGE
    model          FAILED: the model provider refused our key (HTTP 401); check the API key and its access to the model
    ");
    let unset = run(&["doctor"], &[("WIZ_DATA_DIR", "/nowhere")]).await.out;
    insta::assert_snapshot!(unset.lines().take(3).collect::<Vec<_>>().join("\n"), @r"
    configuration  FAILED
    the configuration has 4 fault(s):
      - WIZ_GITHUB_APP_ID is not set; give it the App ID from the App's settings page, or register an App with `wiz setup`
    ");
}
