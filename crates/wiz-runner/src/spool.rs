//! The output of one command: its head, its tail, and the whole of it in a file when it is long.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
};

use wiz_runner::protocol::SPOOL_DIR;

/// Most bytes written to one command's file; `/tmp` is small and shared by all commands of the box.
const SPOOL_BYTES: u64 = 16 * 1024 * 1024;

/// Collects output within fixed memory.
pub struct Spool {
    id: u64,
    keep_bytes: usize,
    spool_bytes: u64,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total_bytes: u64,
    /// Everything so far, while it is not yet known whether a file is needed.
    early: Vec<u8>,
    file: SpoolFile,
}

enum SpoolFile {
    /// The output is still short.
    NotYet,
    Open {
        file: File,
        path: String,
    },
    /// It could not be made or written; the box's disk is full, or a command is in the way.
    Failed,
}

impl Spool {
    /// Keeps `keep_bytes` of head and as many of tail, and writes a file once there are more than `spool_bytes`.
    pub fn new(id: u64, keep_bytes: usize, spool_bytes: u64) -> Self {
        let (head, tail, early) = (Vec::new(), VecDeque::new(), Vec::new());
        Self { id, keep_bytes, spool_bytes, head, tail, total_bytes: 0, early, file: SpoolFile::NotYet }
    }

    /// Takes what the command wrote.
    pub fn push(&mut self, bytes: &[u8]) {
        self.write_file(bytes);
        self.total_bytes = self.total_bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let (head, rest) = bytes.split_at(bytes.len().min(self.keep_bytes - self.head.len()));
        self.head.extend_from_slice(head);
        let rest = rest.get(rest.len().saturating_sub(self.keep_bytes)..).unwrap_or_default();
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(self.keep_bytes);
        self.tail.drain(..excess);
    }

    fn write_file(&mut self, bytes: &[u8]) {
        if matches!(self.file, SpoolFile::NotYet) {
            self.early.extend_from_slice(bytes);
            if u64::try_from(self.early.len()).unwrap_or(u64::MAX) <= self.spool_bytes {
                return;
            }
            self.file = open(self.id);
            let early = std::mem::take(&mut self.early);
            self.append(&early);
        } else if self.total_bytes < SPOOL_BYTES {
            self.append(bytes);
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        if let SpoolFile::Open { file, .. } = &mut self.file
            && file.write_all(bytes).is_err()
        {
            self.file = SpoolFile::Failed;
        }
    }

    /// All bytes taken so far.
    pub fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    /// The file with the whole output, if there is one.
    pub fn path(&self) -> Option<String> {
        match &self.file {
            SpoolFile::Open { path, .. } => Some(path.clone()),
            SpoolFile::NotYet | SpoolFile::Failed => None,
        }
    }

    /// Head and tail in one buffer, and the length of the head. Nothing more is kept in memory afterwards.
    pub fn take(&mut self) -> (usize, Vec<u8>) {
        let mut bytes = std::mem::take(&mut self.head);
        let head_bytes = bytes.len();
        bytes.extend(std::mem::take(&mut self.tail));
        self.keep_bytes = 0;
        (head_bytes, bytes)
    }
}

fn open(id: u64) -> SpoolFile {
    // It may be there from an earlier command; whatever else is wrong shows when the file is opened.
    drop(fs::create_dir(SPOOL_DIR));
    let path = format!("{SPOOL_DIR}/{id}.txt");
    // `create_new` follows no symlink that a command may have put there.
    match OpenOptions::new().write(true).create_new(true).mode(0o644).open(&path) {
        Ok(file) => SpoolFile::Open { file, path },
        Err(_) => SpoolFile::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_tail_are_kept_and_the_middle_is_counted() {
        let mut spool = Spool::new(1, 4, u64::MAX);
        spool.push(b"ab");
        spool.push(b"cdefgh");
        spool.push(b"ij");
        assert_eq!((spool.total_bytes(), spool.take()), (10, (4, b"abcdghij".to_vec())));

        let mut short = Spool::new(1, 4, u64::MAX);
        short.push(b"abcdef");
        assert_eq!(short.take(), (4, b"abcdef".to_vec()));
    }
}
