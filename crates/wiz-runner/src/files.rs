//! Reads, writes and edits files of the workspace, loads the first ones, and keeps the manifest.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    os::fd::{AsFd, OwnedFd},
    sync::atomic::{AtomicU64, Ordering},
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, openat, renameat},
    sys::stat::{Mode, SFlag, fchmod},
    unistd::{UnlinkatFlags, symlinkat, unlinkat},
};
use wiz_runner::{
    edit,
    frame::MAX_BODY_BYTES,
    protocol::{Fault, FileMode, LoadedFile, Reply},
};

use crate::workspace::{FILE, Missing, Place, find, io_fault, kind, shorten, size};

/// Largest file that `read` and `edit` look at, in bytes.
const TEXT_FILE_BYTES: u64 = 32 * 1024 * 1024;

/// Most text one `read` answers, in bytes.
const READ_BYTES: usize = 256 * 1024;

/// Where the manifest is kept: a small tmpfs that only the keeper's uid may enter.
const MANIFEST: &str = "/run/wiz/manifest";

/// Lines `offset` (counted from 0) to `offset + limit` of a text file, cut at a cap.
pub fn read(path: &str, offset_lines: u64, limit_lines: u64) -> Result<(Reply, String), Fault> {
    let text = text_of(&find(path, Missing::Refuse)?)?;
    let mut part = String::new();
    let mut cut = false;
    let mut total_lines = 0;
    for (index, line) in (0_u64..).zip(text.split_inclusive('\n')) {
        total_lines = index + 1;
        if index < offset_lines || index - offset_lines >= limit_lines || cut {
            continue;
        }
        let room = READ_BYTES - part.len();
        cut = line.len() > room;
        part.push_str(line.get(..line.floor_char_boundary(room.min(line.len()))).unwrap_or_default());
    }
    Ok((Reply::Text { first_line: offset_lines.saturating_add(1), total_lines, cut }, part))
}

fn text_of(place: &Place) -> Result<String, Fault> {
    let (file, stat) = place.open(FILE)?;
    if size(&stat) > TEXT_FILE_BYTES {
        return Err(Fault::TooLarge { what: format!("{} ({} bytes)", shorten(&place.path), size(&stat)) });
    }
    let mut bytes = Vec::new();
    File::from(file).take(TEXT_FILE_BYTES).read_to_end(&mut bytes).map_err(|error| fault(&place.path, &error))?;
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(text),
        Ok(_) | Err(_) => Err(Fault::NotText { path: shorten(&place.path) }),
    }
}

/// Replaces a file whole or not at all, keeping the mode of the one that was there.
pub fn write(path: &str, content: &[u8]) -> Result<(), Fault> {
    replace(&find(path, Missing::Make)?, content)
}

/// Replaces a piece of a text file; see [`edit::edit`].
pub fn edit(path: &str, body: &[u8], old_bytes: usize, replace_all: bool) -> Result<u64, Fault> {
    let pieces = body
        .split_at_checked(old_bytes)
        .and_then(|(old, new)| Some((std::str::from_utf8(old).ok()?, std::str::from_utf8(new).ok()?)));
    let Some((old, new)) = pieces else {
        return Err(Fault::BadRequest { reason: "`old` and `new` must be UTF-8".into() });
    };
    let place = find(path, Missing::Refuse)?;
    let text = text_of(&place)?;
    let (text, replacements) = edit::edit(&text, old, new, replace_all).map_err(Fault::Edit)?;
    replace(&place, text.as_bytes())?;
    Ok(replacements)
}

fn replace(place: &Place, content: &[u8]) -> Result<(), Fault> {
    let mode = match place.stat()? {
        None => 0o644,
        // Opening says why not, in words.
        Some(stat) if kind(&stat) != SFlag::S_IFREG => return place.open(FILE).map(drop),
        Some(stat) => stat.st_mode & 0o777,
    };
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let beside = format!(".wiz-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let fresh = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let written = (|| {
        let file = openat(&place.folder, beside.as_str(), fresh, Mode::from_bits_truncate(0o600))
            .map_err(|error| io_fault(&place.path, error))?;
        fill(&place.path, &file, content)?;
        fchmod(file.as_fd(), Mode::from_bits_truncate(mode)).map_err(|error| io_fault(&place.path, error))?;
        renameat(&place.folder, beside.as_str(), &place.folder, place.name.as_os_str())
            .map_err(|error| io_fault(&place.path, error))
    })();
    if written.is_err() {
        // Half a file under a strange name would end up in the export; if even this fails, it does and is seen there.
        unlinkat(&place.folder, beside.as_str(), UnlinkatFlags::NoRemoveDir).ok();
    }
    written
}

fn fill(path: &str, file: &OwnedFd, content: &[u8]) -> Result<(), Fault> {
    let mut file = File::from(file.try_clone().map_err(|error| fault(path, &error))?);
    file.seek(SeekFrom::End(0)).and_then(|_| file.write_all(content)).map_err(|error| fault(path, &error))
}

/// Puts files into the workspace; `body` holds their contents in order.
pub fn load(files: &[LoadedFile], body: &[u8]) -> Result<(), Fault> {
    let mut rest = body;
    for file in files {
        let Some((content, after)) = rest.split_at_checked(file.bytes) else {
            return Err(Fault::BadRequest { reason: "the body is shorter than its files".into() });
        };
        rest = after;
        load_one(file, content)?;
    }
    Ok(())
}

fn load_one(file: &LoadedFile, content: &[u8]) -> Result<(), Fault> {
    let place = find(&file.path, Missing::Make)?;
    let name = place.name.as_os_str();
    let mode = match file.mode {
        FileMode::Regular => 0o644,
        FileMode::Executable => 0o755,
        FileMode::Symlink => {
            let target = std::str::from_utf8(content)
                .map_err(|_| Fault::BadRequest { reason: "a symlink's target is not UTF-8".into() })?;
            return symlinkat(target, &place.folder, name).map_err(|error| io_fault(&file.path, error));
        }
    };
    let how = if file.append { OFlag::O_APPEND } else { OFlag::O_CREAT | OFlag::O_EXCL };
    let flags = OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | how;
    let opened = openat(&place.folder, name, flags, Mode::from_bits_truncate(mode))
        .map_err(|error| io_fault(&file.path, error))?;
    fill(&file.path, &opened, content)?;
    fchmod(opened.as_fd(), Mode::from_bits_truncate(mode)).map_err(|error| io_fault(&file.path, error))
}

/// Stores the manifest where the uid of commands cannot reach it.
pub fn keep_manifest(bytes: &[u8]) -> Result<(), Fault> {
    let beside = format!("{MANIFEST}.new");
    fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, MANIFEST)).map_err(|error| fault(MANIFEST, &error))
}

/// Gives back what [`keep_manifest`] stored.
pub fn give_manifest() -> Result<Vec<u8>, Fault> {
    match fs::read(MANIFEST) {
        Ok(bytes) if bytes.len() <= MAX_BODY_BYTES => Ok(bytes),
        Ok(_) => Err(Fault::TooLarge { what: "the manifest".into() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Fault::NotFound { path: MANIFEST.into() }),
        Err(error) => Err(fault(MANIFEST, &error)),
    }
}

fn fault(path: &str, error: &io::Error) -> Fault {
    match error.raw_os_error() {
        Some(code) => io_fault(path, Errno::from_raw(code)),
        None => Fault::Io { what: format!("{}: {error}", shorten(path)) },
    }
}
