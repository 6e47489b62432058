//! What a person may do in a repository, asked live and by id.

use serde::Deserialize;

use super::{
    error::{GitHubError, Optional as _},
    installation::{Installation, repository_path},
    transport::encode_path,
};
use crate::ids::{Login, RepositoryName, UserId};

/// A person's role in a repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RepositoryRole {
    /// `admin`, `maintain`, `write`, `triage`, `read`, `none`, or the name of an organisation's custom role.
    pub role_name: String,
    /// The role folded to `admin`, `write`, `read` or `none`: what a custom role is worth.
    pub permission: String,
}

impl Installation {
    /// The role of `user`, or `None` when they have none. The login is only the way to ask: if it meanwhile belongs to
    /// somebody else, the answer is about somebody else and counts as none.
    /// <https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user>
    pub async fn role(
        &self,
        repository: &RepositoryName,
        user: UserId,
        login: &Login,
    ) -> Result<Option<RepositoryRole>, GitHubError> {
        #[derive(Deserialize)]
        struct Reply {
            #[serde(flatten)]
            role: RepositoryRole,
            user: Option<Owner>,
        }
        #[derive(Deserialize)]
        struct Owner {
            id: UserId,
        }
        let reply: Option<Reply> = self.get(role_path(repository, login)).await.optional()?;
        Ok(reply.filter(|reply| reply.user.as_ref().is_some_and(|owner| owner.id == user)).map(|reply| reply.role))
    }

    /// The role of whoever has this login now, or `None` when nobody has; for who is only called by it.
    pub async fn role_of(
        &self,
        repository: &RepositoryName,
        login: &Login,
    ) -> Result<Option<RepositoryRole>, GitHubError> {
        self.get(role_path(repository, login)).await.optional()
    }
}

fn role_path(repository: &RepositoryName, login: &Login) -> String {
    repository_path(repository, format_args!("/collaborators/{}/permission", encode_path(login.as_str())))
}
