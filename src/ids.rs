//! Newtypes for every identity wiz handles, valid by construction.
//!
//! Numbers that GitHub or Postgres give out are transparent `i64`s; names parse through `FromStr`, and the same check
//! guards JSON and SQL, so a bad name fails where it enters.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! numeric_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type,
        )]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

numeric_id! {
    /// GitHub's id of an App installation: the tenant.
    InstallationId,
    /// GitHub's id of a repository; survives renames and transfers.
    RepositoryId,
    /// GitHub's id of a user or bot; survives renames.
    UserId,
    /// GitHub's id of an issue comment, review comment or review.
    CommentId,
    /// GitHub's id of a review of a pull request.
    ReviewId,
    /// GitHub's id of a check run.
    CheckRunId,
    /// GitHub's id of a workflow of GitHub Actions: of its file.
    WorkflowId,
    /// GitHub's id of a run of a workflow of GitHub Actions.
    WorkflowRunId,
    /// The number of an issue or pull request within its repository.
    IssueNumber,
    /// The number of a run; what people quote.
    RunId,
    /// A row of the queue.
    JobId,
}

/// The GUID GitHub puts in `X-GitHub-Delivery`; a redelivery carries the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct DeliveryId(pub uuid::Uuid);

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for DeliveryId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        uuid::Uuid::parse_str(text).map(Self)
    }
}

/// Why a name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a valid {what}")]
pub struct InvalidName {
    what: &'static str,
    text: String,
}

impl InvalidName {
    /// An error that names the expected form and quotes at most 80 characters of what came instead.
    fn new(what: &'static str, text: &str) -> Self {
        Self { what, text: text.chars().take(80).collect() }
    }
}

macro_rules! validated_name {
    ($($(#[$doc:meta])* $name:ident, $what:literal, $check:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let valid: fn(&str) -> bool = $check;
                if valid(text) { Ok(Self(text.to_owned())) } else { Err(InvalidName::new($what, text)) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        text_column!($name);
    )+};
}

/// Stores a name as `text` and checks it again when the row is read.
macro_rules! text_column {
    ($name:ident) => {
        impl sqlx::Type<sqlx::Postgres> for $name {
            fn type_info() -> sqlx::postgres::PgTypeInfo {
                <String as sqlx::Type<sqlx::Postgres>>::type_info()
            }

            fn compatible(ty: &sqlx::postgres::PgTypeInfo) -> bool {
                <String as sqlx::Type<sqlx::Postgres>>::compatible(ty)
            }
        }

        impl sqlx::Encode<'_, sqlx::Postgres> for $name {
            fn encode_by_ref(
                &self,
                buffer: &mut sqlx::postgres::PgArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                <String as sqlx::Encode<'_, sqlx::Postgres>>::encode_by_ref(&self.to_string(), buffer)
            }
        }

        impl<'r> sqlx::Decode<'r, sqlx::Postgres> for $name {
            fn decode(value: sqlx::postgres::PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                Ok(<&str as sqlx::Decode<'r, sqlx::Postgres>>::decode(value)?.parse()?)
            }
        }
    };
}

validated_name! {
    /// A full commit id: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.
    CommitSha, "commit id (40 or 64 hexadecimal digits)", |text| {
        (text.len() == 40 || text.len() == 64)
            && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    /// A login as GitHub shows it, `name` or `name[bot]`.
    Login, "login", |text| {
        let name = text.strip_suffix("[bot]").unwrap_or(text);
        (1..=100).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    /// Whom a comment may call behind an `@`: a person's login, or a team as `organisation/team`.
    Mention, "login or team", |text| {
        let is_name = |name: &str| {
            (1..=100).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        match text.split_once('/') {
            Some((organisation, team)) => is_name(organisation) && is_name(team),
            None => is_name(text),
        }
    };
    /// A branch name that git accepts (`git check-ref-format --branch`), without `refs/heads/`.
    BranchName, "branch name", is_branch_name;
}

fn is_branch_name(text: &str) -> bool {
    let part_is_fine =
        |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock") && !part.ends_with('.');
    (1..=244).contains(&text.len())
        && text != "@"
        && !text.starts_with('-')
        && !text.contains("..")
        && !text.contains("@{")
        && !text.contains(|c: char| c.is_control() || " ~^:?*[\\".contains(c))
        && text.split('/').all(part_is_fine)
}

/// `owner/name` of a repository. Compared case-insensitively by GitHub, so both halves are kept as GitHub spells them
/// and never used as a key; the key is [`RepositoryId`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryName {
    owner: String,
    name: String,
}

impl RepositoryName {
    /// The account that owns the repository.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The repository's name without its owner.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for RepositoryName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let valid_part = |part: &str| {
            (1..=100).contains(&part.len())
                && part != "."
                && part != ".."
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        match text.split_once('/') {
            Some((owner, name)) if valid_part(owner) && valid_part(name) => {
                Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
            }
            _ => Err(InvalidName::new("repository name (owner/name)", text)),
        }
    }
}

impl TryFrom<String> for RepositoryName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<RepositoryName> for String {
    fn from(name: RepositoryName) -> String {
        name.to_string()
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

text_column!(RepositoryName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_refuse_what_github_and_git_refuse() {
        assert!("octo/hello.world".parse::<RepositoryName>().is_ok());
        for bad in ["octo", "octo/", "/x", "a/b/c", "a/..", "a/b c", "a/b\n"] {
            assert!(bad.parse::<RepositoryName>().is_err(), "{bad:?}");
        }
        assert!("wiz/run-1-fix".parse::<BranchName>().is_ok());
        for bad in ["", "@", "-x", "a..b", "a b", "a/.b", "a.lock", "a//b", "a~1", "a\u{7f}"] {
            assert!(bad.parse::<BranchName>().is_err(), "{bad:?}");
        }
        assert!("0123456789abcdef0123456789abcdef01234567".parse::<CommitSha>().is_ok());
        for bad in ["", "HEAD", "0123456789ABCDEF0123456789abcdef01234567"] {
            assert!(bad.parse::<CommitSha>().is_err(), "{bad:?}");
        }
        assert!("dependabot[bot]".parse::<Login>().is_ok());
        assert!("a b".parse::<Login>().is_err());
    }
}
