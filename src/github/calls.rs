//! What one piece of work, such as a job, has asked of GitHub: how often, so that it can be seen what it costs of the rate
//! limit, and which head it was told, so that it goes by one and asks for it once.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use crate::ids::{CommitSha, RepositoryName};

/// Counts the requests of one piece of work.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// Only for a piece of work that is soon over.
    heads: Option<Mutex<HashMap<RepositoryName, CommitSha>>>,
    calls: AtomicU32,
    writes: AtomicU32,
    unchanged: AtomicU32,
}

/// The requests of one piece of work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Calls {
    /// All of them, tokens and redirects included.
    pub all: u32,
    /// Those that asked for a change; a token counts.
    pub writes: u32,
    /// Reads that GitHub answered with "you have that already", which cost nothing of the primary limit.
    /// <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate>
    pub unchanged: u32,
}

impl Meter {
    pub fn for_one_piece() -> Self {
        Self { heads: Some(Mutex::default()), ..Self::default() }
    }

    pub fn count_call(&self, writes: bool) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if writes {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn count_unchanged(&self) {
        self.unchanged.fetch_add(1, Ordering::Relaxed);
    }

    pub fn head(&self, repository: &RepositoryName) -> Option<CommitSha> {
        self.heads.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).get(repository).cloned()
    }

    pub fn keep_head(&self, repository: &RepositoryName, head: &CommitSha) {
        if let Some(heads) = &self.heads {
            heads.lock().unwrap_or_else(PoisonError::into_inner).insert(repository.clone(), head.clone());
        }
    }

    pub fn read(&self) -> Calls {
        let count = |of: &AtomicU32| of.load(Ordering::Relaxed);
        Calls { all: count(&self.calls), writes: count(&self.writes), unchanged: count(&self.unchanged) }
    }
}
