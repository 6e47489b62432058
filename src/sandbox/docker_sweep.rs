//! Finds and removes boxes by their labels.

use std::collections::{BTreeSet, HashMap};

use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder, RemoveVolumeOptionsBuilder,
};

use super::{
    BoxKey, Docker, OpenBox, SandboxError,
    docker::{call, engine_error, status_of, timed},
    docker_create::{BOX_LABEL, Names, OWNER_LABEL, ROLE_LABEL, RUN_LABEL},
};
use crate::ids::RunId;

/// How often a volume is tried that a dying container still holds.
const VOLUME_ATTEMPTS: u32 = 20;

impl Docker {
    /// The living box of this key, with a new runner stream; `None` when there is none. For a process that takes over
    /// after another has died.
    pub async fn reattach(&self, key: &BoxKey) -> Result<Option<OpenBox>, SandboxError> {
        key.check()?;
        let names = Names::new(&self.settings().owner, key);
        let facts = match self.facts(&names.container).await {
            Ok(facts) if facts.running => facts,
            Ok(_) | Err(SandboxError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        // Whoever died may have died in the middle of an export.
        self.remove_container(&names.exporter).await?;
        if facts.paused {
            self.set_paused(&names.container, false).await?;
        }
        let container = names.container.clone();
        let open_box = match OpenBox::open(self.clone(), key.clone(), names, None).await {
            Ok(open_box) => open_box,
            // It ended between the look and the call, by its deadline for one.
            Err(error) => match self.facts(&container).await {
                Ok(facts) if facts.running => return Err(error),
                Ok(_) | Err(SandboxError::NotFound { .. }) => return Ok(None),
                Err(_) => return Err(error),
            },
        };
        Ok(if open_box.is_sealed().await? { Some(open_box) } else { None })
    }

    /// Removes all containers and volumes of a run and says how many there were. Nothing is left or nothing happens.
    pub async fn remove_run(&self, run: RunId) -> Result<usize, SandboxError> {
        let filters = self.filters(&[(RUN_LABEL, run.to_string())]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let containers = call("list containers", self.engine().list_containers(Some(options))).await?;
        let mut removed = 0;
        for container in containers.into_iter().filter_map(|container| container.id) {
            removed += usize::from(self.remove_container(&container).await?);
        }
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let volumes = call("list volumes", self.engine().list_volumes(Some(options))).await?;
        for volume in volumes.volumes.unwrap_or_default() {
            self.remove_volume(&volume.name).await?;
            removed += 1;
        }
        Ok(removed)
    }

    /// All boxes of this owner that the engine knows, running or not.
    pub async fn live_boxes(&self) -> Result<Vec<BoxKey>, SandboxError> {
        let filters = self.filters(&[]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let containers = call("list containers", self.engine().list_containers(Some(options))).await?;
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let volumes = call("list volumes", self.engine().list_volumes(Some(options))).await?;
        let labels = containers
            .into_iter()
            .filter_map(|container| container.labels)
            .chain(volumes.volumes.unwrap_or_default().into_iter().map(|volume| volume.labels));
        let keys: BTreeSet<BoxKey> = labels.filter_map(|labels| key_of(&labels)).collect();
        Ok(keys.into_iter().collect())
    }

    fn filters(&self, more: &[(&str, String)]) -> HashMap<String, Vec<String>> {
        let mut labels = vec![format!("{OWNER_LABEL}={}", self.settings().owner), ROLE_LABEL.to_owned()];
        labels.extend(more.iter().map(|(label, value)| format!("{label}={value}")));
        [("label".to_owned(), labels)].into()
    }

    /// Removes a container with all its processes; `false` when there was none.
    pub(super) async fn remove_container(&self, name: &str) -> Result<bool, SandboxError> {
        let doing = "remove a container";
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match timed(doing, self.engine().remove_container(name, Some(options))).await? {
            Ok(()) => Ok(true),
            Err(error) if status_of(&error) == Some(404) => Ok(false),
            // Somebody else is at it, which is as good.
            Err(error) if status_of(&error) == Some(409) && error.to_string().contains("already in progress") => {
                Ok(true)
            }
            Err(error) => Err(engine_error(doing, &error)),
        }
    }

    /// Removes a volume; nothing happens when it is gone.
    pub(super) async fn remove_volume(&self, name: &str) -> Result<(), SandboxError> {
        let doing = "remove a volume";
        let mut attempt = 0;
        loop {
            attempt += 1;
            let options = RemoveVolumeOptionsBuilder::new().force(false).build();
            match timed(doing, self.engine().remove_volume(name, Some(options))).await? {
                Ok(()) => return Ok(()),
                Err(error) if status_of(&error) == Some(404) => return Ok(()),
                Err(error) if status_of(&error) == Some(409) && attempt < VOLUME_ATTEMPTS => {
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
                Err(error) => return Err(engine_error(doing, &error)),
            }
        }
    }
}

fn key_of(labels: &HashMap<String, String>) -> Option<BoxKey> {
    Some(BoxKey { run: labels.get(RUN_LABEL)?.parse().ok()?, name: labels.get(BOX_LABEL)?.clone() })
}
