//! Agents against the scripted model over HTTP, with real Postgres and a box in memory.

mod boxes;
mod ledger;
mod sessions;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use scripted_model::{Script, ScriptedModel};
use serde_json::Value;
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wiz::{
    agent::{
        AgentLimits, Asking, Assignment, PlanningInput, Session, ToolReply, Toolbox, WorkInput, bash_spec, edit_spec,
        read_spec, write_spec,
    },
    config::{ModelConfig, ProviderConfig},
    ids::{InstallationId, RunId},
    llm::{Models, Pauses, ToolSpec},
    plan::{Criterion, Plan, Proof, Step, WorkKind},
};

/// The key every test uses; the scripts refuse requests that hold it in their body.
const KEY: &str = "sk-canary-5f1d";

/// A schema of its own with the agent's tables and just enough of `run`.
struct Database {
    pool: PgPool,
    schema: String,
}

impl Database {
    async fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
        let url = std::env::var("DATABASE_URL").expect("DATABASE_URL names a Postgres for tests");
        let schema = format!("agent_test_{}", uuid::Uuid::new_v4().simple());
        let search_path = format!("set search_path to {schema}");
        let pool = PgPoolOptions::new()
            .max_connections(10)
            .after_connect(move |connection, _| {
                let search_path = search_path.clone();
                Box::pin(async move {
                    sqlx::raw_sql(sqlx::AssertSqlSafe(search_path)).execute(connection).await?;
                    Ok(())
                })
            })
            .connect(&url)
            .await
            .unwrap();
        let tables = "create table run (id bigint generated always as identity primary key, \
                      budget_micro_dollars bigint not null);";
        let sql = format!("create schema {schema}; {tables} {}", include_str!("../../../migrations/0004_agent.sql"));
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
        Self { pool, schema }
    }

    async fn run(&self, budget_micro_dollars: i64) -> RunId {
        let id = sqlx::query_scalar("insert into run (budget_micro_dollars) values ($1) returning id")
            .bind(budget_micro_dollars)
            .fetch_one(&self.pool)
            .await
            .unwrap();
        RunId(id)
    }

    async fn drop(self) {
        let sql = format!("drop schema {} cascade", self.schema);
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&self.pool).await.unwrap();
        self.pool.close().await;
    }
}

/// A script with this canary and these scenes.
async fn scripted(scenes: &str) -> ScriptedModel {
    let yaml = format!("canaries: [{KEY}]\nscenes:\n{scenes}");
    ScriptedModel::start(Script::from_yaml(&yaml).unwrap()).await.unwrap()
}

fn models(server: &ScriptedModel, pool: &PgPool, model: &str, prices: Option<&tempfile::NamedTempFile>) -> Models {
    // Another test of this process may have been first.
    rustls::crypto::ring::default_provider().install_default().ok();
    let provider = |path: &str| {
        Some(ProviderConfig { base_url: format!("{}{path}", server.url()).parse().unwrap(), api_key: KEY.into() })
    };
    let config = ModelConfig {
        default_model: model.into(),
        review_model: None,
        anthropic: provider(""),
        openai: provider("/v1"),
        prices_file: prices.map(|file| file.path().to_owned()),
    };
    let pauses = Pauses { first: Duration::from_millis(1), longest: Duration::from_millis(1), ..Pauses::default() };
    Models::new(&config, pool.clone(), pauses).unwrap()
}

/// A box in memory: files, and a `bash` that knows `cat FILE`, `fail` and `die`.
#[derive(Default)]
struct MemoryBox {
    files: Mutex<BTreeMap<String, String>>,
    calls: AtomicUsize,
    /// The call (from 1) that never returns, as if the process had been killed in it.
    killed_at: Option<usize>,
    killed: Notify,
}

impl MemoryBox {
    fn new() -> Self {
        let files = BTreeMap::from([("size.py".to_owned(), "def size(n):\n    return f\"{n} Byte\"\n".to_owned())]);
        Self { files: Mutex::new(files), ..Self::default() }
    }

    fn files(&self) -> BTreeMap<String, String> {
        self.files.lock().unwrap().clone()
    }

    fn shell(&self, command: &str) -> ToolReply {
        match command.split_once(' ') {
            Some(("cat", path)) => self
                .files()
                .get(path)
                .cloned()
                .map_or(ToolReply::Failed(format!("cat: {path}: No such file or directory\nexit 1")), ToolReply::Fine),
            Some(("repeat", count)) => ToolReply::Fine("some output\n".repeat(count.parse().unwrap())),
            _ if command == "die" => ToolReply::Dead("the box ended".into()),
            _ => ToolReply::Failed("exit 1".into()),
        }
    }
}

#[async_trait]
impl Toolbox for MemoryBox {
    fn specs(&self) -> Vec<ToolSpec> {
        vec![bash_spec(), read_spec(), edit_spec(), write_spec()]
    }

    async fn call(&self, name: &str, input: &Value) -> ToolReply {
        if Some(self.calls.fetch_add(1, Ordering::SeqCst) + 1) == self.killed_at {
            self.killed.notify_one();
            std::future::pending::<()>().await;
        }
        let text = |field: &str| input[field].as_str().unwrap_or_default().to_owned();
        match name {
            "bash" => self.shell(&text("command")),
            "read" => self.shell(&format!("cat {}", text("path"))),
            "write" => {
                self.files.lock().unwrap().insert(text("path"), text("content"));
                ToolReply::Fine("written".into())
            }
            "edit" => {
                let mut files = self.files.lock().unwrap();
                let Some(content) = files.get_mut(&text("path")) else {
                    return ToolReply::Failed("no such file".into());
                };
                match content.matches(&text("old")).count() {
                    1 => {
                        *content = content.replace(&text("old"), &text("new"));
                        ToolReply::Fine("edited".into())
                    }
                    count => ToolReply::Failed(format!("`old` occurs {count} times")),
                }
            }
            other => panic!("the loop let {other} through"),
        }
    }
}

fn session<'a>(
    models: &'a Models,
    database: &'a Database,
    run: RunId,
    step_key: &'a str,
    toolbox: &'a dyn Toolbox,
) -> Session<'a> {
    Session {
        models,
        pool: &database.pool,
        run,
        installation: InstallationId(1),
        step_key,
        model: None,
        toolbox,
        limits: AgentLimits { wall_time: Duration::from_secs(20), ..AgentLimits::default() },
        cancel: CancellationToken::new(),
    }
}

fn assignment() -> Assignment {
    Assignment {
        kind: WorkKind::Fix,
        repository: "octo/size".parse().unwrap(),
        base_branch: "main".into(),
        base_commit: "a".repeat(40).parse().unwrap(),
        title: "size(1.0) says 1.0 Byte".into(),
        statements: vec![],
        instructions: vec![],
        checks: vec![],
    }
}

fn planning() -> PlanningInput {
    PlanningInput {
        assignment: assignment(),
        overview: String::new(),
        previous: None,
        feedback: None,
        asking: Asking::Allowed,
    }
}

fn plan() -> Plan {
    let step = Step {
        id: "fix".parse().unwrap(),
        title: "Print whole bytes".into(),
        detail: "In size.py".into(),
        depends_on: vec![],
    };
    let criterion = Criterion { name: "tests".into(), command: "true".into(), proof: Proof::Passes };
    Plan {
        summary: "s".into(),
        steps: vec![step],
        definition_of_done: vec![criterion],
        risks: vec![],
        files: vec!["size.py".into()],
    }
}

fn working() -> WorkInput {
    WorkInput { assignment: assignment(), plan: plan(), step: plan().steps[0].clone(), faults: vec![], threads: vec![] }
}
