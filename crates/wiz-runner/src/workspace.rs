//! Paths within the workspace, walked part by part from its root and never through a symlink.
//!
//! `O_NOFOLLOW` on every part rather than `openat2`, which not every kernel below a container offers (gVisor does not).

use std::{
    ffi::{OsStr, OsString},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use nix::{
    errno::Errno,
    fcntl::{AtFlags, OFlag, open, openat, readlinkat},
    sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, mkdirat},
};
use wiz_runner::protocol::{Fault, WORKSPACE};

/// Longest path accepted, in bytes; the kernel's own limit.
const PATH_BYTES: usize = 4096;

/// Flags to open a folder for walking.
pub const FOLDER: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Flags to open a file for reading without being held up by a pipe.
pub const FILE: OFlag = OFlag::O_RDONLY.union(OFlag::O_NOFOLLOW).union(OFlag::O_NONBLOCK).union(OFlag::O_CLOEXEC);

/// A name in an open folder of the workspace.
pub struct Place {
    pub folder: OwnedFd,
    pub name: OsString,
    /// The path as asked for, for messages.
    pub path: String,
}

/// Whether missing folders on the way are made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    Refuse,
    Make,
}

/// The workspace's root folder.
pub fn root() -> Result<OwnedFd, Fault> {
    open(WORKSPACE, FOLDER, Mode::empty()).map_err(|error| io_fault(WORKSPACE, error))
}

/// Walks to `path`, which is relative to the workspace or begins with its mount point.
pub fn find(path: &str, missing: Missing) -> Result<Place, Fault> {
    let (folders, name) = parts(path)?;
    let mut folder = root()?;
    for part in folders {
        folder = enter(folder.as_fd(), part, path, missing)?;
    }
    Ok(Place { folder, name: name.into(), path: path.to_owned() })
}

/// Splits a path into its folders and its name, refusing what leads out of the workspace.
pub fn parts(path: &str) -> Result<(Vec<&str>, &str), Fault> {
    let refused = |reason: &str| Fault::PathRefused { path: shorten(path), reason: reason.to_owned() };
    let relative = match path.strip_prefix(WORKSPACE) {
        Some(rest) if rest.starts_with('/') => rest.trim_start_matches('/'),
        _ if path.starts_with('/') => return Err(refused("it is outside the workspace, /work")),
        _ => path,
    };
    if path.len() > PATH_BYTES || path.contains('\0') {
        return Err(refused("no file can have this name"));
    }
    let mut parts: Vec<&str> = relative.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err(refused("it contains `..`"));
    }
    match parts.pop() {
        Some(name) if !relative.ends_with('/') => Ok((parts, name)),
        _ => Err(refused("it names a folder, not a file")),
    }
}

fn enter(folder: BorrowedFd<'_>, part: &str, path: &str, missing: Missing) -> Result<OwnedFd, Fault> {
    match openat(folder, part, FOLDER, Mode::empty()) {
        Ok(next) => Ok(next),
        Err(Errno::ENOENT) if missing == Missing::Make => {
            match mkdirat(folder, part, Mode::from_bits_truncate(0o755)) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(error) => return Err(io_fault(path, error)),
            }
            openat(folder, part, FOLDER, Mode::empty()).map_err(|error| open_fault(folder, part, path, error))
        }
        Err(error) => Err(open_fault(folder, part, path, error)),
    }
}

impl Place {
    /// Opens the file that is here, which must be a regular one.
    pub fn open(&self, flags: OFlag) -> Result<(OwnedFd, FileStat), Fault> {
        let name = self.name.as_os_str();
        let file = openat(&self.folder, name, flags, Mode::empty())
            .map_err(|error| open_fault(self.folder.as_fd(), name, &self.path, error))?;
        let stat = fstat(&file).map_err(|error| io_fault(&self.path, error))?;
        if kind(&stat) == SFlag::S_IFREG {
            return Ok((file, stat));
        }
        let reason = if kind(&stat) == SFlag::S_IFDIR { "it is a folder" } else { "it is no regular file" };
        Err(Fault::PathRefused { path: shorten(&self.path), reason: reason.into() })
    }

    /// What is here now, not followed if it is a symlink; `None` when nothing is.
    pub fn stat(&self) -> Result<Option<FileStat>, Fault> {
        match fstatat(&self.folder, self.name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::ENOENT) => Ok(None),
            Err(error) => Err(io_fault(&self.path, error)),
        }
    }
}

/// The kind of file.
pub fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits())
}

/// A length as `fstat` gives it; a negative one does not exist.
pub fn size(stat: &FileStat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

/// Says in words why `name` could not be opened; a symlink is named with its target.
fn open_fault(folder: BorrowedFd<'_>, name: impl AsRef<OsStr>, path: &str, error: Errno) -> Fault {
    let refused = |reason: String| Fault::PathRefused { path: shorten(path), reason };
    if let Ok(target) = readlinkat(folder, name.as_ref()) {
        let (part, target) = (name.as_ref().to_string_lossy(), target.to_string_lossy().into_owned());
        return refused(format!("`{part}` is a symlink to `{}`; name its target instead", shorten(&target)));
    }
    if error == Errno::ENOENT {
        Fault::NotFound { path: shorten(path) }
    } else if error == Errno::ENOTDIR {
        refused("a part of it is a file, not a folder".into())
    } else if matches!(error, Errno::ENXIO | Errno::ENODEV) {
        refused("it is no regular file".into())
    } else {
        io_fault(path, error)
    }
}

/// A fault for an error of the kernel; a full disk is the box's exhaustion.
pub fn io_fault(path: &str, error: Errno) -> Fault {
    if matches!(error, Errno::ENOSPC | Errno::EDQUOT) {
        Fault::Exhausted { what: "disk".into() }
    } else if error == Errno::ENAMETOOLONG {
        Fault::PathRefused { path: shorten(path), reason: "a part of it is too long for a file name".into() }
    } else {
        Fault::Io { what: format!("{}: {}", shorten(path), error.desc()) }
    }
}

/// At most 200 characters of a path, for messages.
pub fn shorten(path: &str) -> String {
    path.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_in_the_workspace() {
        assert_eq!(parts("a/b.txt"), Ok((vec!["a"], "b.txt")));
        assert_eq!(parts("/work/./a//b.txt"), Ok((vec!["a"], "b.txt")));
        assert_eq!(parts("..a"), Ok((vec![], "..a")));
        for bad in ["", "/", "/work", "/work/", "a/", ".", "..", "a/../b", "/workshop/a", "/etc/passwd", "a\0b"] {
            assert!(matches!(parts(bad), Err(Fault::PathRefused { .. })), "{bad:?}");
        }
        assert!(parts(&"a/".repeat(3000)).is_err());
    }
}
