//! From the archive of a workflow run's logs, as GitHub serves it, to the log of one of its jobs.
//!
//! Strangers decide what stands in the archive, down to the names of its files. Names are only compared, nothing is
//! allocated by what the archive says of itself, and whatever it holds is read to a fixed length.

use std::io::Read;

use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveEntryWayfinder, ZipSliceArchive};

use crate::limits;

/// GitHub cuts the names of jobs to so many UTF-16 units when it makes paths of them, and leaves out what Windows does
/// not allow there. Neither is documented; its own command line tool has found out:
/// <https://github.com/cli/cli/blob/trunk/pkg/cmd/run/view/logs.go>
const NAME_UNITS: usize = 90;
const LEFT_OUT: &str = "/\\:*?\"<>|";

/// A name of which so many letters and digits are left was cut at most there; a shorter one is whole.
const CUT_CHARS: usize = 60;

/// How the log of a job that failed shows it.
const ERROR: &str = "##[error]";

const CHUNK_BYTES: usize = 64 * 1024;

/// How much of an archive is looked at.
#[derive(Clone, Copy)]
struct Caps {
    entries: usize,
    /// Of all files together, unpacked, so that many small bombs are none either.
    bytes: usize,
}

const CAPS: Caps = Caps { entries: limits::LOG_ARCHIVE_ENTRIES, bytes: limits::LOG_BYTES };

/// Why an archive has no log of a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoLog {
    #[error("the archive cannot be read: {0}")]
    Broken(String),
    #[error("the archive has too many files")]
    Crowded,
    #[error("the archive has no log of this job")]
    Absent,
}

/// The end of the log of the job with this name. Of several jobs with the same name it is the log of one that failed.
pub fn log_in_archive(archive: &[u8], job: &str) -> Result<String, NoLog> {
    log_within(CAPS, archive, job)
}

fn log_within(caps: Caps, archive: &[u8], job: &str) -> Result<String, NoLog> {
    let archive = ZipArchive::from_slice(archive).map_err(broken)?;
    let found = find(&archive, job, caps.entries)?;
    let mut left = caps.bytes;
    let mut first = None;
    for entry in &found.jobs {
        let mut log = Tail::default();
        read(&archive, *entry, (&mut left, &mut log))?;
        let log = log.text();
        if log.contains(ERROR) {
            return Ok(log);
        }
        first = first.or_else(|| is_said(&log).then_some(log));
    }
    if let Some(log) = first {
        return Ok(log);
    }
    let mut log = Tail::default();
    for (_, entry) in &found.steps {
        read(&archive, *entry, (&mut left, &mut log))?;
    }
    let log = log.text();
    if is_said(&log) { Ok(log) } else { Err(NoLog::Absent) }
}

fn broken(error: impl std::fmt::Display) -> NoLog {
    NoLog::Broken(error.to_string())
}

fn is_said(log: &str) -> bool {
    !log.trim_start_matches('\u{feff}').trim().is_empty()
}

#[derive(Clone, Copy)]
struct Entry {
    at: ZipArchiveEntryWayfinder,
    method: CompressionMethod,
}

/// The files of a job: its whole log, and the logs of its steps in their order.
#[derive(Default)]
struct Found {
    jobs: Vec<Entry>,
    steps: Vec<(u32, Entry)>,
}

impl Found {
    fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.steps.is_empty()
    }
}

