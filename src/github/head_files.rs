//! The newest commit of a repository with one file of it and one file of a neighbour, all in one query: that much is asked
//! for at every command, and REST would take three calls, one after the other's answer.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::{error::GitHubError, installation::Installation};
use crate::ids::{CommitSha, RepositoryName};

/// A file on the default branch of a repository.
#[derive(Debug, Clone, Copy)]
pub struct FileOf<'a> {
    pub repository: &'a RepositoryName,
    pub path: &'a str,
}

/// What was read at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadFiles {
    /// The commit that the default branch points at; `None` when the repository is gone or has no commit yet.
    pub head: Option<CommitSha>,
    /// The repository's file at that commit.
    pub own: Option<Bytes>,
    /// The neighbour's file; `None` also when the neighbour is out of this installation's reach.
    pub neighbours: Option<Bytes>,
}

/// <https://docs.github.com/en/graphql/reference/objects#commit>
const HEAD_FILES: &str = "query(
  $owner: String!, $name: String!, $path: String!,
  $neighboursOwner: String!, $neighboursName: String!, $neighboursPath: String!
) {
  repository(owner: $owner, name: $name) {
    defaultBranchRef { target { oid ... on Commit { file(path: $path) {
      mode object { ... on Blob { byteSize text } }
    } } } }
  }
  neighbour: repository(owner: $neighboursOwner, name: $neighboursName) {
    defaultBranchRef { target { oid ... on Commit { file(path: $neighboursPath) {
      mode object { ... on Blob { byteSize text } }
    } } } }
  }
}";

#[derive(Deserialize)]
struct Found {
    repository: Option<Repository>,
    neighbour: Option<Repository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    default_branch_ref: Option<Branch>,
}

#[derive(Deserialize)]
struct Branch {
    target: Option<Commit>,
}

#[derive(Deserialize)]
struct Commit {
    oid: CommitSha,
    file: Option<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    mode: u32,
    object: Option<Object>,
}

/// A blob; every member is absent from any other object.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    byte_size: Option<u64>,
    text: Option<String>,
}

/// What an entry of a tree says of a file.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    /// There is none, or something that is no file.
    Nothing,
    Text(Bytes),
    /// It is there, but GraphQL does not give all its bytes, or it is a link to another.
    Elsewhere,
}

impl Installation {
    /// Reads them. More than `max_bytes`, which may be at most 1 MB, is [`GitHubError::Invalid`]. One piece of work sees
    /// one commit, see [`Installation::head`].
    pub async fn head_files(
        &self,
        own: FileOf<'_>,
        neighbours: FileOf<'_>,
        max_bytes: u64,
    ) -> Result<HeadFiles, GitHubError> {
        if self.meter.head(own.repository).is_some() {
            return self.head_files_by_rest(own, neighbours, max_bytes).await;
        }
        let variables = json!({
            "owner": own.repository.owner(), "name": own.repository.name(), "path": own.path,
            "neighboursOwner": neighbours.repository.owner(), "neighboursName": neighbours.repository.name(),
            "neighboursPath": neighbours.path,
        });
        let (repository, neighbour) = match self.look_up(HEAD_FILES, variables).await {
            Ok(Found { repository: Some(repository), neighbour }) => (repository, neighbour),
            // What is refused of one of them is refused as a whole, and REST tells whether a repository is gone.
            Ok(Found { repository: None, .. }) | Err(GitHubError::Forbidden(_)) => {
                return self.head_files_by_rest(own, neighbours, max_bytes).await;
            }
            Err(error) => return Err(error),
        };
        let newest = |repository: Repository| repository.default_branch_ref?.target;
        let (commit, neighbour) = (newest(repository), neighbour.and_then(newest));
        let neighbours = match neighbour.map_or(Told::Nothing, |commit| told(commit.file)) {
            Told::Nothing => None,
            Told::Text(bytes) => Some(within(bytes, neighbours.path, max_bytes)?),
            Told::Elsewhere => self.file_now(neighbours.repository, neighbours.path, max_bytes).await?,
        };
        let Some(commit) = commit else { return Ok(HeadFiles { head: None, own: None, neighbours }) };
        self.meter.keep_head(own.repository, &commit.oid);
        let own = match told(commit.file) {
            Told::Nothing => None,
            Told::Text(bytes) => Some(within(bytes, own.path, max_bytes)?),
            Told::Elsewhere => self.file(own.repository, &commit.oid, own.path, max_bytes).await?,
        };
        Ok(HeadFiles { head: Some(commit.oid), own, neighbours })
    }

    async fn head_files_by_rest(
        &self,
        own: FileOf<'_>,
        neighbours: FileOf<'_>,
        max_bytes: u64,
    ) -> Result<HeadFiles, GitHubError> {
        let neighbours = self.file_now(neighbours.repository, neighbours.path, max_bytes).await?;
        let Some(head) = self.head(own.repository).await? else {
            return Ok(HeadFiles { head: None, own: None, neighbours });
        };
        let own = self.file(own.repository, &head, own.path, max_bytes).await?;
        Ok(HeadFiles { head: Some(head), own, neighbours })
    }
}

/// `text` is null for a binary file and cut for a long one.
/// <https://docs.github.com/en/graphql/reference/objects#blob>
fn told(entry: Option<Entry>) -> Told {
    // The kinds of a tree's entries: https://git-scm.com/docs/git-fast-import#_filemodify
    const FILE: u32 = 0o100_644;
    const PROGRAM: u32 = 0o100_755;
    const FOLDER: u32 = 0o040_000;
    const SUBMODULE: u32 = 0o160_000;
    let Some(Entry { mode, object }) = entry else { return Told::Nothing };
    match (mode, object) {
        (FILE | PROGRAM, Some(Object { byte_size: Some(size), text: Some(text) })) if size == text.len() as u64 => {
            Told::Text(text.into())
        }
        (FOLDER | SUBMODULE, _) => Told::Nothing,
        // A link, or a mode that only old versions of git wrote.
        _ => Told::Elsewhere,
    }
}

fn within(bytes: Bytes, path: &str, max_bytes: u64) -> Result<Bytes, GitHubError> {
    if bytes.len() as u64 > max_bytes {
        return Err(GitHubError::invalid(format!("{path} has {} bytes; at most {max_bytes} are read", bytes.len())));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_text_is_taken_as_it_is() {
        let entry = |mode, byte_size, text: Option<&str>| {
            Some(Entry { mode, object: Some(Object { byte_size, text: text.map(str::to_owned) }) })
        };
        assert_eq!(told(None), Told::Nothing);
        assert_eq!(told(entry(0o100_644, Some(3), Some("abc"))), Told::Text(Bytes::from_static(b"abc")));
        assert_eq!(told(entry(0o100_755, Some(0), Some(""))), Told::Text(Bytes::new()));
        assert_eq!(told(entry(0o100_644, Some(9), Some("cut"))), Told::Elsewhere);
        assert_eq!(told(entry(0o100_644, Some(2), None)), Told::Elsewhere, "binary");
        assert_eq!(told(entry(0o120_000, Some(3), Some("abc"))), Told::Elsewhere, "a link's text is another's path");
        assert_eq!(told(entry(0o100_664, Some(3), Some("abc"))), Told::Elsewhere, "an old mode");
        assert_eq!(told(entry(0o040_000, None, None)), Told::Nothing, "a folder");
        assert_eq!(told(Some(Entry { mode: 0o160_000, object: None })), Told::Nothing, "a submodule");
    }
}
