//! Commit statuses: what services say of a commit that make no check runs.

use serde::Deserialize;

use super::{
    actions::SeenCheck,
    error::GitHubError,
    installation::{Installation, repository_path},
    token::Purpose,
};
use crate::ids::{CheckRunId, CommitSha, RepositoryId, RepositoryName};

/// The latest status of one service.
#[derive(Debug, Deserialize)]
struct Status {
    id: i64,
    state: String,
    context: String,
    description: Option<String>,
    target_url: Option<String>,
}

impl Installation {
    /// The latest status of each service on a commit, as checks: all they say is a description and an address. None where
    /// the owner has not granted that they are read.
    /// <https://docs.github.com/en/rest/commits/statuses#get-the-combined-status-for-a-specific-reference>
    pub async fn statuses_on(
        &self,
        repository: &RepositoryName,
        id: RepositoryId,
        commit: &CommitSha,
    ) -> Result<Vec<SeenCheck>, GitHubError> {
        #[derive(Deserialize)]
        struct Reply {
            statuses: Vec<Status>,
        }
        let path = repository_path(repository, format_args!("/commits/{commit}/status?per_page=100"));
        let reply: Result<Reply, _> = self.get_for(Purpose::Statuses(id), path).await;
        match reply {
            Ok(reply) => Ok(reply.statuses.into_iter().map(Status::seen).collect()),
            Err(GitHubError::Forbidden(detail)) => {
                tracing::info!(%repository, %detail, "commit statuses are not read");
                Ok(vec![])
            }
            Err(error) => Err(error),
        }
    }
}

impl Status {
    fn seen(self) -> SeenCheck {
        let status = if self.state == "pending" { "in_progress" } else { "completed" };
        let said: Vec<String> = [self.description, self.target_url].into_iter().flatten().collect();
        SeenCheck {
            // Numbered apart from check runs; wiz only tells them from one another by it.
            id: CheckRunId(-self.id),
            name: self.context,
            status: status.to_owned(),
            conclusion: (status == "completed").then_some(self.state),
            by_actions: false,
            text: said.join("\n"),
            annotations: 0,
        }
    }
}
