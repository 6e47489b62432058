//! `wiz serve` and `wiz worker`: put the rooms together, run until told to stop, stop in order.

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use secrecy::SecretString;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    database::Database,
    github::{GitHub, journal::Journal, mirror::Mirrors},
    intake::Intake,
    llm::{Models, Pauses},
    policy::{self, Layer, PolicyFile},
    queue::{self, Doorbell, Worker, WorkerSettings},
    reconcile,
    run::{
        jobs::Executor,
        policies::Policies,
        services::{MarkerKey, Services, Settings},
        store, sweep,
        task::Task,
    },
    sandbox::Docker,
    web::{self, ReadyCheck},
};

/// Which halves of wiz this process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parts {
    WebAndWorker,
    WorkerOnly,
}

/// Slots beside `WIZ_WORKERS` that stages never take.
const SHORT_SLOTS: usize = 2;

/// Longest wait for one part's answer to `/readyz`.
const CHECK_DEADLINE: Duration = Duration::from_secs(5);

pub(super) async fn serve(config: &Config, parts: Parts) -> Result<ExitCode> {
    let database = Database::open(&config.database).await?;
    if database.is_embedded() {
        // Nobody else can be using it, so jobs that run there belong to a predecessor that was killed.
        queue::expire_workers(database.pool()).await?;
    }
    let services = services(config, &database).await?;
    sweep::orphan_boxes(&services).await.context("cannot remove boxes of ended runs")?;
    let shutdown = CancellationToken::new();
    let mut tasks = JoinSet::new();
    if parts == Parts::WebAndWorker {
        start_web(config, &services, &mut tasks, &shutdown).await?;
    }
    tasks.spawn(sweep::keep_sweeping(services.clone(), shutdown.clone()));
    tasks.spawn(reconcile::run(services.clone(), shutdown.clone()));
    start_workers(config.server.workers, services, &mut tasks, &shutdown);

    let outcome = tokio::select! {
        signal = stop_signal() => { tracing::info!(signal, "stopping"); Ok(ExitCode::SUCCESS) }
        ended = tasks.join_next() => Err(match ended {
            Some(Ok(Ok(()))) | None => anyhow::anyhow!("a part of the server ended by itself"),
            Some(Ok(Err(error))) => error.context("a part of the server failed"),
            Some(Err(error)) => anyhow::Error::new(error).context("a part of the server panicked"),
        }),
    };
    shutdown.cancel();
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("while stopping: {error:#}"),
            Err(error) => tracing::warn!(%error, "a part panicked while stopping"),
        }
    }
    database.close().await?;
    outcome
}

async fn start_web(
    config: &Config,
    services: &Services,
    tasks: &mut JoinSet<Result<()>>,
    shutdown: &CancellationToken,
) -> Result<()> {
    let address = config.server.listen;
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let (intake, writer) =
        Intake::new(services.pool.clone(), &config.github.webhook_secrets, services.doorbell.clone());
    let router = web::router(intake, checks(services));
    tasks.spawn(web::serve(listener, router, shutdown.clone()));
    tasks.spawn(writer.run());
    Ok(())
}

/// One worker for everything and one for what takes seconds: while each slot of the first holds a stage of an hour,
/// commands are heard, answers written, cancellations and deadlines carried out.
fn start_workers(slots: usize, services: Services, tasks: &mut JoinSet<Result<()>>, shutdown: &CancellationToken) {
    let executor = Arc::new(Executor { services: services.clone() });
    let short = WorkerSettings { priority_up_to: Task::SHORT_UP_TO, ..WorkerSettings::new(SHORT_SLOTS) };
    for settings in [WorkerSettings::new(slots), short] {
        let (pool, doorbell) = (services.pool.clone(), services.doorbell.clone());
        tasks.spawn(Worker::run(pool, doorbell, executor.clone(), settings, shutdown.clone()));
    }
}

/// Connects to everything a run needs.
async fn services(config: &Config, database: &Database) -> Result<Services> {
    let pool = database.pool().clone();
    let instance = store::instance(&mut *pool.acquire().await?).await?;
    let docker = Docker::connect(&config.sandbox).await.context("cannot reach the container engine")?;
    let docker = if config.sandbox.owner.is_none() { docker.owned_by(&instance) } else { docker };
    let github = GitHub::new(&config.github).context("cannot set up the GitHub client")?;
    let github = github.journaled(Journal::new(pool.clone()));
    let models = Models::new(&config.models, pool.clone(), Pauses::default())?;
    let mirrors = Mirrors::open(&config.data_dir.join("mirrors"), &config.github.web_url)?;
    let settings = Settings {
        public_url: config.server.public_url.clone(),
        github_url: config.github.web_url.clone(),
        default_image: config.sandbox.default_image.clone(),
        own_secrets: own_secrets(config),
        // Every process of one installation has the same App key, and it stays when webhook secrets are rotated.
        marker_key: MarkerKey::derive(&config.github.private_key),
    };
    Ok(Services {
        pool,
        github: Arc::new(github),
        mirrors: Arc::new(mirrors),
        docker,
        models,
        policies: Arc::new(Policies::new(server_policy(config)?)),
        doorbell: Doorbell::default(),
        settings: Arc::new(settings),
        spent_boxes: Arc::default(),
    })
}

/// The operator's defaults for every repository.
fn server_policy(config: &Config) -> Result<PolicyFile> {
    let Some(path) = &config.policy_file else { return Ok(PolicyFile::default()) };
    let file = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    policy::parse_layer(Layer::Server, &file).map_err(|faults| {
        let lines = faults.iter().map(|fault| format!("\n  line {}: {}", fault.line, fault.message));
        anyhow::anyhow!("WIZ_POLICY_FILE: {} has mistakes:{}", path.display(), lines.collect::<String>())
    })
}

/// Everything that must never leave this process in a change or a text.
fn own_secrets(config: &Config) -> Vec<SecretString> {
    let keys =
        [&config.models.anthropic, &config.models.openai].into_iter().flatten().map(|provider| &provider.api_key);
    let github = &config.github;
    keys.chain(&github.webhook_secrets).chain([&github.private_key]).cloned().collect()
}

/// What `/readyz` asks.
fn checks(services: &Services) -> Vec<ReadyCheck> {
    let (docker, models) = (services.docker.clone(), services.models.clone());
    vec![
        web::database_check(services.pool.clone()),
        ReadyCheck::new("engine", CHECK_DEADLINE, move || {
            let docker = docker.clone();
            async move { Ok(docker.ready().await.context("the container engine does not answer")?.to_string()) }
        }),
        ReadyCheck::new("model", CHECK_DEADLINE, move || {
            let ready = models.ready().context("the model cannot be used");
            async move { ready.map(|()| "configured and not failing".to_owned()) }
        }),
    ]
}

/// Waits for the signals by which terminals and platforms ask a process to stop.
async fn stop_signal() -> &'static str {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
