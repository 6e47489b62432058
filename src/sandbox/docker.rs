//! The connection to a container engine.

use std::{future::Future, path::PathBuf, sync::Arc, time::Duration};

use bollard::errors::Error;
use tokio::sync::OnceCell;

use super::{OpenBox, SandboxError, docker_create::Names};
use crate::config::SandboxConfig;

/// Longest wait for one call to the engine. Starting a container on a busy machine takes a second; this is a fault.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// A container engine, by Docker's API. Cheap to clone.
#[derive(Clone)]
pub struct Docker(Arc<Shared>);

struct Shared {
    engine: bollard::Docker,
    settings: Settings,
    runner_volume: OnceCell<String>,
}

/// Whose boxes they are until [`Docker::owned_by`] says otherwise.
const DEFAULT_OWNER: &str = "wiz";

/// What all boxes of an engine have in common.
#[derive(Clone)]
pub(super) struct Settings {
    /// Whose boxes these are, so that two wiz on one engine leave each other's alone.
    pub owner: String,
    pub runner: PathBuf,
    pub default_image: String,
    pub runtime: Option<String>,
}

/// The engine's state, for `/readyz` and `wiz doctor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineReport {
    /// The engine's version.
    pub version: String,
    /// Whether the default image is there.
    pub image_present: bool,
    /// The volume that holds this wiz's runner.
    pub runner_volume: Option<String>,
    /// The OCI runtime of boxes, when it is not the engine's default.
    pub runtime: Option<String>,
}

impl std::fmt::Display for EngineReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let image = if self.image_present { "present" } else { "missing" };
        let runtime = self.runtime.as_deref().unwrap_or("the default");
        write!(f, "version {}, default image {image}, runtime {runtime}", self.version)
    }
}

impl Docker {
    /// Connects to the engine and pings it.
    pub async fn connect(config: &SandboxConfig) -> Result<Self, SandboxError> {
        let doing = "be reached";
        let engine = match config.docker_host.as_deref() {
            Some(host) => bollard::Docker::connect_with_host(host),
            None => bollard::Docker::connect_with_unix(
                "unix:///var/run/docker.sock",
                CALL_TIMEOUT.as_secs(),
                bollard::API_DEFAULT_VERSION,
            ),
        };
        let engine = engine.map_err(|error| engine_error(doing, &error))?.with_timeout(CALL_TIMEOUT);
        let engine = call(doing, engine.negotiate_version()).await?;
        let settings = Settings {
            owner: config.owner.clone().unwrap_or_else(|| DEFAULT_OWNER.to_owned()),
            runner: config.runner.clone(),
            default_image: config.default_image.clone(),
            runtime: config.runtime.clone(),
        };
        Ok(Self(Arc::new(Shared { engine, settings, runner_volume: OnceCell::new() })))
    }

    /// The same engine for boxes of `owner` (lower-case letters, digits and `-`). Runs are numbered per database, so
    /// two wiz on one engine must not share an owner.
    #[must_use]
    pub fn owned_by(&self, owner: &str) -> Self {
        let settings = Settings { owner: owner.to_owned(), ..self.0.settings.clone() };
        Self(Arc::new(Shared { engine: self.0.engine.clone(), settings, runner_volume: OnceCell::new() }))
    }

    /// Looks whether boxes could be made now, and puts the runner onto the engine.
    pub async fn ready(&self) -> Result<EngineReport, SandboxError> {
        let version = call("tell its version", self.engine().version()).await?.version.unwrap_or_default();
        let image_present = match call("look for an image", self.engine().inspect_image(self.default_image())).await {
            Ok(_) => true,
            Err(SandboxError::NotFound { .. }) => false,
            Err(error) => return Err(error),
        };
        let runner_volume = if image_present { Some(self.runner_volume().await?) } else { None };
        Ok(EngineReport { version, image_present, runner_volume, runtime: self.0.settings.runtime.clone() })
    }

    pub(super) fn engine(&self) -> &bollard::Docker {
        &self.0.engine
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    fn default_image(&self) -> &str {
        &self.0.settings.default_image
    }

    /// The volume with the runner, filled by the first who asks.
    pub(super) async fn runner_volume(&self) -> Result<String, SandboxError> {
        self.0.runner_volume.get_or_try_init(|| self.upload_runner()).await.cloned()
    }

    /// Freezes or thaws a box. Thawing one that is not frozen is no error.
    pub(super) async fn set_paused(&self, container: &str, paused: bool) -> Result<(), SandboxError> {
        if paused {
            return call("pause a box", self.engine().pause_container(container)).await;
        }
        match timed("resume a box", self.engine().unpause_container(container)).await? {
            Err(Error::DockerResponseServerError { message, .. }) if message.contains("not paused") => Ok(()),
            result => result.map_err(|error| engine_error("resume a box", &error)),
        }
    }

    /// Removes a box's container and workspace; nothing happens when they are gone.
    pub(super) async fn remove(&self, names: &Names) -> Result<(), SandboxError> {
        self.remove_container(&names.exporter).await?;
        self.remove_container(&names.container).await?;
        self.remove_volume(&names.volume).await
    }
}

impl std::fmt::Debug for OpenBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OpenBox({:?})", self.key())
    }
}

/// Waits for one call to the engine and names what failed. What is missing is [`SandboxError::NotFound`].
pub(super) async fn call<T>(doing: &str, future: impl Future<Output = Result<T, Error>>) -> Result<T, SandboxError> {
    timed(doing, future).await?.map_err(|error| engine_error(doing, &error))
}

/// Waits for one call to the engine, for callers that look at its error.
pub(super) async fn timed<T>(
    doing: &str,
    future: impl Future<Output = Result<T, Error>>,
) -> Result<Result<T, Error>, SandboxError> {
    tokio::time::timeout(CALL_TIMEOUT, future).await.map_err(|_| SandboxError::EngineUnavailable {
        doing: doing.to_owned(),
        reason: format!("no answer within {} s", CALL_TIMEOUT.as_secs()),
    })
}

/// The status code the engine answered with, if it did.
pub(super) fn status_of(error: &Error) -> Option<u16> {
    if let Error::DockerResponseServerError { status_code, .. } = error { Some(*status_code) } else { None }
}

pub(super) fn engine_error(doing: &str, error: &Error) -> SandboxError {
    if status_of(error) == Some(404) {
        return SandboxError::NotFound { path: error.to_string() };
    }
    SandboxError::EngineUnavailable { doing: doing.to_owned(), reason: error.to_string() }
}
