//! What comes out of a box: changed files, read by a clean second box over the paused first one.
//!
//! First every process of the box is killed, so that nothing of a step lives on behind the next one; then the box is
//! frozen, so that nothing can change while it is read, whatever the killing missed. The exporter shares no process,
//! memory or writable file with the box. Afterwards the box thaws and can be used on.

use std::time::Duration;

use sha2::{Digest, Sha256};
use wiz_runner::{
    frame::MAX_BODY_BYTES,
    protocol::{ExportLimits, Record, Reply, Request},
};

use super::{
    OpenBox, SandboxError,
    docker_create::exporter_container,
    open_box::ANSWER_TIMEOUT,
    stream::{RunnerStream, strange_reply},
};

/// Caps of one export, well above what a pull request may hold, so that the policy on the result can say which file is
/// too much.
const LIMITS: ExportLimits = ExportLimits {
    entries: 300_000,
    records: 2000,
    file_bytes: 8 * 1024 * 1024,
    total_bytes: 32 * 1024 * 1024,
    time_ms: 30_000,
};

/// Longest life of an exporter, for whoever finds it later.
const LIFETIME: Duration = Duration::from_secs(120);

impl OpenBox {
    /// All differences between the workspace and what was loaded, sorted by path. Kills every command of the box;
    /// the box can be used on afterwards.
    pub async fn export(&self) -> Result<Vec<Record>, SandboxError> {
        self.kill_all().await?;
        let manifest = self.manifest().await?.to_bytes();
        if manifest.len() > MAX_BODY_BYTES {
            return Err(SandboxError::TooLarge { what: "the list of loaded files".into() });
        }
        let exporter = &self.names.exporter;
        self.docker.remove_container(exporter).await?;
        let (paused, prepared) =
            tokio::join!(self.docker.set_paused(&self.names.container, true), self.prepare_exporter());
        let records = match (paused, prepared) {
            (Ok(()), Ok(stream)) => receive(&stream, &manifest).await,
            (Err(SandboxError::NotFound { .. }), _) => Err(SandboxError::BoxDied { reason: "it is gone".into() }),
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        let (thawed, removed) =
            tokio::join!(self.docker.set_paused(&self.names.container, false), self.docker.remove_container(exporter));
        let records = records?;
        thawed?;
        removed?;
        Ok(records)
    }

    /// Starts the exporter, which reads nothing before it is asked.
    async fn prepare_exporter(&self) -> Result<RunnerStream, SandboxError> {
        let docker = &self.docker;
        let (image, runner_volume) = (docker.facts(&self.names.container).await?.image, docker.runner_volume().await?);
        let volumes = (self.names.volume.as_str(), runner_volume.as_str());
        let body = exporter_container(docker.settings(), self.key(), &image, volumes, LIFETIME);
        if !docker.create_container(&self.names.exporter, &image, body).await? {
            return Err(SandboxError::BadSpec { reason: "another process exports the same box".into() });
        }
        let stream = docker.attach_runner(&self.names.exporter).await?;
        docker.start(&self.names.exporter).await?;
        Ok(stream)
    }
}

async fn receive(stream: &RunnerStream, manifest: &[u8]) -> Result<Vec<Record>, SandboxError> {
    let doing = "export the workspace";
    let mut replies =
        stream.ask(Request::Export { limits: LIMITS }, manifest).await.map_err(|error| error.into_error(doing))?;
    let mut records: Vec<Record> = Vec::new();
    let mut bytes = 0_u64;
    loop {
        let wait = Duration::from_millis(LIMITS.time_ms) + ANSWER_TIMEOUT;
        let (reply, body) = replies.next(wait).await.map_err(|error| error.into_error(doing))?;
        if let Reply::Record(header) = reply {
            let record = checked(Record::from_parts(header, body))?;
            bytes = bytes.saturating_add(record.size);
            records.push(record);
            if bytes > LIMITS.total_bytes || count(&records) > LIMITS.records {
                return Err(SandboxError::TooLarge { what: "the exported files".into() });
            }
        } else if reply == (Reply::Exported { records: count(&records) }) {
            records.sort_by(|one, other| one.path.cmp(&other.path));
            return Ok(records);
        } else {
            return Err(strange_reply(&reply));
        }
    }
}

fn count(records: &[Record]) -> u64 {
    u64::try_from(records.len()).unwrap_or(u64::MAX)
}

fn checked(record: Record) -> Result<Record, SandboxError> {
    let whole = u64::try_from(record.content.len()) == Ok(record.size);
    let right = record.sha256.is_empty() || hex::encode(Sha256::digest(&record.content)) == record.sha256;
    if whole && right {
        return Ok(record);
    }
    Err(SandboxError::Runner { what: "a record does not hold what it says".into() })
}
