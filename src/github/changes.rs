//! What a pull request changes, as its page shows it.

use serde::Deserialize;

use super::{
    error::{GitHubError, Optional as _},
    installation::{Installation, repository_path},
};
use crate::ids::{IssueNumber, RepositoryName};

/// Most files of one pull request that are read; who changes more is read by its beginning.
const FILES: usize = 300;

/// One file that a pull request changes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChangedInPull {
    pub filename: String,
    /// `added`, `removed`, `modified`, `renamed` and others.
    pub status: String,
    /// The hunks as the page shows them; missing for binary and for very large files.
    #[serde(default)]
    pub patch: Option<String>,
}

impl Installation {
    /// The files that a pull request changes against the commit where its branch began; the first [`FILES`] of them or a
    /// few more. Line comments may stand on the lines that these hunks show, and nowhere else.
    /// <https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files>
    pub async fn changes_of_pull(
        &self,
        repository: &RepositoryName,
        pull: IssueNumber,
    ) -> Result<Vec<ChangedInPull>, GitHubError> {
        let path = repository_path(repository, format_args!("/pulls/{pull}/files?per_page=100"));
        Ok(self.get_pages(path, &|so_far| so_far.len() >= FILES).await.optional()?.unwrap_or_default())
    }
}
