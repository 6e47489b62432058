//! Opens the streams of runners, and reads what the engine says of a container.

use bollard::{
    container::LogOutput,
    errors::Error,
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
    models::ContainerInspectResponse,
    query_parameters::{AttachContainerOptionsBuilder, InspectContainerOptions},
};
use bytes::Bytes;
use futures::{Stream, StreamExt};

use super::{
    Docker, SandboxError,
    docker::call,
    docker_create::RUNNER,
    stream::{Pipes, RunnerStream},
    walls::EngineFacts,
};

/// How much of the stream is read at once, in bytes.
const READ_BYTES: usize = 128 * 1024;

impl Docker {
    /// Starts a runner in a box under this uid.
    pub(super) async fn open_runner(&self, container: &str, uid: u32) -> Result<RunnerStream, SandboxError> {
        let options = CreateExecOptions {
            attach_stdin: Some(true),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            cmd: Some(vec![RUNNER.to_owned(), "serve".to_owned()]),
            user: Some(format!("{uid}:{uid}")),
            ..Default::default()
        };
        let exec = call("start a runner", self.engine().create_exec(container, options)).await?;
        let start = StartExecOptions { output_capacity: Some(READ_BYTES), ..Default::default() };
        match call("start a runner", self.engine().start_exec(&exec.id, Some(start))).await? {
            StartExecResults::Attached { output, input } => {
                Ok(RunnerStream::new(Pipes { output: Box::pin(standard_output(output)), input }))
            }
            StartExecResults::Detached => {
                Err(SandboxError::Runner { what: "the engine started it without its streams".into() })
            }
        }
    }

    /// Attaches to the first process of a container that has not been started yet.
    pub(super) async fn attach_runner(&self, container: &str) -> Result<RunnerStream, SandboxError> {
        let options = AttachContainerOptionsBuilder::new().stdin(true).stdout(true).stderr(true).stream(true).build();
        let attached = call("attach to a container", self.engine().attach_container(container, Some(options))).await?;
        Ok(RunnerStream::new(Pipes { output: Box::pin(standard_output(attached.output)), input: attached.input }))
    }

    /// What the engine says a container is.
    pub(super) async fn facts(&self, container: &str) -> Result<EngineFacts, SandboxError> {
        let options = None::<InspectContainerOptions>;
        Ok(facts_of(call("describe a container", self.engine().inspect_container(container, options)).await?))
    }
}

/// Keeps standard output and puts standard error into the log: the runner speaks there only when it fails.
fn standard_output(output: impl Stream<Item = Result<LogOutput, Error>>) -> impl Stream<Item = std::io::Result<Bytes>> {
    output.filter_map(|item| async {
        match item {
            Ok(LogOutput::StdOut { message }) => Some(Ok(message)),
            Ok(LogOutput::StdErr { message } | LogOutput::StdIn { message } | LogOutput::Console { message }) => {
                let text: String = String::from_utf8_lossy(&message).chars().take(500).collect();
                tracing::warn!(text, "a runner complains");
                None
            }
            Err(error) => Some(Err(std::io::Error::other(error))),
        }
    })
}

fn facts_of(container: ContainerInspectResponse) -> EngineFacts {
    let host = container.host_config.unwrap_or_default();
    let state = container.state.unwrap_or_default();
    let mounts = container.mounts.unwrap_or_default();
    let mount = |mount: bollard::models::MountPoint| {
        format!(
            "{} {} {}",
            mount.typ.unwrap_or_default(),
            mount.destination.unwrap_or_default(),
            if mount.rw == Some(false) { "ro" } else { "rw" }
        )
    };
    let mut mounts: Vec<String> = mounts.into_iter().map(mount).collect();
    mounts.sort();
    EngineFacts {
        running: state.running == Some(true),
        paused: state.paused == Some(true),
        image: container.config.and_then(|config| config.image).unwrap_or_default(),
        network_mode: host.network_mode.unwrap_or_default(),
        networks: container
            .network_settings
            .and_then(|settings| settings.networks)
            .map(|networks| networks.into_keys().collect())
            .unwrap_or_default(),
        privileged: host.privileged != Some(false),
        capabilities_dropped: host.cap_drop.unwrap_or_default(),
        capabilities_added: host.cap_add.unwrap_or_default(),
        security_options: host.security_opt.unwrap_or_default(),
        read_only_root: host.readonly_rootfs == Some(true),
        shared_namespaces: [
            ("pid", host.pid_mode),
            ("ipc", host.ipc_mode.filter(|mode| mode != "private")),
            ("uts", host.uts_mode),
            ("userns", host.userns_mode),
        ]
        .into_iter()
        .filter_map(|(name, mode)| mode.filter(|mode| !mode.is_empty()).map(|mode| format!("{name}={mode}")))
        .collect(),
        devices: host.devices.unwrap_or_default().len() + host.device_requests.unwrap_or_default().len(),
        binds: host.binds.unwrap_or_default(),
        mounts,
        memory_bytes: host.memory.unwrap_or(0),
        swap_bytes: host.memory_swap.unwrap_or(0) - host.memory.unwrap_or(0),
        processes: host.pids_limit.unwrap_or(0),
        log_driver: host.log_config.and_then(|config| config.typ).unwrap_or_default(),
        runtime: host.runtime.unwrap_or_default(),
    }
}
