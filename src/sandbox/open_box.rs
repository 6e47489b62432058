//! A box that stands and listens.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Mutex;
use wiz_runner::{
    manifest::{Manifest, ManifestEntry},
    protocol::{LoadedFile, Reply, Request, RunRequest, Surroundings},
};

use super::{
    BoxKey, Command, CommandEnd, CommandOutcome, Docker, Output, SandboxError, SourceFile,
    command::KEEP_BYTES,
    docker_create::Names,
    spec::{COMMAND_UID, KEEPER_UID},
    stream::{RunnerStream, StreamError, strange_reply},
    walls,
};
use crate::limits::TOOL_OUTPUT_CHARS;

/// Longest wait for an answer that needs no command to end.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// What a command may take beyond its own timeout until its outcome is here: the runner's two times of grace and a busy
/// machine. After this the runner is taken for dead.
const COMMAND_GRACE: Duration = Duration::from_secs(15);

/// How often the runner of one box is started again after its commands killed it.
const RUNNER_RESTARTS: u32 = 8;

/// How many bytes of files travel in one frame.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// How many files travel in one frame.
const BATCH_FILES: usize = 2000;

/// A box whose walls have been checked and whose runner listens. Many operations may be under way at once.
pub struct OpenBox {
    pub(super) docker: Docker,
    key: BoxKey,
    pub(super) names: Names,
    stream: Mutex<Arc<RunnerStream>>,
    restarts: AtomicU32,
    oom_kills: AtomicU64,
    /// What was loaded; `None` in a reattached box until the keeper is asked.
    manifest: Mutex<Option<Manifest>>,
}

/// Some lines of a text file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileText {
    pub text: String,
    /// Number of the first line of `text`, counted from 1.
    pub first_line: u64,
    /// Lines in the whole file.
    pub total_lines: u64,
    /// The asked lines were more than one answer carries.
    pub cut: bool,
}

/// An edit that was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EditOutcome {
    /// How many places were changed.
    pub replacements: u64,
}

impl OpenBox {
    /// Opens the runner of a box that runs, and checks all walls. `manifest` is what is known to be loaded; without it the
    /// keeper is asked.
    pub(super) async fn open(
        docker: Docker,
        key: BoxKey,
        names: Names,
        manifest: Option<Manifest>,
    ) -> Result<Self, SandboxError> {
        let stream = docker.open_runner(&names.container, COMMAND_UID).await?;
        let (facts, inside) = tokio::try_join!(docker.facts(&names.container), look(&stream))?;
        walls::judge(&facts, &inside, docker.settings().runtime.as_deref())?;
        Ok(Self {
            docker,
            key,
            names,
            stream: Mutex::new(Arc::new(stream)),
            restarts: AtomicU32::new(0),
            oom_kills: AtomicU64::new(inside.oom_kills),
            manifest: Mutex::new(manifest),
        })
    }

    /// Which box this is.
    pub fn key(&self) -> &BoxKey {
        &self.key
    }

    /// Puts files into the workspace, which must not have them yet, and notes them as what an export compares against.
    /// The box is found by [`Docker::reattach`] only once it is [sealed](Self::seal).
    pub async fn load(&self, files: Vec<SourceFile>) -> Result<(), SandboxError> {
        let mut manifest = self.manifest.lock().await;
        let mut all = manifest.take().unwrap_or_default();
        all.0.extend(files.iter().map(|file| {
            let size = u64::try_from(file.content.len()).unwrap_or(u64::MAX);
            let entry = ManifestEntry { mode: file.mode.git_mode(), size, blob: file.blob.clone() };
            (file.path.clone().into_bytes(), entry)
        }));
        self.send_files(&files).await?;
        *manifest = Some(all);
        Ok(())
    }

    /// Says that the box is complete: everything that belongs into it before the work begins is there. A box that was
    /// left before that is never gone on in.
    pub async fn seal(&self) -> Result<(), SandboxError> {
        let manifest = self.manifest.lock().await.clone().unwrap_or_default();
        self.keep_manifest(&manifest).await
    }

