//! The requests wiz makes of a runner, the runner's replies, and the records that leave a box.
//!
//! A request carries an id and its reply echoes it; many may be in flight at once. What is not text travels in the
//! frame's body, named at each variant.

use serde::{Deserialize, Serialize};

/// Where the workspace is mounted in every box.
pub const WORKSPACE: &str = "/work";

/// Where the runner writes the whole output of commands that said more than a reply carries.
pub const SPOOL_DIR: &str = "/tmp/output";

/// A request or reply with the id that joins the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tagged<T> {
    pub id: u64,
    #[serde(flatten)]
    pub what: T,
}

/// What wiz asks of the runner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Request {
    /// Answers at once, with the body as it came.
    Ping,
    /// Says what the process sees of the walls around it.
    Look,
    /// Runs a shell command and answers when it has ended.
    Run(RunRequest),
    /// Ends the command of another request, as if its time were over.
    Stop { target: u64 },
    /// Kills every process of the runner's uid but the runner.
    KillAll,
    /// Reads a text file; the reply's body is the text.
    Read { path: String, offset_lines: u64, limit_lines: u64 },
    /// Replaces a file by the body, making missing folders.
    Write { path: String },
    /// Replaces `old` (the first `old_bytes` of the body) by `new` (the rest) in a text file.
    Edit { path: String, old_bytes: usize, replace_all: bool },
    /// Puts files into the workspace; the body is their contents, one after the other.
    Load { files: Vec<LoadedFile> },
    /// Keeps the body as the manifest where commands cannot reach it. Only for a runner of the keeper's uid.
    KeepManifest,
    /// Gives the kept manifest back as the reply's body. Only for a runner of the keeper's uid.
    GiveManifest,
    /// Streams the workspace's differences from the manifest in the body, then says how many there were.
    Export { limits: ExportLimits },
}

/// A shell command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRequest {
    /// Text for `/bin/sh -c`.
    pub script: String,
    /// Time after which the command's process group gets TERM and, two seconds later, KILL.
    pub timeout_ms: u64,
    /// Variables beside those of the image.
    pub env: Vec<(String, String)>,
    /// Bytes kept of the beginning of the output, and as many of its end.
    pub keep_bytes: usize,
    /// Output above this many bytes is also written whole (up to a cap) to a file in [`SPOOL_DIR`].
    pub spool_bytes: u64,
}

/// One file of a [`Request::Load`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadedFile {
    pub path: String,
    pub mode: FileMode,
    /// How many bytes of the body are this file's.
    pub bytes: usize,
    /// The bytes continue the file that an earlier request began.
    pub append: bool,
}

/// The kinds of file that git stores and wiz puts into a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileMode {
    Regular,
    Executable,
    Symlink,
}

impl FileMode {
    /// Git's mode of a tree entry, such as `0o100644`.
    pub fn git_mode(self) -> u32 {
        match self {
            Self::Regular => 0o100_644,
            Self::Executable => 0o100_755,
            Self::Symlink => 0o120_000,
        }
    }

    /// The kind that a git mode means; `None` for trees, submodules and everything unknown. `0o100664` is what very
    /// old repositories hold for a regular file.
    pub fn from_git_mode(mode: u32) -> Option<Self> {
        match mode {
            0o100_644 | 0o100_664 => Some(Self::Regular),
            0o100_755 => Some(Self::Executable),
            0o120_000 => Some(Self::Symlink),
            _ => None,
        }
    }
}

/// Caps of an export; the first one passed ends it with [`Fault::TooLarge`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportLimits {
    /// Most files and folders looked at.
    pub entries: u64,
    /// Most changed files.
    pub records: u64,
    /// Most bytes of one changed file.
    pub file_bytes: u64,
    /// Most bytes of all changed files together.
    pub total_bytes: u64,
    /// Most time.
    pub time_ms: u64,
}

/// What the runner answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Reply {
    /// To [`Request::Ping`].
    Pong,
    /// The request is done and there is nothing to say.
    Done,
    /// To [`Request::Look`].
    Looked(Surroundings),
    /// To [`Request::Run`]; the body is the head of the output followed by its tail.
    Ran(Ran),
    /// To [`Request::KillAll`]: how many processes of the uid were still alive after two seconds.
    Killed { left: u32 },
    /// To [`Request::Read`]; the body is the text of the asked lines.
    Text { first_line: u64, total_lines: u64, cut: bool },
    /// To [`Request::Edit`]: how many places were changed.
    Edited { replacements: u64 },
    /// To [`Request::GiveManifest`]; the body is the manifest.
    Manifest,
    /// One of many to [`Request::Export`]; the body is the file's content.
    Record(RecordHeader),
    /// The end of an export, with the number of its records.
    Exported { records: u64 },
    /// The request could not be done.
    Failed(Fault),
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// The shell's exit code or the signal that ended it.
    pub end: RanEnd,
    /// The command was ended from outside: its time was over, or wiz asked for it.
    pub cut_short: Option<CutShort>,
    /// Processes that the kernel killed for want of memory while the command ran.
    pub oom_kills: u64,
    /// The box had no process left to start the command, so every background process was killed first.
    pub cleared_processes: bool,
    /// How many bytes of the reply's body are the head; the rest is the tail.
    pub head_bytes: usize,
    /// All bytes the command wrote while it was watched.
    pub total_bytes: u64,
    /// The file with the whole output, when there is one.
    pub spool: Option<String>,
    /// How long the command ran.
    pub duration_ms: u64,
}

