//! Puts the runner onto the engine: one named volume per version of the runner, filled once, mounted read-only.
//!
//! A volume rather than a host path, so that the engine may be on another machine.

use bollard::{
    body_full,
    models::{ContainerCreateBody, HostConfig, Mount, MountType, VolumeCreateRequest},
    query_parameters::{ContainerArchiveInfoOptionsBuilder, UploadToContainerOptionsBuilder},
};
use sha2::{Digest, Sha256};

use super::{
    Docker, SandboxError,
    docker::{call, timed},
    docker_create::{RUNNER, RUNNER_DIR, plain},
};

/// Executable by all, readable by none: the kernel keeps others of the same uid out of a process whose file they cannot
/// read, from its first instruction on.
const RUNNER_MODE: u32 = 0o111;

impl Docker {
    /// Makes sure that the volume with this wiz's runner exists and is whole, and names it.
    pub(super) async fn upload_runner(&self) -> Result<String, SandboxError> {
        let path = &self.settings().runner;
        let bytes = tokio::fs::read(path).await.map_err(|error| SandboxError::RunnerMissing {
            path: path.display().to_string(),
            reason: error.to_string(),
        })?;
        let digest: String = hex::encode(Sha256::digest(&bytes)).chars().take(16).collect();
        let volume = format!("wiz-runner-{digest}");
        let labels = [("wiz.runner".to_owned(), digest)].into();
        let request = VolumeCreateRequest { name: Some(volume.clone()), labels: Some(labels), ..Default::default() };
        call("make a volume", self.engine().create_volume(request)).await?;
        let helper = format!("wiz-upload-{}", uuid::Uuid::new_v4().simple());
        let image = self.settings().default_image.clone();
        let made = self.create_container(&helper, &image, helper_container(&image, &volume)).await?;
        if !made {
            return Err(SandboxError::EngineUnavailable {
                doing: "make a container".into(),
                reason: format!("{helper} is taken"),
            });
        }
        let filled = self.fill(&helper, &bytes).await;
        self.remove_container(&helper).await?;
        filled?;
        Ok(volume)
    }

    async fn fill(&self, helper: &str, runner: &[u8]) -> Result<(), SandboxError> {
        let look = ContainerArchiveInfoOptionsBuilder::new().path(RUNNER).build();
        let found = timed("look for the runner", self.engine().get_container_archive_info(helper, Some(look))).await?;
        // The volume's name is the content's digest, so a file of the right length is only ever the whole one.
        if found.is_ok_and(|stat| u64::try_from(stat.size).ok() == u64::try_from(runner.len()).ok()) {
            return Ok(());
        }
        let options = UploadToContainerOptionsBuilder::new().path(RUNNER_DIR).build();
        let body = body_full(archive(runner)?.into());
        call("take the runner", self.engine().upload_to_container(helper, Some(options), body)).await
    }
}

fn archive(runner: &[u8]) -> Result<Vec<u8>, SandboxError> {
    let mut header = tar::Header::new_gnu();
    header.set_size(u64::try_from(runner.len()).unwrap_or(u64::MAX));
    header.set_mode(RUNNER_MODE);
    let mut archive = tar::Builder::new(Vec::new());
    archive
        .append_data(&mut header, "wiz-runner", runner)
        .and_then(|()| archive.into_inner())
        .map_err(|error| SandboxError::Runner { what: format!("it cannot be packed: {error}") })
}

/// A container that is never started; it only lends its volume a path.
fn helper_container(image: &str, volume: &str) -> ContainerCreateBody {
    let mount = Mount {
        typ: Some(MountType::VOLUME),
        source: Some(volume.to_owned()),
        target: Some(RUNNER_DIR.to_owned()),
        ..Default::default()
    };
    let host = HostConfig { network_mode: Some("none".into()), mounts: Some(vec![mount]), ..Default::default() };
    ContainerCreateBody {
        entrypoint: Some(vec![RUNNER.into()]),
        labels: Some([("wiz.role".to_owned(), "upload".to_owned())].into()),
        host_config: Some(host),
        ..plain(image)
    }
}
