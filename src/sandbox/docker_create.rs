//! What a box is made of: two containers' descriptions, and the making.
//!
//! Every wall is written down here; [`walls`](super::walls) checks that each really stands.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

use bollard::{
    models::{
        ContainerCreateBody, HealthConfig, HostConfig, HostConfigCgroupnsModeEnum, HostConfigLogConfig, Mount,
        MountType, MountVolumeOptions, ResourcesUlimits, VolumeCreateRequest,
    },
    query_parameters::{CreateContainerOptionsBuilder, StartContainerOptions},
};
use wiz_runner::{manifest::Manifest, protocol::WORKSPACE};

use super::{
    BoxKey, BoxSpec, Docker, OpenBox, SandboxError,
    docker::{Settings, call, engine_error, status_of, timed},
    spec::{COMMAND_UID, KEEPER_UID, MANIFEST_BYTES, SHM_BYTES},
};

/// Where the runner is in every box.
pub const RUNNER_DIR: &str = "/opt/wiz";
pub const RUNNER: &str = "/opt/wiz/wiz-runner";

/// Labels of everything that belongs to a box.
pub const OWNER_LABEL: &str = "wiz.owner";
pub const RUN_LABEL: &str = "wiz.run";
pub const BOX_LABEL: &str = "wiz.box";
pub const ROLE_LABEL: &str = "wiz.role";
/// Seconds since 1970 after which nobody needs the box.
pub const DEADLINE_LABEL: &str = "wiz.deadline";

/// The largest file a command may write; the workspace may be larger than one file should be.
const FILE_SIZE_BYTES: i64 = 1024 * 1024 * 1024;
const OPEN_FILES: i64 = 4096;

/// Memory of an exporter: the manifest, one file, and much room.
const EXPORTER_MEMORY_BYTES: i64 = 512 * 1024 * 1024;

/// What a command finds in its environment beside the image's own: a home, plain output, and the news that there is
/// neither a network nor a person at a terminal.
const ENVIRONMENT: [&str; 11] = [
    "HOME=/home/agent",
    "USER=agent",
    "LANG=C.UTF-8",
    "TERM=dumb",
    "CI=true",
    "PAGER=cat",
    "GIT_PAGER=cat",
    "GIT_TERMINAL_PROMPT=0",
    "CARGO_NET_OFFLINE=true",
    "PIP_NO_INPUT=1",
    "NO_COLOR=1",
];

/// The names of what belongs to one box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    pub container: String,
    pub exporter: String,
    pub volume: String,
}

impl Names {
    /// Names follow from the key, so that a box cannot exist twice.
    pub fn new(owner: &str, key: &BoxKey) -> Self {
        let container = format!("wiz-{owner}-{}-{}", key.run, key.name);
        Self { exporter: format!("{container}-export"), volume: format!("{container}-work"), container }
    }
}

impl Docker {
    /// Makes a fresh box, checks its walls and opens its runner. A box of the same key that is left over is removed.
    pub async fn create(&self, spec: &BoxSpec) -> Result<OpenBox, SandboxError> {
        spec.check()?;
        let runner_volume = self.runner_volume().await?;
        let names = Names::new(&self.settings().owner, &spec.key);
        if !self.try_create(spec, &names, &runner_volume).await? {
            self.remove(&names).await?;
            if !self.try_create(spec, &names, &runner_volume).await? {
                return Err(SandboxError::BadSpec { reason: "another process makes the same box".into() });
            }
        }
        let opened = async {
            self.start_box(&names.container).await?;
            OpenBox::open(self.clone(), spec.key.clone(), names.clone(), Some(Manifest::default())).await
        };
        match opened.await {
            Ok(opened) => Ok(opened),
            Err(error) => {
                // The first error is the one to tell; what cannot be removed now, the sweep removes later.
                self.remove(&names).await.ok();
                Err(error)
            }
        }
    }

