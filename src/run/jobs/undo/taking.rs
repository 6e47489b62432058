//! Each kind of write, taken back.
//!
//! People's work is never destroyed: a branch goes only while its newest commit is one that the journal knows as wiz's.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use super::Services;
use crate::{
    github::{
        CheckRunOutput, GitHubError, Installation, IssueText, OpenState,
        journal::{Change, Noted},
    },
    ids::{BranchName, CheckRunId, CommentId, CommitSha, IssueNumber},
    report::{self, Stays, UndoView},
    run::store::{StoredRun, results, undo},
};

pub(super) async fn take_back(services: &Services, stored: &StoredRun, writes: &[Noted]) -> Result<UndoView> {
    let github = services.github.installation(stored.installation);
    let writes: Vec<&Noted> = writes.iter().filter(|noted| !noted.undone).collect();
    let mut taking = Taking { github: &github, stored, writes: &writes, view: UndoView::default(), refused: 0 };
    let mut connection = services.pool.acquire().await?;
    let shown = results::output(&mut connection, stored.run.id).await?.status_comment;
    let checks = checks(&writes);
    let held = undo::held_by_others(&mut connection, (stored.repository, stored.run.id), &checks).await?;
    drop(connection);
    taking.pull_requests().await?;
    taking.branches().await?;
    taking.reviews().await?;
    taking.issues().await?;
    taking.comments(shown).await?;
    taking.reactions().await?;
    taking.checks(&checks, &held).await?;
    taking.count();
    Ok(taking.view)
}

struct Taking<'a> {
    github: &'a Installation,
    stored: &'a StoredRun,
    writes: &'a [&'a Noted],
    view: UndoView,
    /// How often GitHub refused for good.
    refused: usize,
}

impl Taking<'_> {
    /// Closes what is open. Whose answer was lost is found by its branch.
    async fn pull_requests(&mut self) -> Result<()> {
        let name = &self.stored.repository_name;
        for noted in self.writes {
            let Change::PullRequest { branch } = &noted.change else { continue };
            let found = match noted.made {
                Some(number) => self.github.pull(name, IssueNumber(number)).await?,
                None => self.github.find_pull(name, branch).await?,
            };
            let Some(pull) = found else { continue };
            if pull.merged_at.is_some() {
                self.view.stays.push(Stays::Merged(pull.number));
            } else if pull.state == OpenState::Open {
                let closed = self.github.close_pull(name, pull.number).await.map(|()| true);
                if self.went(closed)? {
                    self.view.closed.push(pull.number);
                }
            }
        }
        Ok(())
    }

    async fn branches(&mut self) -> Result<()> {
        let (name, id) = (&self.stored.repository_name, self.stored.repository);
        for (branch, Branch { own, commits }) in branches(self.writes) {
            let Some(head) = self.github.branch(name, &branch).await? else { continue };
            if !own {
                self.view.stays.push(Stays::Commits { branch, commits });
            } else if commits.contains(&head) {
                // GitHub closes what is open from a branch that goes.
                let open = self.github.find_pull(name, &branch).await?.filter(|pull| pull.state == OpenState::Open);
                if let Some(pull) = open {
                    self.view.stays.push(Stays::BranchInUse { branch, pull: pull.number });
                    continue;
                }
                let deleted = self.github.delete_branch(name, id, &branch).await.map(|()| true);
                if self.went(deleted)? {
                    self.view.deleted.push(branch);
                }
            } else {
                self.view.stays.push(Stays::Branch { branch, head });
            }
        }
        Ok(())
    }

    /// What wiz did to the reviews of others.
    async fn reviews(&mut self) -> Result<()> {
        let name = &self.stored.repository_name;
        for noted in self.writes {
            if let Change::ThreadResolved { thread } = &noted.change {
                let opened = self.github.unresolve_thread(self.stored.repository, thread).await;
                self.view.reopened += usize::from(self.went(opened)?);
            } else if let Change::ReviewRequest { pull, reviewers } = &noted.change {
                let withdrawn = self.github.withdraw_review_request(name, *pull, reviewers).await;
                self.view.withdrawn += usize::from(self.went(withdrawn)?);
            }
        }
        Ok(())
    }

    /// Texts of issues that were there before the run, as they were. What somebody has edited since stays.
    async fn issues(&mut self) -> Result<()> {
        let name = &self.stored.repository_name;
        for (number, Overwritten { was, says }) in overwritten(self.writes) {
            let Some(issue) = self.github.issue(name, number).await? else { continue };
            let now = IssueText::from(&issue);
            if now.digest() == was.digest() {
                continue;
            }
            if now.digest() != says {
                self.view.stays.push(Stays::Text(number));
                continue;
            }
            let restored = self.github.overwrite_issue(name, &issue, &was).await.map(|_| true);
            if self.went(restored)? {
                self.view.restored.push(number);
            }
        }
        Ok(())
    }

    /// Whatever wiz said for the run: by number where it is known, and by its words where the answer was lost.
    async fn comments(&mut self, shown: Option<CommentId>) -> Result<()> {
        let name = &self.stored.repository_name;
        let is_begun = self.writes.iter().any(|noted| matches!(noted.change, Change::Comment { .. }));
        let mut comments: BTreeSet<CommentId> = shown.filter(|_| is_begun).into_iter().collect();
        let mut on_lines = BTreeSet::new();
        for noted in self.writes {
            if let Change::Comment { issue, said } = &noted.change {
                match noted.made {
                    Some(id) => drop(comments.insert(CommentId(id))),
                    None => comments.extend(self.github.comments_saying(name, *issue, said).await?),
                }
            } else if let Change::CommentText { comment, .. } = &noted.change {
                comments.insert(*comment);
            } else if let Change::LineComment { pull, said } = &noted.change {
                match noted.made {
                    Some(id) => drop(on_lines.insert(CommentId(id))),
                    None => on_lines.extend(self.github.line_comments_saying(name, *pull, said).await?),
                }
            } else if let Change::LineCommentText { comment } = &noted.change {
                on_lines.insert(*comment);
            }
        }
        for comment in comments {
            let deleted = self.github.delete_comment(name, comment).await;
            self.view.comments += usize::from(self.went(deleted)?);
        }
        for comment in on_lines {
            let deleted = self.github.delete_line_comment(name, comment).await;
            self.view.comments += usize::from(self.went(deleted)?);
        }
        Ok(())
    }

    async fn reactions(&mut self) -> Result<()> {
        for noted in self.writes {
            let Change::Reaction { on, content } = &noted.change else { continue };
            let name = &self.stored.repository_name;
            let deleted = self.github.delete_reaction(name, (*on, content), noted.made).await;
            self.view.reactions += usize::from(self.went(deleted)?);
        }
        Ok(())
    }

    /// Nobody can delete a check run, so each says that what it was about is gone.
    /// One that another run has taken over tells of that run.
    async fn checks(&mut self, checks: &BTreeSet<CheckRunId>, held: &BTreeSet<CheckRunId>) -> Result<()> {
        let (title, summary) = report::undone_check(self.stored.run.id);
        let output = CheckRunOutput { title, summary, text: None };
        let mut neutral = 0;
        for check in checks.difference(held).copied() {
            let ended = self.github.neutralise_check(&self.stored.repository_name, check, &output).await;
            neutral += usize::from(self.went(ended)?);
        }
        if neutral > 0 {
            self.view.stays.push(Stays::CheckRuns(neutral));
        }
        if !held.is_empty() {
            self.view.stays.push(Stays::OthersCheckRuns(held.len()));
        }
        Ok(())
    }

    /// What nothing can be done about.
    fn count(&mut self) {
        let count = |wanted: fn(&Change) -> bool| self.writes.iter().filter(|noted| wanted(&noted.change)).count();
        let counted = [
            Stays::Reviews(count(|change| matches!(change, Change::Review { .. }))),
            Stays::Reruns(count(|change| matches!(change, Change::Rerun { .. }))),
            Stays::Issues(count(|change| matches!(change, Change::Issue))),
            Stays::Refused(self.refused + count(|change| matches!(change, Change::Other { .. }))),
        ];
        self.view.stays.extend(counted.into_iter().filter(|stays| {
            !matches!(stays, Stays::Reviews(0) | Stays::Reruns(0) | Stays::Issues(0) | Stays::Refused(0))
        }));
    }

    /// Whether it went. A refusal is told and keeps nothing else from going.
    fn went(&mut self, outcome: Result<bool, GitHubError>) -> Result<bool> {
        match outcome {
            Err(error) if !error.is_retryable() => {
                tracing::warn!(run = %self.stored.run.id, %error, "cannot be taken back");
                self.refused += 1;
                Ok(false)
            }
            outcome => Ok(outcome?),
        }
    }
}

