//! Everything wiz says to GitHub.
//!
//! This room alone uses octocrab. It must never repeat a write blindly: every `find_or_create` looks for what it is about
//! to make, makes it once, and looks again when the answer was lost. It never decides what to say or whether it may be
//! said; texts come from `report`, decisions from `run` and `policy`.
//!
//! The way of the data: [`GitHub`] holds one [`Installation`] per tenant; the behaviours are methods of `Installation`,
//! one file each (comments, checks, pulls, commits …); `installation` keeps reads and writes apart, `token` narrows and
//! shares access tokens, `pace` keeps the limits, `known` spares reading twice, `transport` does one exchange, `error` says
//! what a refusal means, `journal` notes every write before it is sent. Files of a repository come
//! through [`mirror`], git's own protocol, because an API call per file would use up the rate limit.
//!
//! Read first: [`GitHub`], [`Installation`], [`GitHubError`].

mod actions;
mod app;
mod branches;
mod calls;
mod changes;
mod checks;
mod comments;
mod commit_comments;
mod commits;
mod contents;
mod deliveries;
mod download;
mod edits;
mod error;
mod graphql;
mod head_files;
mod installation;
mod installed;
mod issues;
pub mod journal;
mod known;
mod logs;
pub mod mirror;
mod pace;
mod permissions;
mod pulls;
mod reactions;
mod register;
mod removal;
mod repositories;
mod reviews;
mod statuses;
mod threads;
mod token;
mod transport;
mod trees;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

pub use actions::{ActionsJob, SeenAnnotation, SeenCheck};
pub use app::{Identity, REQUIRED_PERMISSIONS, SUBSCRIBED_EVENTS, missing_permissions};
pub use calls::Calls;
pub use changes::ChangedInPull;
pub use checks::{
    Annotation, AnnotationLevel, CheckAction, CheckIdentity, CheckRun, CheckRunOutput, CheckState, Conclusion,
};
pub use comments::{Author, Comment, StickyComment};
pub use commit_comments::CommitRemark;
pub use commits::{BranchStands, Committed, NewCommit, Origin};
pub use deliveries::{Attempt, Attempts, Cursor};
pub use edits::Edits;
pub use error::{Detail, GitHubError};
pub use head_files::{FileOf, HeadFiles};
pub use installation::Installation;
pub use installed::InstalledApp;
pub use issues::{Issue, IssueText, OpenState, StickyIssue};
pub use logs::UnstartedWorkflow;
pub use permissions::RepositoryRole;
pub use pulls::{Label, NewPullRequest, PullRequest, PullRequestSide, SideRepository};
pub use reactions::{Reactable, Reaction};
pub use register::{RegisteredApp, register};
pub use repositories::RepositoryInfo;
pub use reviews::{NewLineComment, NewReview, Review, ReviewComment, Submitted, ThreadReply};
pub use threads::{Thread, ThreadId};
pub use token::Purpose;

use self::journal::Journal;
use crate::{
    config::GitHubConfig,
    ids::{InstallationId, JobId, RunId},
};

/// One GitHub and the App's installations on it.
#[derive(Debug)]
pub struct GitHub {
    app: Arc<app::App>,
    installations: Arc<Mutex<HashMap<InstallationId, Arc<installation::Shared>>>>,
    meter: Arc<calls::Meter>,
    journal: Option<Journal>,
}

impl GitHub {
    /// Prepares the client; must run inside a tokio runtime. Connects to nothing.
    pub fn new(config: &GitHubConfig) -> anyhow::Result<Self> {
        Ok(Self {
            app: Arc::new(app::App::new(config)?),
            installations: Arc::default(),
            meter: Arc::default(),
            journal: None,
        })
    }

    /// The same GitHub, every write to which is noted before it is sent.
    #[must_use]
    pub fn journaled(self, journal: Journal) -> Self {
        Self { journal: Some(journal), ..self }
    }

    /// The same GitHub with a count of its own, for one piece of work: a job, or one round of repair.
    #[must_use]
    pub fn metered(&self) -> Self {
        Self {
            app: Arc::clone(&self.app),
            installations: Arc::clone(&self.installations),
            meter: Arc::new(calls::Meter::for_one_piece()),
            journal: self.journal.clone(),
        }
    }

    /// The same, its writes noted as those of this job and run.
    #[must_use]
    pub fn on_behalf_of(&self, job: Option<JobId>, run: Option<RunId>) -> Self {
        let journal = self.journal.as_ref().map(|journal| journal.of(job, run));
        Self { journal, ..self.metered() }
    }

    /// How many requests were sent through this one and its installations.
    pub fn calls(&self) -> Calls {
        self.meter.read()
    }

    /// The client of an installation; all callers share its tokens, its pace and what is known of it.
    pub fn installation(&self, id: InstallationId) -> Arc<Installation> {
        let mut installations = self.installations.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = Arc::clone(installations.entry(id).or_default());
        Arc::new(Installation {
            id,
            app: Arc::clone(&self.app),
            shared,
            meter: Arc::clone(&self.meter),
            journal: self.journal.clone(),
        })
    }

    /// Drops what is shared of an installation that was deleted or suspended, its tokens above all.
    pub fn forget(&self, id: InstallationId) {
        self.installations.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// Who wiz is on this GitHub; asked once, then remembered. A failure tells that id, key or address is wrong.
    pub async fn identity(&self) -> Result<&Identity, GitHubError> {
        self.app.identity(&self.meter).await
    }
}
