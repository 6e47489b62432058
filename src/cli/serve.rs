//! `wiz serve` and `wiz worker`: put the rooms together, run until told to stop, stop in order.

use std::{process::ExitCode, sync::Arc};

use anyhow::Context as _;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    database::Database,
    github::{GitHub, mirror::Mirrors},
    intake::Intake,
    limits::SHUTDOWN_GRACE,
    llm::Models,
    queue::{Worker, WorkerSettings},
    run::{
        jobs::Executor,
        services::{Services, Settings},
        sweep,
    },
    sandbox::Docker,
    web,
};

/// Which halves of wiz this process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parts {
    WebAndWorker,
    WorkerOnly,
}

pub(super) async fn serve(config: &Config, parts: Parts) -> anyhow::Result<ExitCode> {
    let database = Database::open(&config.database).await?;
    let services = services(config, &database).await?;
    let shutdown = CancellationToken::new();
    let mut tasks = JoinSet::new();
    sweep::orphan_boxes(&services).await.context("cannot remove boxes of ended runs")?;
    if parts == Parts::WebAndWorker {
        let listener = TcpListener::bind(config.server.listen)
            .await
            .with_context(|| format!("cannot listen on {}", config.server.listen))?;
        tracing::info!(address = %listener.local_addr()?, "listening");
        let intake = Intake::new(database.pool().clone(), config.github.webhook_secrets.clone());
        let router = web::router(intake, checks(&services));
        let shutdown = shutdown.clone();
        tasks.spawn(async move { web::serve(listener, router, shutdown).await });
    }
    let settings = WorkerSettings { slots: config.server.workers, grace: SHUTDOWN_GRACE, ..WorkerSettings::default() };
    let worker = Worker::new(database.pool().clone(), Arc::new(Executor { services }), settings);
    let stop = shutdown.clone();
    tasks.spawn(async move { worker.run(stop).await });

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
    database.close().await;
    outcome
}

/// Connects to everything a run needs.
async fn services(config: &Config, database: &Database) -> anyhow::Result<Services> {
    let pool = database.pool().clone();
    let docker = Docker::connect(&config.sandbox).await.context("cannot reach the container engine")?;
    let github = GitHub::new(&config.github).context("cannot set up the GitHub client")?;
    let models = Models::new(&config.models, pool.clone())?;
    let settings = Settings {
        public_url: config.server.public_url.clone(),
        default_model: config.models.default_model.clone(),
        review_model: config.models.review_model.clone().unwrap_or_else(|| config.models.default_model.clone()),
        default_image: config.sandbox.default_image.clone(),
        marker_key: config.marker_key(),
    };
    let mirrors = Mirrors::new(config.data_dir.join("mirrors"), config.github.web_url.clone())?;
    Ok(Services {
        pool,
        github: Arc::new(github),
        mirrors: Arc::new(mirrors),
        docker,
        models: Arc::new(models),
        settings: Arc::new(settings),
    })
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
