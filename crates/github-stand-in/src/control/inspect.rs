//! Looking at what is there, as copies of the records.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{Control, repository};
use crate::contract::Violation;
use crate::store::{CheckRun, Comment, Delivery, Installation, Issue, Repository};

impl Control {
    /// Everything that broke GitHub's description so far, oldest first. Empty is good.
    pub fn violations(&self) -> Vec<Violation> {
        self.engine().with(|state| state.violations.clone())
    }

    /// Forgets the violations seen so far; for tests that provoke some on purpose.
    pub fn take_violations(&self) -> Vec<Violation> {
        self.engine().with(|state| std::mem::take(&mut state.violations))
    }

    /// What installations asked to change so far, as `POST /repos/…`, oldest first and whatever came of it.
    pub fn writes(&self) -> Vec<String> {
        self.engine().with(|state| state.writes.clone())
    }

    /// Webhook deliveries, oldest first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.engine().with(|state| state.deliveries.clone())
    }

    /// A repository with everything in it.
    ///
    /// # Errors
    /// If there is none of that name; so for all methods below.
    pub fn repository(&self, full_name: &str) -> Result<Repository> {
        self.engine().with(|state| repository(state, full_name).cloned())
    }

    /// The bare git repository.
    pub fn git_dir(&self, full_name: &str) -> Result<PathBuf> {
        Ok(self.repository(full_name)?.git_dir)
    }

    /// An issue or pull request.
    pub fn issue(&self, full_name: &str, number: u64) -> Result<Issue> {
        let mut found = self.repository(full_name)?;
        found.issues.remove(&number).with_context(|| format!("no issue {number}"))
    }

    /// All pull requests, oldest first.
    pub fn pull_requests(&self, full_name: &str) -> Result<Vec<Issue>> {
        let found = self.repository(full_name)?;
        Ok(found.issues.into_values().filter(|issue| issue.pull.is_some()).collect())
    }

    /// The conversation of an issue or pull request, oldest first.
    pub fn comments(&self, full_name: &str, number: u64) -> Result<Vec<Comment>> {
        Ok(self.repository(full_name)?.comments_of(number).cloned().collect())
    }

    /// All check runs, oldest first.
    pub fn check_runs(&self, full_name: &str) -> Result<Vec<CheckRun>> {
        Ok(self.repository(full_name)?.check_runs.into_values().collect())
    }

    /// The login of an account; `ghost` if it is gone.
    pub fn login(&self, account: u64) -> String {
        self.engine().with(|state| state.login(account).to_owned())
    }

    /// All installations.
    pub fn installations(&self) -> Vec<Installation> {
        self.engine().with(|state| state.installations.values().cloned().collect())
    }
}