/// How the shell of a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RanEnd {
    Exited(i32),
    Signalled(i32),
    /// It was killed and did not go away; the kernel holds it.
    Stuck,
}

/// Why a command was ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutShort {
    TimedOut,
    Stopped,
}

/// What a process in the box sees of its walls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surroundings {
    pub uid: u32,
    pub gid: u32,
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// The `Cap…` lines of `/proc/self/status` that are not zero.
    pub capabilities: Vec<String>,
    /// `NoNewPrivs` and `Seccomp` of `/proc/self/status`.
    pub no_new_privileges: bool,
    pub seccomp: bool,
    /// Network interfaces.
    pub interfaces: Vec<String>,
    /// Lines of the IPv4 and IPv6 routing tables that do not belong to `lo`.
    pub routes: Vec<String>,
    /// Outside addresses for which the kernel did not say at once that there is no way to them.
    pub ways_out: Vec<String>,
    /// Places outside the workspace, home and `/tmp` where a file could be made.
    pub writable: Vec<String>,
    /// Mounts other than the kernel's own, as `target kind options`.
    pub mounts: Vec<String>,
    /// A process of the same uid could read the runner's memory and take its streams.
    pub runner_exposed: bool,
    /// Processes in the box, by `/proc`.
    pub processes: u32,
    /// Processes that the kernel has killed in this box for want of memory.
    pub oom_kills: u64,
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
pub enum Fault {
    /// The path leads out of the workspace, through a symlink, or to something that is no regular file.
    PathRefused { path: String, reason: String },
    /// There is no such file.
    NotFound { path: String },
    /// The file is not text.
    NotText { path: String },
    /// A cap was passed; `what` names it.
    TooLarge { what: String },
    /// The box is out of processes, disk or memory.
    Exhausted { what: String },
    /// The edit does not apply.
    Edit(crate::edit::EditFault),
    /// The request makes no sense to this runner.
    BadRequest { reason: String },
    /// The kernel refused something else.
    Io { what: String },
}

/// Whether a file is there with new content or mode, or gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Written,
    Deleted,
}

/// A [`Record`] without its content, as it travels in a frame's header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordHeader {
    /// Raw bytes of the path relative to the workspace; hexadecimal in JSON, because names need not be UTF-8.
    #[serde(with = "hex::serde")]
    pub path: Vec<u8>,
    pub mode: u32,
    pub change: Change,
    pub size: u64,
    pub sha256: String,
}

/// One changed file as a box reports it. Nothing in it is to be believed but `content` itself: who uses a record checks
/// path, mode and digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Raw bytes of the path relative to the workspace.
    pub path: Vec<u8>,
    /// `0o100644`, `0o100755` or `0o120000` as git counts; the file's whole mode when it is something git cannot
    /// store (a socket, a pipe); `0` when deleted.
    pub mode: u32,
    pub change: Change,
    /// Length of `content`.
    pub size: u64,
    /// SHA-256 of `content`, lower-case hexadecimal; empty when deleted.
    pub sha256: String,
    /// The file's bytes, or the target of a symlink. Empty for what git cannot store.
    pub content: Vec<u8>,
}

impl Record {
    /// Joins a header with the body of its frame.
    pub fn from_parts(header: RecordHeader, content: Vec<u8>) -> Self {
        let RecordHeader { path, mode, change, size, sha256 } = header;
        Self { path, mode, change, size, sha256, content }
    }

    /// The header that travels with the content.
    pub fn header(&self) -> RecordHeader {
        RecordHeader {
            path: self.path.clone(),
            mode: self.mode,
            change: self.change,
            size: self.size,
            sha256: self.sha256.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_header_is_refused_or_understood_without_panic(text in "\\PC{0,200}") {
            let refused = serde_json::from_str::<Tagged<Request>>(&text).is_err();
            prop_assert!(refused || text.contains("ask"));
        }

        #[test]
        fn a_record_keeps_any_path(path in prop::collection::vec(any::<u8>(), 0..50)) {
            let record = Record {
                path, mode: 0o100_644, change: Change::Written, size: 1, sha256: "00".into(), content: vec![7],
            };
            let json = serde_json::to_vec(&Tagged { id: 3, what: Reply::Record(record.header()) }).unwrap();
            let Tagged { id: 3, what: Reply::Record(header) } = serde_json::from_slice(&json).unwrap() else {
                return Err(TestCaseError::fail("another reply came back"));
            };
            prop_assert_eq!(Record::from_parts(header, vec![7]), record);
        }
    }

    #[test]
    fn requests_read_well_on_the_wire() {
        let request = Tagged { id: 1, what: Request::Read { path: "a".into(), offset_lines: 0, limit_lines: 9 } };
        assert_eq!(
            serde_json::to_string(&request).unwrap(),
            r#"{"id":1,"ask":"read","path":"a","offset_lines":0,"limit_lines":9}"#
        );
    }
}
