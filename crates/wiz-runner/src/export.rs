//! Compares the workspace with the manifest and streams what changed, within caps and without following any symlink.
//!
//! It runs in a box of its own over the paused workspace, mounted read-only, so nothing changes while it reads. It
//! never looks into `.git`: everything there is the box's own invention. What git cannot store (a socket, a pipe) is
//! reported with its mode and without content, and never opened.

use std::{
    collections::HashSet,
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::Path,
    time::{Duration, Instant},
};

use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{AtFlags, openat, readlinkat},
    sys::stat::{FileStat, Mode, SFlag, fstat, fstatat},
};
use sha2::{Digest, Sha256};
use wiz_runner::{
    manifest::{BlobHasher, Manifest, ManifestEntry},
    protocol::{Change, ExportLimits, Fault, Record},
};

use crate::{
    ignored::{Rules, is_cache},
    workspace::{FILE, FOLDER, io_fault, kind, root, shorten, size},
};

/// Deepest nesting of folders; each level holds an open file.
const DEPTH: usize = 100;

/// Largest `.gitignore` that is read, in bytes.
const SMALL_FILE_BYTES: u64 = 64 * 1024;

/// Sends one record on its way.
pub type Send<'a> = &'a dyn Fn(&Record) -> io::Result<()>;

/// Streams all differences through `send` and says how many there were.
pub fn export(manifest: &[u8], limits: &ExportLimits, send: Send<'_>) -> Result<u64, Fault> {
    let Some(manifest) = Manifest::from_bytes(manifest) else {
        return Err(Fault::BadRequest { reason: "the manifest is not understood".into() });
    };
    let mut export = Export {
        tracked_folders: folders_of(&manifest),
        manifest,
        limits,
        send,
        seen: HashSet::new(),
        rules: Rules::built_in(),
        end: Instant::now() + Duration::from_millis(limits.time_ms.min(3_600_000)),
        entries: 0,
        records: 0,
        total_bytes: 0,
    };
    export.folder(root()?, &mut Vec::new(), Ignoring::No)?;
    export.deletions()?;
    Ok(export.records)
}

/// All folders that hold a loaded file, at any depth.
fn folders_of(manifest: &Manifest) -> HashSet<Vec<u8>> {
    let cuts = |path: &Vec<u8>| -> Vec<Vec<u8>> {
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        slashes.filter_map(|(at, _)| path.get(..at).map(<[u8]>::to_vec)).collect()
    };
    manifest.0.keys().flat_map(cuts).collect()
}

/// Whether untracked files below a folder are left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ignoring {
    No,
    Untracked,
}

struct Export<'a> {
    manifest: Manifest,
    tracked_folders: HashSet<Vec<u8>>,
    limits: &'a ExportLimits,
    send: Send<'a>,
    seen: HashSet<Vec<u8>>,
    rules: Rules,
    end: Instant,
    entries: u64,
    records: u64,
    total_bytes: u64,
}