    /// Whether the box was sealed.
    pub(super) async fn is_sealed(&self) -> Result<bool, SandboxError> {
        match self.manifest().await {
            Ok(_) => Ok(true),
            Err(SandboxError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn send_files(&self, files: &[SourceFile]) -> Result<(), SandboxError> {
        let stream = self.stream().await;
        let mut batch = (Vec::new(), Vec::new());
        for file in files {
            let mut pieces = file.content.chunks(BATCH_BYTES).peekable();
            let mut append = false;
            loop {
                let piece = pieces.next().unwrap_or_default();
                if batch.1.len() + piece.len() > BATCH_BYTES || batch.0.len() >= BATCH_FILES {
                    send_batch(&stream, std::mem::take(&mut batch)).await?;
                }
                batch.0.push(LoadedFile { path: file.path.clone(), mode: file.mode, bytes: piece.len(), append });
                batch.1.extend_from_slice(piece);
                append = true;
                if pieces.peek().is_none() {
                    break;
                }
            }
        }
        send_batch(&stream, batch).await
    }

    async fn keep_manifest(&self, manifest: &Manifest) -> Result<(), SandboxError> {
        let keeper = self.docker.open_runner(&self.names.container, KEEPER_UID).await?;
        keeper.demand(Request::KeepManifest, &manifest.to_bytes(), ANSWER_TIMEOUT, "keep the manifest").await?;
        Ok(())
    }

    /// What was loaded, from memory or, in a reattached box, from the keeper.
    pub(super) async fn manifest(&self) -> Result<Manifest, SandboxError> {
        let mut known = self.manifest.lock().await;
        if let Some(manifest) = known.as_ref() {
            return Ok(manifest.clone());
        }
        let keeper = self.docker.open_runner(&self.names.container, KEEPER_UID).await?;
        let manifest = match keeper.demand(Request::GiveManifest, &[], ANSWER_TIMEOUT, "give the manifest").await {
            Ok((_, bytes)) => Manifest::from_bytes(&bytes)
                .ok_or_else(|| SandboxError::Runner { what: "it gave a manifest that makes no sense".into() })?,
            Err(error) => return Err(error),
        };
        *known = Some(manifest.clone());
        Ok(manifest)
    }

    /// Runs a command in the workspace. A command that fails, hangs or kills the runner is an outcome, not an error.
    /// When the caller gives up waiting, the command is ended.
    pub async fn run(&self, command: &Command) -> Result<CommandOutcome, SandboxError> {
        let stream = self.stream().await;
        let request = Request::Run(RunRequest {
            script: command.script.clone(),
            timeout_ms: u64::try_from(command.timeout.as_millis()).unwrap_or(u64::MAX),
            env: command.env.clone(),
            keep_bytes: KEEP_BYTES,
            spool_bytes: u64::try_from(TOOL_OUTPUT_CHARS).unwrap_or(u64::MAX),
        });
        let start = tokio::time::Instant::now();
        match stream.answer(request, &[], command.timeout.saturating_add(COMMAND_GRACE)).await {
            Ok((Reply::Ran(ran), body)) => Ok(CommandOutcome::from_ran(ran, body)),
            Ok((reply, _)) => Err(strange_reply(&reply)),
            Err(StreamError::TooLarge(what)) => Err(SandboxError::TooLarge { what }),
            Err(StreamError::Lost | StreamError::Timeout) => {
                let out_of_memory = self.restart_runner(&stream).await?;
                let end = if out_of_memory { CommandEnd::OutOfMemory } else { CommandEnd::RunnerKilled };
                let (output, duration) = (Output::default(), start.elapsed());
                Ok(CommandOutcome { end, output, duration, cleared_processes: true })
            }
        }
    }

    /// Lines `offset_lines` (counted from 0) to `offset_lines + limit_lines` of a text file; all without them.
    pub async fn read(
        &self,
        path: &str,
        offset_lines: Option<u64>,
        limit_lines: Option<u64>,
    ) -> Result<FileText, SandboxError> {
        let offset_lines = offset_lines.unwrap_or(0);
        let request =
            Request::Read { path: path.to_owned(), offset_lines, limit_lines: limit_lines.unwrap_or(u64::MAX) };
        match self.demand(request, &[], "read a file").await? {
            (Reply::Text { first_line, total_lines, cut }, body) => {
                Ok(FileText { text: String::from_utf8_lossy(&body).into_owned(), first_line, total_lines, cut })
            }
            (reply, _) => Err(strange_reply(&reply)),
        }
    }

    /// Replaces a file whole or not at all, making missing folders and keeping the mode of the file that was there.
    pub async fn write(&self, path: &str, content: &[u8]) -> Result<(), SandboxError> {
        match self.demand(Request::Write { path: path.to_owned() }, content, "write a file").await? {
            (Reply::Done, _) => Ok(()),
            (reply, _) => Err(strange_reply(&reply)),
        }
    }

    /// Replaces `old`, which must be in the file exactly once unless `replace_all`, by `new`.
    pub async fn edit(&self, path: &str, old: &str, new: &str, replace_all: bool) -> Result<EditOutcome, SandboxError> {
        let request = Request::Edit { path: path.to_owned(), old_bytes: old.len(), replace_all };
        match self.demand(request, [old, new].concat().as_bytes(), "edit a file").await? {
            (Reply::Edited { replacements }, _) => Ok(EditOutcome { replacements }),
            (reply, _) => Err(strange_reply(&reply)),
        }
    }

    /// Ends every process that commands have left behind.
    pub async fn kill_all(&self) -> Result<(), SandboxError> {
        match self.demand(Request::KillAll, &[], "kill all processes").await? {
            (Reply::Killed { left: 0 }, _) => Ok(()),
            (Reply::Killed { left }, _) => {
                Err(SandboxError::Runner { what: format!("{left} processes could not be killed") })
            }
            (reply, _) => Err(strange_reply(&reply)),
        }
    }

    /// What a process in the box sees of its walls now.
    pub async fn look(&self) -> Result<Surroundings, SandboxError> {
        match self.demand(Request::Look, &[], "look around").await? {
            (Reply::Looked(inside), _) => Ok(inside),
            (reply, _) => Err(strange_reply(&reply)),
        }
    }

    /// Asks the runner for nothing but an answer.
    pub async fn ping(&self) -> Result<(), SandboxError> {
        self.demand(Request::Ping, &[], "answer").await.map(drop)
    }

    /// Removes the box and everything in it.
    pub async fn close(self) -> Result<(), SandboxError> {
        let Self { docker, names, stream, .. } = self;
        drop(stream);
        docker.remove(&names).await
    }

    /// Asks the runner, once more with a new one if commands have killed the old.
    async fn demand(
        &self,
        request: Request,
        body: &[u8],
        doing: &'static str,
    ) -> Result<(Reply, Vec<u8>), SandboxError> {
        let stream = self.stream().await;
        let (reply, body) = match stream.answer(request.clone(), body, ANSWER_TIMEOUT).await {
            Err(StreamError::Lost | StreamError::Timeout) => {
                self.restart_runner(&stream).await?;
                let stream = self.stream().await;
                stream.demand(request, body, ANSWER_TIMEOUT, doing).await?
            }
            answer => answer.map_err(|error| error.into_error(doing))?,
        };
        if let Reply::Failed(fault) = reply { Err(fault.into()) } else { Ok((reply, body)) }
    }

    async fn stream(&self) -> Arc<RunnerStream> {
        Arc::clone(&*self.stream.lock().await)
    }

    /// Replaces a runner that died or was stopped, killing whatever else runs in the box. Says whether the kernel has
    /// killed for want of memory since somebody last looked.
    async fn restart_runner(&self, dead: &Arc<RunnerStream>) -> Result<bool, SandboxError> {
        let mut current = self.stream.lock().await;
        if !Arc::ptr_eq(&current, dead) {
            return Ok(false);
        }
        if self.restarts.fetch_add(1, Ordering::Relaxed) >= RUNNER_RESTARTS {
            return Err(SandboxError::BoxDied { reason: "its commands killed its runner again and again".into() });
        }
        let died = |error: SandboxError| SandboxError::BoxDied { reason: error.to_string() };
        self.docker.set_paused(&self.names.container, false).await.map_err(died)?;
        let stream = self.docker.open_runner(&self.names.container, COMMAND_UID).await.map_err(died)?;
        stream.demand(Request::KillAll, &[], ANSWER_TIMEOUT, "kill all processes").await.map_err(died)?;
        let inside = look(&stream).await.map_err(died)?;
        *current = Arc::new(stream);
        Ok(inside.oom_kills > self.oom_kills.swap(inside.oom_kills, Ordering::Relaxed))
    }
}

async fn send_batch(stream: &RunnerStream, batch: (Vec<LoadedFile>, Vec<u8>)) -> Result<(), SandboxError> {
    let (files, contents) = batch;
    if files.is_empty() {
        return Ok(());
    }
    match stream.demand(Request::Load { files }, &contents, ANSWER_TIMEOUT, "load files").await? {
        (Reply::Done, _) => Ok(()),
        (reply, _) => Err(strange_reply(&reply)),
    }
}

async fn look(stream: &RunnerStream) -> Result<Surroundings, SandboxError> {
    match stream.demand(Request::Look, &[], ANSWER_TIMEOUT, "look around").await? {
        (Reply::Looked(inside), _) => Ok(inside),
        (reply, _) => Err(strange_reply(&reply)),
    }
}