/// By the name that GitHub makes of the job's, or else by the only one that has the same letters and digits: what else
/// becomes of a name nobody knows for sure.
fn find(archive: &ZipSliceArchive<&[u8]>, job: &str, most: usize) -> Result<Found, NoLog> {
    let (path_name, letters) = (path_name(job), letters(job));
    let (mut exact, mut alike) = (Found::default(), Found::default());
    let mut names_alike: Option<String> = None;
    let mut is_ambiguous = false;
    for (number, entry) in archive.entries().enumerate() {
        if number >= most {
            return Err(NoLog::Crowded);
        }
        let entry = entry.map_err(broken)?;
        let path = entry.file_path();
        let Some((name, place)) = std::str::from_utf8(path.as_bytes()).ok().and_then(place) else { continue };
        let into = if name.trim_end_matches('\u{fffd}') == path_name {
            &mut exact
        } else if is_alike(name, &letters) {
            is_ambiguous |= names_alike.as_deref().is_some_and(|other| other != name);
            names_alike = Some(name.to_owned());
            &mut alike
        } else {
            continue;
        };
        let entry = Entry { at: entry.wayfinder(), method: entry.compression_method() };
        match place {
            Place::Job => into.jobs.push(entry),
            Place::Step(number) => into.steps.push((number, entry)),
        }
    }
    let mut found = if exact.is_empty() && !is_ambiguous { alike } else { exact };
    found.steps.sort_by_key(|(number, _)| *number);
    if found.is_empty() { Err(NoLog::Absent) } else { Ok(found) }
}

/// What a file of the archive is the log of.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    Job,
    /// The number of the step.
    Step(u32),
}

/// `0_build.txt` at the root is the log of the job `build`, `build/2_Run make.txt` that of its second step. Logs from
/// an older service of GitHub's have a negative number.
fn place(path: &str) -> Option<(&str, Place)> {
    let path = path.strip_suffix(".txt")?;
    match path.split_once('/') {
        None => {
            let (number, name) = path.split_once('_')?;
            number.parse::<i64>().ok().map(|_| (name, Place::Job))
        }
        Some((name, step)) => {
            let (number, _) = step.split_once('_')?;
            number.parse().ok().map(|number| (name, Place::Step(number)))
        }
    }
}

fn path_name(job: &str) -> String {
    let mut units = 0;
    let kept = job.chars().filter(|c| !c.is_control() && !LEFT_OUT.contains(*c)).take_while(|c| {
        units += c.len_utf16();
        units <= NAME_UNITS
    });
    kept.collect::<String>().trim().to_owned()
}

fn letters(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).collect()
}

fn is_alike(name: &str, letters_of_job: &str) -> bool {
    let letters = letters(name);
    !letters.is_empty()
        && (letters == letters_of_job || (letters.chars().count() >= CUT_CHARS && letters_of_job.starts_with(&letters)))
}

/// Reads one file as far as there is anything `left` to be read.
fn read(archive: &ZipSliceArchive<&[u8]>, entry: Entry, (left, log): (&mut usize, &mut Tail)) -> Result<(), NoLog> {
    let packed = archive.get_entry(entry.at).map_err(broken)?;
    let mut content: Box<dyn Read + '_> = match entry.method {
        CompressionMethod::STORE => Box::new(packed.data()),
        CompressionMethod::DEFLATE => Box::new(DeflateDecoder::new(packed.data())),
        other => return Err(broken(format_args!("a file is packed by method {}", other.as_u16()))),
    };
    let mut chunk = vec![0; CHUNK_BYTES];
    while *left > 0 {
        let most = CHUNK_BYTES.min(*left);
        match content.read(&mut chunk[..most]).map_err(broken)? {
            0 => break,
            read => {
                *left -= read;
                log.push(&chunk[..read]);
            }
        }
    }
    Ok(())
}

/// The end of what was read, at most [`limits::LOG_TAIL_BYTES`].
#[derive(Default)]
struct Tail {
    bytes: Vec<u8>,
}

impl Tail {
    fn push(&mut self, more: &[u8]) {
        self.bytes.extend_from_slice(more);
        if self.bytes.len() > 2 * limits::LOG_TAIL_BYTES {
            self.bytes.drain(..self.bytes.len() - limits::LOG_TAIL_BYTES);
        }
    }

    fn text(mut self) -> String {
        self.bytes.drain(..self.bytes.len().saturating_sub(limits::LOG_TAIL_BYTES));
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

#[cfg(test)]
mod tests;