impl Export<'_> {
    fn folder(&mut self, folder: OwnedFd, path: &mut Vec<u8>, ignoring: Ignoring) -> Result<(), Fault> {
        let depth = path.iter().filter(|byte| **byte == b'/').count();
        if depth > DEPTH {
            return Err(Fault::TooLarge { what: format!("folders nested in {}", printable(path)) });
        }
        self.rules.enter(folder.as_fd(), Path::new(OsStr::from_bytes(path)));
        for name in self.names(&folder, path)? {
            let length = path.len();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name.as_bytes());
            self.entry(folder.as_fd(), &name, path, ignoring)?;
            path.truncate(length);
        }
        self.rules.leave();
        Ok(())
    }

    /// The names in a folder, sorted; counted while they are read, so that a million of them cost no memory.
    fn names(&mut self, folder: &OwnedFd, path: &[u8]) -> Result<Vec<OsString>, Fault> {
        let fault = |error: Errno| io_fault(&printable(path), error);
        let again = openat(folder, ".", FOLDER, Mode::empty()).map_err(fault)?;
        let mut names = Vec::new();
        for entry in Dir::from_fd(again).map_err(fault)?.iter() {
            let name = entry.map_err(fault)?.file_name().to_bytes().to_vec();
            if matches!(name.as_slice(), b"." | b".." | b".git") {
                continue;
            }
            self.entries += 1;
            if self.entries > self.limits.entries {
                return Err(Fault::TooLarge { what: format!("the workspace has over {} files", self.limits.entries) });
            }
            names.push(OsString::from_vec(name));
        }
        names.sort();
        self.check_time()?;
        Ok(names)
    }

    fn entry(
        &mut self,
        folder: BorrowedFd<'_>,
        name: &OsStr,
        path: &mut Vec<u8>,
        ignoring: Ignoring,
    ) -> Result<(), Fault> {
        let stat =
            fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW).map_err(|error| io_fault(&printable(path), error))?;
        let is_folder = kind(&stat) == SFlag::S_IFDIR;
        let ignored =
            ignoring == Ignoring::Untracked || self.rules.ignore(Path::new(OsStr::from_bytes(path)), is_folder);
        if is_folder {
            return self.subfolder(folder, name, path, ignored);
        }
        let tracked = self.manifest.0.get(path.as_slice()).cloned();
        if tracked.is_none() && ignored {
            return Ok(());
        }
        if tracked.is_some() {
            self.seen.insert(path.clone());
        }
        self.file(folder, name, path, tracked.as_ref())
    }

    fn subfolder(
        &mut self,
        folder: BorrowedFd<'_>,
        name: &OsStr,
        path: &mut Vec<u8>,
        ignored: bool,
    ) -> Result<(), Fault> {
        let tracked = self.tracked_folders.contains(path.as_slice());
        if ignored && !tracked {
            return Ok(());
        }
        let inner = openat(folder, name, FOLDER, Mode::empty()).map_err(|error| io_fault(&printable(path), error))?;
        let ignored = ignored || is_cache(inner.as_fd());
        if ignored && !tracked {
            return Ok(());
        }
        self.folder(inner, path, if ignored { Ignoring::Untracked } else { Ignoring::No })
    }

    fn file(
        &mut self,
        folder: BorrowedFd<'_>,
        name: &OsStr,
        path: &[u8],
        tracked: Option<&ManifestEntry>,
    ) -> Result<(), Fault> {
        let fault = |error: Errno| io_fault(&printable(path), error);
        let stat = fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW).map_err(fault)?;
        let (mode, content) = match kind(&stat) {
            SFlag::S_IFLNK => {
                let target = readlinkat(folder, name).map_err(fault)?.into_vec();
                (0o120_000, target)
            }
            SFlag::S_IFREG => {
                let file = openat(folder, name, FILE, Mode::empty()).map_err(fault)?;
                let stat = fstat(&file).map_err(fault)?;
                let mode = if stat.st_mode & 0o100 == 0 { 0o100_644 } else { 0o100_755 };
                if tracked.is_some_and(|entry| entry.mode == mode && self.is_unchanged(&file, &stat, entry)) {
                    return self.check_time();
                }
                (mode, self.content(&file, &stat, path)?)
            }
            _ => (stat.st_mode, Vec::new()),
        };
        let unchanged_link =
            tracked.is_some_and(|entry| entry.mode == mode && blob_like(&entry.blob, &content) == entry.blob);
        if mode == 0o120_000 && unchanged_link {
            return Ok(());
        }
        self.record(Record {
            path: path.to_vec(),
            mode,
            change: Change::Written,
            size: u64::try_from(content.len()).unwrap_or(u64::MAX),
            sha256: hex::encode(Sha256::digest(&content)),
            content,
        })
    }

    fn is_unchanged(&self, file: &OwnedFd, stat: &FileStat, entry: &ManifestEntry) -> bool {
        if size(stat) != entry.size {
            return false;
        }
        let Ok(file) = file.try_clone() else { return false };
        let mut hasher = BlobHasher::new(&entry.blob, entry.size);
        let mut file = File::from(file).take(entry.size);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return hasher.finish() == entry.blob,
                Ok(read) => hasher.update(buffer.get(..read).unwrap_or_default()),
                Err(_) => return false,
            }
        }
    }

    /// The whole content of a changed file, refused by its length before a byte is read.
    fn content(&mut self, file: &OwnedFd, stat: &FileStat, path: &[u8]) -> Result<Vec<u8>, Fault> {
        let bytes = size(stat);
        if bytes > self.limits.file_bytes {
            return Err(Fault::TooLarge { what: format!("{} has {bytes} bytes", printable(path)) });
        }
        let io = |error: io::Error| Fault::Io { what: format!("{}: {error}", printable(path)) };
        let mut file = File::from(file.try_clone().map_err(io)?);
        io::Seek::rewind(&mut file).map_err(io)?;
        let mut content = Vec::new();
        file.take(self.limits.file_bytes + 1).read_to_end(&mut content).map_err(io)?;
        if u64::try_from(content.len()) != Ok(bytes) {
            return Err(Fault::Io { what: format!("{} changed while it was read", printable(path)) });
        }
        Ok(content)
    }

    fn deletions(&mut self) -> Result<(), Fault> {
        let mut gone: Vec<Vec<u8>> =
            self.manifest.0.keys().filter(|path| !self.seen.contains(*path)).cloned().collect();
        gone.sort();
        for path in gone {
            self.record(Record {
                path,
                mode: 0,
                change: Change::Deleted,
                size: 0,
                sha256: String::new(),
                content: Vec::new(),
            })?;
        }
        Ok(())
    }

    fn record(&mut self, record: Record) -> Result<(), Fault> {
        self.records += 1;
        self.total_bytes = self.total_bytes.saturating_add(record.size);
        if self.records > self.limits.records {
            return Err(Fault::TooLarge { what: format!("more than {} files changed", self.limits.records) });
        }
        if self.total_bytes > self.limits.total_bytes {
            return Err(Fault::TooLarge { what: format!("changed files have over {} bytes", self.limits.total_bytes) });
        }
        self.check_time()?;
        (self.send)(&record).map_err(|error| Fault::Io { what: format!("cannot send a record: {error}") })
    }

    fn check_time(&self) -> Result<(), Fault> {
        if Instant::now() < self.end {
            return Ok(());
        }
        Err(Fault::TooLarge { what: format!("looking at the workspace took over {} ms", self.limits.time_ms) })
    }
}

fn blob_like(like: &str, content: &[u8]) -> String {
    let mut hasher = BlobHasher::new(like, u64::try_from(content.len()).unwrap_or(u64::MAX));
    hasher.update(content);
    hasher.finish()
}

fn printable(path: &[u8]) -> String {
    let text = String::from_utf8_lossy(path);
    shorten(&text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect::<String>())
}

/// A small regular file in `folder`; `None` when it is missing, large, or anything else.
pub fn small_file(folder: BorrowedFd<'_>, name: &str) -> Option<Vec<u8>> {
    let file = openat(folder, name, FILE, Mode::empty()).ok()?;
    let stat = fstat(&file).ok()?;
    if kind(&stat) != SFlag::S_IFREG || size(&stat) > SMALL_FILE_BYTES {
        return None;
    }
    let mut bytes = Vec::new();
    File::from(file).take(SMALL_FILE_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
