//! The tree a box starts from: the base commit's files, with the patches of earlier steps on top.
//!
//! Pure. A step starts from what it depends on; the result
//! of a run is every step's patch on the base. Two steps that do not depend on each other must not change the same
//! file, or the result would depend on which of them finished first.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use wiz_runner::protocol;

use super::{
    state::{Progress, StepProgress},
    store::results::StepResult,
};
use crate::{
    patch::{BaseEntry, BlobId, Change, FileMode, Patch},
    plan::StepKey,
    sandbox::SourceFile,
};

/// Two steps, neither of which builds on the other, changed one file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("steps {first} and {second} both changed {path}, but neither depends on the other")]
pub struct Conflict {
    pub first: StepKey,
    pub second: StepKey,
    pub path: String,
}

/// What `step` starts from: the patches of all steps it builds on, in the plan's order.
pub fn starting_patch(progress: &Progress, results: &[StepResult], step: &StepKey) -> Result<Patch, Conflict> {
    combine(progress, results, &progress.ancestors(step))
}

/// The whole change that is to be published: the run's, or the follow-up's on the pull request's head.
pub fn whole_patch(progress: &Progress, results: &[StepResult]) -> Result<Patch, Conflict> {
    let all: Vec<StepKey> = progress.current_steps().iter().map(|step| step.key.clone()).collect();
    combine(progress, results, &all)
}

fn combine(progress: &Progress, results: &[StepResult], steps: &[StepKey]) -> Result<Patch, Conflict> {
    let mut whole = Patch::default();
    let mut changed_by: BTreeMap<&str, &StepKey> = BTreeMap::new();
    for StepProgress { key, .. } in progress.current_steps().iter().filter(|step| steps.contains(&step.key)) {
        let Some(result) = results.iter().find(|result| result.step == *key) else { continue };
        let ancestors = progress.ancestors(key);
        for change in result.patch.changes() {
            if let Some(first) = changed_by.insert(&change.path, key)
                && first != key
                && !ancestors.contains(first)
            {
                return Err(Conflict { first: first.clone(), second: key.clone(), path: change.path.clone() });
            }
        }
        whole = whole.merge(result.patch.clone());
    }
    Ok(whole)
}

/// The files of `base` with `patch` applied, ready to be loaded into a box.
pub fn apply(base: &[SourceFile], patch: &Patch) -> Vec<SourceFile> {
    let mut files: BTreeMap<String, SourceFile> = base.iter().map(|file| (file.path.clone(), file.clone())).collect();
    for change in patch.changes() {
        match &change.change {
            Change::Delete => {
                files.remove(&change.path);
            }
            Change::Put { mode, content } => {
                let file = source_file(change.path.clone(), *mode, content.clone(), &BlobId::of(content));
                files.insert(change.path.clone(), file);
            }
        }
    }
    files.into_values().collect()
}

/// SHA-256 over a patch: what evidence is about.
pub fn digest(patch: &Patch) -> String {
    let mut hash = Sha256::new();
    for change in patch.changes() {
        // Lengths keep one path's end from being read as the next one's start.
        hash.update((change.path.len() as u64).to_be_bytes());
        hash.update(&change.path);
        match &change.change {
            Change::Delete => hash.update([0]),
            Change::Put { mode, content } => {
                hash.update([1]);
                hash.update(mode.as_str());
                hash.update((content.len() as u64).to_be_bytes());
                hash.update(content);
            }
        }
    }
    hex::encode(hash.finalize())
}

/// A file as a box takes it.
pub fn source_file(path: String, mode: FileMode, content: Bytes, blob: &BlobId) -> SourceFile {
    let mode = match mode {
        FileMode::Regular => protocol::FileMode::Regular,
        FileMode::Executable => protocol::FileMode::Executable,
    };
    SourceFile { path, mode, content, blob: blob.as_str().to_owned() }
}

/// A file as records are checked against it.
pub fn base_entry(file: &SourceFile) -> (String, BaseEntry) {
    let mode = match file.mode {
        protocol::FileMode::Executable => FileMode::Executable,
        protocol::FileMode::Regular | protocol::FileMode::Symlink => FileMode::Regular,
    };
    (file.path.clone(), BaseEntry::File { mode, blob: BlobId::of(&file.content) })
}

/// What leads from the files of one commit to those of another.
pub fn difference(from: &[SourceFile], to: &[SourceFile]) -> Patch {
    let by_path = |files: &[SourceFile]| -> BTreeMap<String, (protocol::FileMode, String)> {
        files.iter().map(|file| (file.path.clone(), (file.mode, file.blob.clone()))).collect()
    };
    let (before, after) = (by_path(from), by_path(to));
    let gone = before.keys().filter(|path| !after.contains_key(*path)).map(|path| (path.clone(), Change::Delete));
    let put = to.iter().filter(|file| before.get(&file.path) != after.get(&file.path)).filter_map(|file| {
        let mode = match file.mode {
            protocol::FileMode::Regular => FileMode::Regular,
            protocol::FileMode::Executable => FileMode::Executable,
            // No box is given one.
            protocol::FileMode::Symlink => return None,
        };
        Some((file.path.clone(), Change::Put { mode, content: file.content.clone() }))
    });
    gone.chain(put).collect()
}

/// Only the part of a patch that touches test files: what must fail on the base.
pub fn test_part(patch: &Patch) -> Patch {
    let tests = patch.changes().iter().filter(|change| crate::policy::is_test_path(&change.path));
    tests.map(|change| (change.path.clone(), change.change.clone())).collect()
}

/// The text of one file, if it is there and is UTF-8.
pub fn text_of<'a>(files: &'a [SourceFile], path: &str) -> Option<&'a str> {
    files.iter().find(|file| file.path == path).and_then(|file| std::str::from_utf8(&file.content).ok())
}

/// Reads the first of `names` that exists; used for policy and instructions.
pub fn first_text<'a>(files: &'a [SourceFile], names: &[&'static str]) -> Option<(&'static str, &'a str)> {
    names.iter().find_map(|name| Some((*name, text_of(files, name)?)))
}

/// A step's stored patch must belong to the plan that is current; anything else is a bug worth stopping for.
pub fn current_version(progress: &Progress) -> Result<i32> {
    let current = progress.plan.as_ref().context("the run has no plan")?;
    i32::try_from(current.version).context("the plan's version is out of range")
}
