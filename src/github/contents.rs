//! One small file at one commit, such as the repository's policy.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::Deserialize;

use super::{
    error::{GitHubError, Optional as _},
    installation::{Installation, repository_path},
    transport::encode_path,
};
use crate::ids::{CommitSha, RepositoryName};

impl Installation {
    /// The content of the file at `path`, or `None` when nothing is there or it is no plain file. More than `max_bytes`,
    /// which may be at most 1 MB, is [`GitHubError::Invalid`]. A file at a commit never changes, so it is asked for once.
    /// <https://docs.github.com/en/rest/repos/contents#get-repository-content>
    pub async fn file(
        &self,
        repository: &RepositoryName,
        commit: &CommitSha,
        path: &str,
        max_bytes: u64,
    ) -> Result<Option<Bytes>, GitHubError> {
        let url = repository_path(repository, format_args!("/contents/{}?ref={commit}", encode_path(path)));
        if let Some(content) = self.shared.known.file(&url) {
            return Ok(content);
        }
        let reply = match self.get(url.clone()).await {
            // A commit that GitHub does not show yet is refused with other words.
            Err(GitHubError::NotFound(detail)) if detail.message == "Not Found" => {
                self.shared.known.keep_file(&url, None);
                return Ok(None);
            }
            outcome => outcome.optional()?,
        };
        let content = content_of(reply, path, max_bytes)?;
        if let Some(content) = &content {
            self.shared.known.keep_file(&url, Some(content));
        }
        Ok(content)
    }

    /// The content of a file on the default branch as it is now, like [`Installation::file`]. `None` also when the
    /// repository is out of this installation's reach.
    pub async fn file_now(
        &self,
        repository: &RepositoryName,
        path: &str,
        max_bytes: u64,
    ) -> Result<Option<Bytes>, GitHubError> {
        let url = repository_path(repository, format_args!("/contents/{}", encode_path(path)));
        content_of(self.get(url).await.optional()?, path, max_bytes)
    }
}

fn content_of(reply: Option<Reply>, path: &str, max_bytes: u64) -> Result<Option<Bytes>, GitHubError> {
    match reply {
        None | Some(Reply::Other(_)) => Ok(None),
        Some(Reply::Object { kind, .. }) if kind != "file" => Ok(None),
        Some(Reply::Object { size, .. }) if size > max_bytes => {
            Err(GitHubError::invalid(format!("{path} has {size} bytes; at most {max_bytes} are read")))
        }
        Some(Reply::Object { content, .. }) => decode(path, &content).map(Some),
    }
}

/// A file, or a directory as an array.
#[derive(Deserialize)]
#[serde(untagged)]
enum Reply {
    Object {
        #[serde(rename = "type")]
        kind: String,
        size: u64,
        #[serde(default)]
        content: String,
    },
    Other(serde::de::IgnoredAny),
}

/// GitHub breaks base64 into lines of 60.
fn decode(path: &str, content: &str) -> Result<Bytes, GitHubError> {
    let joined: String = content.split_ascii_whitespace().collect();
    STANDARD.decode(joined).map(Bytes::from).map_err(|error| GitHubError::invalid(format!("{path}: {error}")))
}