/// The check runs that the run made or wrote to.
fn checks(writes: &[&Noted]) -> BTreeSet<CheckRunId> {
    let check = |noted: &&Noted| {
        if let Change::CheckRunState { check } = &noted.change {
            return Some(*check);
        }
        let made = noted.made.filter(|_| matches!(noted.change, Change::CheckRun { .. }));
        made.map(CheckRunId)
    };
    writes.iter().filter_map(check).collect()
}

/// An issue's text that the run put another in the place of.
struct Overwritten {
    /// Before the first time.
    was: IssueText,
    /// The digest of the last one.
    says: String,
}

/// By issue, without those that the run opened itself.
fn overwritten(writes: &[&Noted]) -> BTreeMap<IssueNumber, Overwritten> {
    let opened = writes.iter().filter(|noted| matches!(noted.change, Change::Issue)).filter_map(|noted| noted.made);
    let opened: BTreeSet<IssueNumber> = opened.map(IssueNumber).collect();
    let mut texts: BTreeMap<IssueNumber, Overwritten> = BTreeMap::new();
    for noted in writes {
        let Change::IssueText { issue, was: Some(was), says: Some(says) } = &noted.change else { continue };
        if !opened.contains(issue) {
            let text = || Overwritten { was: was.clone(), says: String::new() };
            texts.entry(*issue).or_insert_with(text).says.clone_from(says);
        }
    }
    texts
}

/// A branch that the run wrote to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Branch {
    /// Whether wiz made it.
    own: bool,
    /// wiz's commits on it.
    commits: Vec<CommitSha>,
}

fn branches(writes: &[&Noted]) -> BTreeMap<BranchName, Branch> {
    let mut branches: BTreeMap<BranchName, Branch> = BTreeMap::new();
    for noted in writes {
        let own = matches!(noted.change, Change::Branch { .. });
        let (Change::Branch { branch, commit } | Change::BranchMoved { branch, commit }) = &noted.change else {
            continue;
        };
        let entry = branches.entry(branch.clone()).or_default();
        entry.own |= own;
        entry.commits.push(commit.clone());
    }
    branches
}
