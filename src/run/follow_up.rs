//! Why a pull request that is open is worked on again, and what agents are told of it.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{CommentId, CommitSha, Login, ReviewId},
    plan::WorkKind,
};

/// Why a pull request is worked on again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FollowUpCause {
    /// A check failed on the head.
    FailingCheck(FailingCheck),
    /// A person's review asks for changes.
    Review(Words),
    /// A person asked in the conversation.
    Command(Words),
    /// A person wants the head proven as it is.
    Proof { by: Login },
}

/// A check that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailingCheck {
    /// The commit it failed on; on any other it says nothing.
    pub head: CommitSha,
    /// As people see it.
    pub name: String,
    /// Which failure it is, whatever numbers and paths it names this time; several with [`FailingCheck::AND`] between them.
    pub signature: String,
    /// What it printed, cut and cleaned.
    pub excerpt: String,
}

impl FailingCheck {
    /// Stands between the signatures of failures that are mended together; none holds it, as they are hexadecimal.
    pub const AND: &'static str = "+";

    /// The signature of each failure.
    pub fn signatures(&self) -> Vec<String> {
        self.signature.split(Self::AND).map(str::to_owned).collect()
    }
}

/// What a person wants changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// The comment or review.
    pub id: CommentId,
    pub by: Login,
    pub text: String,
    /// Files the person pointed at: they may change although the plan does not name them.
    pub files: Vec<String>,
    /// The kind of work that the command names; none without a command, and then it is the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<WorkKind>,
}

/// Where somebody waits for what comes of a follow-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waits {
    /// In the threads of a review.
    Review(ReviewId),
    /// In the conversation.
    Comment(CommentId),
}

impl Waits {
    /// GitHub's number of the review or comment.
    pub fn comment(self) -> CommentId {
        match self {
            Self::Review(review) => CommentId(review.0),
            Self::Comment(comment) => comment,
        }
    }
}

impl FollowUpCause {
    /// Where somebody waits for it; nobody waits for the repair of a check.
    pub fn waits(&self) -> Option<Waits> {
        match self {
            Self::Review(words) => Some(Waits::Review(ReviewId(words.id.0))),
            Self::Command(words) => Some(Waits::Comment(words.id)),
            Self::FailingCheck(_) | Self::Proof { .. } => None,
        }
    }

    /// Whether nothing is to be changed for it: the definition of done is run on the head as it is.
    pub fn only_proves(&self) -> bool {
        match self {
            Self::Proof { .. } => true,
            Self::FailingCheck(_) | Self::Review(_) | Self::Command(_) => false,
        }
    }

    /// In a few words, for people; holds untrusted names.
    pub fn title(&self) -> String {
        match self {
            Self::FailingCheck(check) => format!("the failing check {}", check.name),
            Self::Review(words) => format!("the review by {}", words.by),
            Self::Command(words) => format!("what {} asked for", words.by),
            Self::Proof { by } => format!("the proof that {by} asked for"),
        }
    }

    /// The review that is to be worked, thread by thread.
    pub fn review(&self) -> Option<ReviewId> {
        match self {
            Self::Review(words) => Some(ReviewId(words.id.0)),
            Self::FailingCheck(_) | Self::Command(_) | Self::Proof { .. } => None,
        }
    }

    /// The check that failed, if one did.
    pub fn failing_check(&self) -> Option<&FailingCheck> {
        match self {
            Self::FailingCheck(check) => Some(check),
            Self::Review(_) | Self::Command(_) | Self::Proof { .. } => None,
        }
    }

    /// The person who wants it, if a person does.
    pub fn by(&self) -> Option<&Login> {
        match self {
            Self::Review(words) | Self::Command(words) => Some(&words.by),
            Self::Proof { by } => Some(by),
            Self::FailingCheck(_) => None,
        }
    }

    /// What agents are told: where the words are from, and the words.
    pub fn statement(&self) -> (String, &str) {
        let text = match self {
            Self::FailingCheck(check) => &check.excerpt,
            Self::Review(words) | Self::Command(words) => &words.text,
            Self::Proof { .. } => "",
        };
        (self.title(), text)
    }

    /// Files that may change although the plan does not name them.
    pub fn files(&self) -> &[String] {
        match self {
            Self::FailingCheck(_) | Self::Proof { .. } => &[],
            Self::Review(words) | Self::Command(words) => &words.files,
        }
    }

    /// Whether it still means something once `head` is the pull request's head.
    pub fn fits(&self, head: &CommitSha) -> bool {
        match self {
            Self::FailingCheck(check) => check.head == *head,
            Self::Review(_) | Self::Command(_) | Self::Proof { .. } => true,
        }
    }

    /// Whether it is the same occasion, told a second time.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::FailingCheck(one), Self::FailingCheck(other)) => {
                (&one.head, &one.signature) == (&other.head, &other.signature)
            }
            // An edited review is the same review: what counts is what stands there when its work begins.
            (Self::Review(one), Self::Review(other)) => one.id == other.id,
            (Self::Command(one), Self::Command(other)) => one == other,
            (Self::Proof { .. }, Self::Proof { .. }) => true,
            (Self::FailingCheck(_) | Self::Review(_) | Self::Command(_) | Self::Proof { .. }, _) => false,
        }
    }

    /// The kind of work that was asked for, if somebody named one.
    pub fn kind(&self) -> Option<WorkKind> {
        match self {
            Self::Review(words) | Self::Command(words) => words.kind,
            Self::FailingCheck(_) | Self::Proof { .. } => None,
        }
    }

    /// What the coder is told to do about it.
    pub fn task(&self) -> &'static str {
        match self {
            Self::FailingCheck(_) => {
                "The change is published, and a check fails on it; its output is listed as found. Find the cause and mend \
                 it, and nothing else. Never make the check weaker."
            }
            Self::Review(_) => {
                "The change is published, and a reviewer has read it. Make the changes that the review asks for, answer \
                 what it asks, and do nothing else."
            }
            Self::Command(_) => {
                "The change is published, and a maintainer asks for more, listed as found. Do that, and nothing else."
            }
            Self::Proof { .. } => "Change nothing.",
        }
    }
}
