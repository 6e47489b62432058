//! What a box is asked to be.

use std::time::Duration;

use bytes::Bytes;
use wiz_runner::protocol::FileMode;

use super::SandboxError;
use crate::ids::RunId;

/// The uid and gid of commands and of the runner that starts them.
pub const COMMAND_UID: u32 = 65_534;

/// The uid and gid of the box's first process, which commands therefore cannot kill.
pub const KEEPER_UID: u32 = 65_533;

/// Room for the manifest, in bytes: a runner frame's largest body and its replacement beside it.
pub const MANIFEST_BYTES: u64 = 36 * 1024 * 1024;

/// Shared memory, in bytes; test runners and browsers want some.
pub const SHM_BYTES: u64 = 64 * 1024 * 1024;

/// Longest life of a box.
const LONGEST_DEADLINE: Duration = Duration::from_secs(24 * 60 * 60);

/// Which box of which run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BoxKey {
    pub run: RunId,
    /// Lower-case letters, digits and `-`, at most 40: `work-fix`, `verify-base`.
    pub name: String,
}

/// A box to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxSpec {
    pub key: BoxKey,
    /// An image that is on the engine.
    pub image: String,
    pub limits: BoxLimits,
    /// How long the box may live; its own keeper ends it then.
    pub deadline: Duration,
}

/// What a box may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoxLimits {
    /// Memory, which the files of the box count against as well. There is no swap.
    pub memory_bytes: u64,
    /// Thousandths of a processor.
    pub cpu_millis: u32,
    /// Processes and threads.
    pub processes: u32,
    /// Size of the workspace.
    pub workspace_bytes: u64,
    /// Files and folders in the workspace.
    pub workspace_files: u64,
    /// Size of `/tmp`.
    pub tmp_bytes: u64,
    /// Size of the home folder.
    pub home_bytes: u64,
}

impl Default for BoxLimits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            memory_bytes: 2048 * MIB,
            cpu_millis: 2000,
            processes: 256,
            workspace_bytes: 1024 * MIB,
            workspace_files: 200_000,
            tmp_bytes: 256 * MIB,
            home_bytes: 128 * MIB,
        }
    }
}

/// One file to put into a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Relative to the workspace.
    pub path: String,
    pub mode: FileMode,
    /// The file's bytes, or a symlink's target.
    pub content: Bytes,
    /// Git's id of the content; an export compares against it.
    pub blob: String,
}

impl BoxSpec {
    /// Refuses a box that could not work or would weaken a wall.
    pub fn check(&self) -> Result<(), SandboxError> {
        let refuse = |reason: String| Err(SandboxError::BadSpec { reason });
        let BoxLimits { memory_bytes, cpu_millis, processes, workspace_bytes, workspace_files, tmp_bytes, home_bytes } =
            self.limits;
        self.key.check()?;
        // The kernel kills everything, `true` included, in a box whose files alone fill its memory.
        let files = [workspace_bytes, tmp_bytes, home_bytes, SHM_BYTES, MANIFEST_BYTES].iter().sum::<u64>();
        if files > memory_bytes / 4 * 3 {
            return refuse(format!(
                "its files may take {files} of {memory_bytes} bytes of memory, over three quarters"
            ));
        }
        if cpu_millis == 0 || processes < 16 || workspace_files == 0 {
            return refuse("it needs a processor, 16 processes and room for files".into());
        }
        if self.deadline.is_zero() || self.deadline > LONGEST_DEADLINE {
            return refuse("its deadline must lie within a day".into());
        }
        Ok(())
    }
}

impl BoxKey {
    /// Refuses a name that cannot be part of a container's name.
    pub fn check(&self) -> Result<(), SandboxError> {
        let fits = (1..=40).contains(&self.name.len())
            && self.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if fits {
            Ok(())
        } else {
            Err(SandboxError::BadSpec { reason: "its name must be 1 to 40 of a-z, 0-9 and -".into() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_limits_make_a_box_and_silly_ones_do_not() {
        let spec = |change: fn(&mut BoxSpec)| {
            let key = BoxKey { run: RunId(1), name: "work-1".into() };
            let (image, limits) = ("i".into(), BoxLimits::default());
            let mut spec = BoxSpec { key, image, limits, deadline: Duration::from_secs(60) };
            change(&mut spec);
            spec.check()
        };
        assert_eq!(spec(|_| {}), Ok(()));
        let silly: [fn(&mut BoxSpec); 6] = [
            |spec| spec.limits.memory_bytes = spec.limits.workspace_bytes,
            |spec| spec.limits.processes = 4,
            |spec| spec.limits.cpu_millis = 0,
            |spec| spec.deadline = Duration::ZERO,
            |spec| spec.key.name = "a/b".into(),
            |spec| spec.key.name = String::new(),
        ];
        for change in silly {
            assert!(matches!(spec(change), Err(SandboxError::BadSpec { .. })));
        }
    }
}