    /// Makes container and volume; `false` when the name is taken.
    async fn try_create(&self, spec: &BoxSpec, names: &Names, runner_volume: &str) -> Result<bool, SandboxError> {
        call("make a volume", self.engine().create_volume(workspace_volume(self.settings(), spec, names))).await?;
        let body = box_container(self.settings(), spec, names, runner_volume);
        self.create_container(&names.container, &spec.image, body).await
    }

    /// Makes a container from an image that is there; `false` when the name is taken.
    pub(super) async fn create_container(
        &self,
        name: &str,
        image: &str,
        body: ContainerCreateBody,
    ) -> Result<bool, SandboxError> {
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        let doing = "make a container";
        match timed(doing, self.engine().create_container(Some(options), body)).await? {
            Ok(_) => Ok(true),
            Err(error) if status_of(&error) == Some(409) => Ok(false),
            Err(error) if status_of(&error) == Some(404) => Err(SandboxError::ImageMissing { image: image.to_owned() }),
            Err(error) => Err(engine_error(doing, &error)),
        }
    }

    /// Starts a box. The runner's volume may have been pruned since it was filled; the engine made an empty one then.
    async fn start_box(&self, container: &str) -> Result<(), SandboxError> {
        match self.start(container).await {
            Err(error) if error.to_string().contains(RUNNER) => {
                self.upload_runner().await?;
                self.start(container).await
            }
            result => result,
        }
    }

    pub(super) async fn start(&self, container: &str) -> Result<(), SandboxError> {
        call("start a container", self.engine().start_container(container, None::<StartContainerOptions>)).await
    }
}

/// The workspace: memory with a size, so that no disk fills and nothing outlives the box.
fn workspace_volume(settings: &Settings, spec: &BoxSpec, names: &Names) -> VolumeCreateRequest {
    let options = format!(
        "size={},nr_inodes={},uid={COMMAND_UID},gid={COMMAND_UID},mode=0755,nosuid,nodev",
        spec.limits.workspace_bytes, spec.limits.workspace_files
    );
    let driver_opts = [("type", "tmpfs".to_owned()), ("device", "tmpfs".to_owned()), ("o", options)];
    VolumeCreateRequest {
        name: Some(names.volume.clone()),
        driver: Some("local".into()),
        driver_opts: Some(driver_opts.map(|(key, value)| (key.to_owned(), value)).into()),
        labels: Some(labels(settings, &spec.key, "workspace", spec.deadline)),
        ..Default::default()
    }
}

fn box_container(settings: &Settings, spec: &BoxSpec, names: &Names, runner_volume: &str) -> ContainerCreateBody {
    let limits = &spec.limits;
    let tmpfs = [
        ("/tmp", format!("rw,nosuid,nodev,exec,size={},nr_inodes=65536,mode=1777", limits.tmp_bytes)),
        (
            "/home/agent",
            format!(
                "rw,nosuid,nodev,exec,size={},nr_inodes=65536,uid={COMMAND_UID},gid={COMMAND_UID},mode=0755",
                limits.home_bytes
            ),
        ),
        (
            "/run/wiz",
            format!("rw,nosuid,nodev,noexec,size={MANIFEST_BYTES},uid={KEEPER_UID},gid={KEEPER_UID},mode=0700"),
        ),
    ];
    let host = HostConfig {
        memory: Some(signed(limits.memory_bytes)),
        memory_swap: Some(signed(limits.memory_bytes)),
        nano_cpus: Some(i64::from(limits.cpu_millis) * 1_000_000),
        pids_limit: Some(i64::from(limits.processes)),
        tmpfs: Some(tmpfs.map(|(target, options)| (target.to_owned(), options)).into()),
        mounts: Some(vec![
            mount(&names.volume, WORKSPACE, Access::ReadWrite),
            mount(runner_volume, RUNNER_DIR, Access::ReadOnly),
        ]),
        ..walled(settings)
    };
    let seconds = spec.deadline.as_secs().max(1).to_string();
    ContainerCreateBody {
        user: Some(format!("{KEEPER_UID}:{KEEPER_UID}")),
        entrypoint: Some(vec![RUNNER.into(), "keep".into(), seconds]),
        env: Some(ENVIRONMENT.map(str::to_owned).to_vec()),
        labels: Some(labels(settings, &spec.key, "box", spec.deadline)),
        host_config: Some(host),
        ..plain(&spec.image)
    }
}

