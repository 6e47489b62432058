//! What may happen to a pull request before it is merged: CI fails on it, and a reviewer wants a line changed.
//!
//! [`Scrutiny`] says what the project's CI and its maintainer object to; the methods of [`Repo`] here let the maintainer
//! say so, and tell how it stands.

use anyhow::{Context as _, Result};
use github_stand_in::{
    control::{Control, LineNote, NewWorkflow, Verdict},
    store::{Conclusion, JobScript, ReviewComment, Rule},
};

use crate::hub::{Repo, SpokenBy};

/// Objections to the first version of the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scrutiny {
    pub lint: Lint,
    pub remark: Remark,
}

/// A workflow of the project that fails while a file holds some text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lint {
    pub workflow: &'static str,
    pub job: &'static str,
    /// The command of the step that fails.
    pub step: &'static str,
    pub path: &'static str,
    pub text: &'static str,
    /// What the step prints.
    pub log: &'static str,
}

/// What the maintainer writes about a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remark {
    pub path: &'static str,
    /// What the line holds.
    pub line: &'static str,
    pub text: &'static str,
}

/// A finished workflow run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CiVerdict {
    Passed,
    Failed,
}

impl Lint {
    /// Sets the workflow up, as a file of the repository would.
    pub(crate) fn install(&self, control: &Control, full_name: &str) -> Result<()> {
        let job = JobScript {
            name: self.job.to_owned(),
            steps: vec![self.step.to_owned()],
            rule: Rule::FailsWhileFileContains { path: self.path.to_owned(), text: self.text.to_owned() },
            log: self.log.to_owned(),
            ..JobScript::default()
        };
        let workflow = NewWorkflow { name: self.workflow.to_owned(), jobs: vec![job], ..NewWorkflow::default() };
        control.script_workflow(full_name, &workflow).map(drop)
    }
}

/// wiz's answer in a thread.
#[derive(Debug, Clone)]
pub struct Answer {
    pub body: String,
    /// Where a browser shows it.
    pub url: String,
}

impl Repo {
    /// How the newest workflow run on a commit ended, once it has.
    pub fn ci(&self, head: &str) -> Result<Option<CiVerdict>> {
        let runs = self.control.workflow_runs(self.full_name())?;
        let last = runs.iter().rfind(|run| run.head_sha == head).and_then(|run| run.latest());
        let conclusion = last.and_then(|attempt| attempt.conclusion);
        Ok(conclusion.map(|end| if end == Conclusion::Success { CiVerdict::Passed } else { CiVerdict::Failed }))
    }

    /// Where a browser shows the newest workflow run on a commit.
    pub fn workflow_url(&self, head: &str) -> Result<String> {
        let runs = self.control.workflow_runs(self.full_name())?;
        let last = runs.iter().rfind(|run| run.head_sha == head).context("no workflow has run")?;
        Ok(format!("{}/actions/runs/{}", self.page(), last.id))
    }

    /// The maintainer asks for changes, with one comment on a line; gives the comment's id.
    pub fn object(&self, pull: u64, head: &str, remark: &Remark) -> Result<u64> {
        let file = self.git(&["show", &format!("{head}:{}", remark.path)])?;
        let at = file.lines().position(|line| line.contains(remark.line)).context("the line is not there")?;
        let note = LineNote { path: remark.path, line: u64::try_from(at)? + 1, start_line: None, body: remark.text };
        let place = (self.full_name(), pull);
        let review = self.maintainer()?.review_lines(place, Verdict::RequestChanges, "", &[note])?;
        let made = self.line_comments(pull)?.into_iter().find(|comment| comment.review == review);
        Ok(made.context("the comment is not there")?.id)
    }

    /// wiz's answer in the thread that a comment began, once the thread is resolved.
    pub fn answer(&self, pull: u64, first: u64) -> Result<Option<Answer>> {
        let repository = self.control.repository(self.full_name())?;
        let issue = repository.issues.get(&pull).context("no such pull request")?;
        let resolved = issue.pull.as_ref().is_some_and(|pull| pull.resolved_threads.contains_key(&first));
        let said = |comment: &ReviewComment| {
            comment.in_reply_to == Some(first) && self.spoken_by(comment.user) == SpokenBy::Wiz
        };
        let answer = self.line_comments(pull)?.into_iter().find(said).filter(|_| resolved);
        Ok(answer.map(|answer| Answer { url: self.line_comment_url(pull, answer.id), body: answer.body }))
    }

    /// Where a browser shows a comment on a line.
    pub fn line_comment_url(&self, pull: u64, comment: u64) -> String {
        format!("{}#discussion_r{comment}", self.pull_url(pull))
    }

    fn line_comments(&self, pull: u64) -> Result<Vec<ReviewComment>> {
        let repository = self.control.repository(self.full_name())?;
        let issue = repository.issues.get(&pull).context("no such pull request")?;
        Ok(issue.pull.as_ref().map(|pull| pull.review_comments.clone()).unwrap_or_default())
    }
}
