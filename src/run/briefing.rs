//! What people wrote about the mission, as every agent of a run is told it.
//!
//! It is read from GitHub once, by the planner's stage, and stored: a plan is approved on the strength of these words, so
//! whoever edits the issue afterwards does not speak to the coder.

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::{
    project::Project,
    services::Services,
    store::{
        StoredRun,
        memory::{self, Note},
    },
};
use crate::{
    agent::{Assignment, InstructionFile, Statement},
    github::Comment,
    ids::{CommitSha, Login},
};

/// The issue and its conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Briefing {
    pub title: String,
    /// Oldest first.
    pub words: Vec<Words>,
    /// What people told all runs of the repository.
    #[serde(default)]
    pub notes: Vec<Words>,
    #[serde(default)]
    pub labels: Vec<String>,
    /// How the issue's author stands to the repository, in GitHub's word.
    #[serde(default)]
    pub author_association: Option<String>,
}

/// What one person wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// Such as `the issue, by octocat`.
    pub source: String,
    pub text: String,
}

/// Most comments an agent is shown, the newest ones.
const COMMENTS: usize = 30;

impl Briefing {
    /// Reads the issue and its conversation as they now are. Other bots' comments are left out: nobody vouches for them.
    pub async fn read(services: &Services, stored: &StoredRun) -> Result<Self> {
        let github = services.github.installation(stored.installation);
        let (issue, comments) = tokio::try_join!(
            github.issue(&stored.repository_name, stored.issue),
            github.comments_since(&stored.repository_name, stored.issue, None),
        )?;
        let issue = issue.context("the issue is gone")?;
        let author = issue.user.as_ref().map_or("ghost", |author| author.login.as_str());
        let mut words = vec![Words { source: format!("the issue, by {author}"), text: issue.body }];
        let spoken: Vec<Words> = comments.into_iter().filter_map(words_of).collect();
        let skipped = spoken.len().saturating_sub(COMMENTS);
        words.extend(spoken.into_iter().skip(skipped));
        let labels = issue.labels.iter().filter_map(|label| label.name().map(str::to_owned)).collect();
        let notes = memory::list(&mut *services.pool.acquire().await?, stored.repository).await?;
        let noted =
            |note: Note| Words { source: format!("a note for every run here, by {}", note.told_by), text: note.words };
        let notes = notes.into_iter().map(noted).collect();
        Ok(Self { title: issue.title, words, notes, labels, author_association: issue.author_association })
    }

    /// What an agent is told besides its own task.
    pub fn assignment(&self, stored: &StoredRun, project: &Project, base: &CommitSha) -> Assignment {
        let order = (!stored.instructions.trim().is_empty())
            .then(|| statement(format!("the order to wiz, by {}", stored.requester), &stored.instructions));
        let revisions = stored.run.progress.revisions.iter();
        let revisions = revisions.map(|text| statement("a maintainer, about the plan".to_owned(), text));
        let words = self.notes.iter().chain(&self.words).map(|words| statement(words.source.clone(), &words.text));
        Assignment {
            kind: stored.kind(),
            repository: stored.repository_name.clone(),
            base_branch: stored.base_branch().to_string(),
            base_commit: base.clone(),
            title: self.title.clone(),
            statements: words.chain(order).chain(revisions).collect(),
            instructions: project
                .instructions()
                .map(|(path, text)| InstructionFile { path: path.to_owned(), text: text.to_owned() })
                .into_iter()
                .collect(),
            checks: project.checks.iter().map(|check| check.run.clone()).collect(),
        }
    }
}

/// Why the pull request is worked on again, if it is.
pub fn cause(stored: &StoredRun) -> Option<Statement> {
    let follow_up = stored.run.progress.follow_up.as_ref()?;
    let (source, text) = follow_up.cause.statement();
    Some(statement(source, text))
}

fn statement(source: String, text: &str) -> Statement {
    Statement { source, text: text.to_owned() }
}

fn words_of(comment: Comment) -> Option<Words> {
    let author = comment.user?;
    let is_bot = author.kind == "Bot" || is_bot_login(&author.login);
    (!is_bot && !comment.body.trim().is_empty())
        .then(|| Words { source: format!("a comment, by {}", author.login), text: comment.body })
}

fn is_bot_login(login: &Login) -> bool {
    login.as_str().ends_with("[bot]")
}