/// The exporter: the same walls, the workspace read-only, nothing else that could be written, and no stranger inside.
/// It runs as the owner of the files, because no other uid without capabilities may read all of them.
pub fn exporter_container(
    settings: &Settings,
    key: &BoxKey,
    image: &str,
    volumes: (&str, &str),
    lifetime: Duration,
) -> ContainerCreateBody {
    let (workspace, runner_volume) = volumes;
    let host = HostConfig {
        memory: Some(EXPORTER_MEMORY_BYTES),
        memory_swap: Some(EXPORTER_MEMORY_BYTES),
        nano_cpus: Some(2_000_000_000),
        pids_limit: Some(32),
        mounts: Some(vec![
            mount(workspace, WORKSPACE, Access::ReadOnly),
            mount(runner_volume, RUNNER_DIR, Access::ReadOnly),
        ]),
        ..walled(settings)
    };
    ContainerCreateBody {
        user: Some(format!("{COMMAND_UID}:{COMMAND_UID}")),
        entrypoint: Some(vec![RUNNER.into(), "serve".into()]),
        labels: Some(labels(settings, key, "export", lifetime)),
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        open_stdin: Some(true),
        // When wiz lets go of the stream, the exporter reads the end of its input and is gone.
        stdin_once: Some(true),
        host_config: Some(host),
        ..plain(image)
    }
}

/// The parts of a container that are the same for all: no command, health check or stop signal of the image's.
pub fn plain(image: &str) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(image.to_owned()),
        hostname: Some("box".into()),
        cmd: Some(Vec::new()),
        working_dir: Some(WORKSPACE.into()),
        network_disabled: Some(true),
        healthcheck: Some(HealthConfig { test: Some(vec!["NONE".into()]), ..Default::default() }),
        ..Default::default()
    }
}

/// The walls that box and exporter share.
pub fn walled(settings: &Settings) -> HostConfig {
    let ulimit =
        |name: &str, value: i64| ResourcesUlimits { name: Some(name.into()), soft: Some(value), hard: Some(value) };
    HostConfig {
        network_mode: Some("none".into()),
        cap_drop: Some(vec!["ALL".into()]),
        security_opt: Some(vec!["no-new-privileges".into()]),
        readonly_rootfs: Some(true),
        privileged: Some(false),
        ipc_mode: Some("private".into()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        shm_size: Some(signed(SHM_BYTES)),
        log_config: Some(HostConfigLogConfig { typ: Some("none".into()), config: None }),
        ulimits: Some(vec![ulimit("nofile", OPEN_FILES), ulimit("fsize", FILE_SIZE_BYTES), ulimit("core", 0)]),
        auto_remove: Some(false),
        init: Some(false),
        runtime: settings.runtime.clone(),
        ..Default::default()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    ReadOnly,
    ReadWrite,
}

fn mount(volume: &str, target: &str, access: Access) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(volume.to_owned()),
        target: Some(target.to_owned()),
        read_only: Some(access == Access::ReadOnly),
        volume_options: Some(MountVolumeOptions { no_copy: Some(true), ..Default::default() }),
        ..Default::default()
    }
}

fn labels(settings: &Settings, key: &BoxKey, role: &str, lifetime: Duration) -> HashMap<String, String> {
    let deadline = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().saturating_add(lifetime).as_secs();
    [
        (OWNER_LABEL, settings.owner.clone()),
        (RUN_LABEL, key.run.to_string()),
        (BOX_LABEL, key.name.clone()),
        (ROLE_LABEL, role.to_owned()),
        (DEADLINE_LABEL, deadline.to_string()),
    ]
    .map(|(label, value)| (label.to_owned(), value))
    .into()
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
