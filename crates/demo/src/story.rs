//! The main job as people live it: an issue, `/wiz fix`, a plan, `/wiz approve`, a pull request that CI and a reviewer
//! object to and wiz mends, an approving review, a merge.
//!
//! [`Story`] does what the people do and waits for what they would wait for, nothing else, so the demo and the tests
//! tell the same story. It gives up as soon as wiz says that it failed. Read first: [`Story::play`], [`Mark`].

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use github_stand_in::control::{MergeMethod, Verdict};
use tokio::time::Instant;

use crate::{
    case::Case,
    hub::{Pull, Repo},
    scrutiny::{CiVerdict, Remark, Scrutiny},
    until::until,
};

/// Longest wait for something that needs no model and no box.
const SOON: Duration = Duration::from_secs(180);
/// Longest wait for agents and tests; a real model is slow, and so is a busy machine.
const WORK: Duration = Duration::from_secs(30 * 60);

/// The name of the check run that stands for the whole run.
const OWN_CHECK: &str = "wiz";
/// Headlines behind which nothing comes by itself.
const ENDS: [&str; 3] = ["Failed", "Cancelled", "A question"];

/// The points of the story, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    IssueOpened,
    Asked,
    Seen,
    StatusShown,
    Planned,
    Approved,
    Working,
    Verifying,
    Reviewing,
    PullRequestOpened,
    /// CI has failed on the first version.
    CiFailed,
    /// wiz has pushed a version on which CI passes.
    CiMended,
    /// The maintainer asks for changes on a line.
    Objected,
    /// wiz has pushed a version without the line's fault, and said so in the thread.
    Answered,
    CheckPassed,
    Reviewed,
    Merged,
    Done,
}

/// One point that was reached.
#[derive(Debug, Clone)]
pub struct Moment {
    pub mark: Mark,
    /// What happened, in one line.
    pub text: String,
    /// Where a browser shows it.
    pub url: String,
    /// When.
    pub at: Instant,
}

/// How the story ended.
#[derive(Debug, Clone)]
pub struct Ending {
    pub issue: u64,
    /// Where a browser shows it.
    pub issue_url: String,
    pub status_comment: u64,
    /// The pull request as it was merged.
    pub pull: Pull,
    /// The commits of its branch, oldest first: one for each version.
    pub versions: Vec<String>,
    pub merge_commit: String,
    pub moments: Vec<Moment>,
}

impl Ending {
    /// Time from one point to another.
    pub fn between(&self, from: Mark, to: Mark) -> Result<Duration> {
        let at = |mark| self.moments.iter().find(|moment| moment.mark == mark).map(|moment| moment.at);
        Ok(at(to).context("that point was not reached")? - at(from).context("that point was not reached")?)
    }
}

/// A story under way.
pub struct Story<'a> {
    case: &'static Case,
    scrutiny: Option<Scrutiny>,
    repo: Repo,
    tell: &'a mut dyn FnMut(&Moment),
    moments: Vec<Moment>,
}

impl<'a> Story<'a> {
    /// The story of a case in its repository; `tell` hears of each point as it is reached.
    pub fn new(case: &'static Case, repo: Repo, tell: &'a mut dyn FnMut(&Moment)) -> Self {
        Self { case, scrutiny: case.scrutiny, repo, tell, moments: Vec::new() }
    }

    /// Nobody objects to the first version: nobody knows yet what a real model will write.
    pub fn without_scrutiny(self) -> Self {
        Self { scrutiny: None, ..self }
    }

    /// From the issue to the merge.
    pub async fn play(mut self) -> Result<Ending> {
        let issue = self.open_issue()?;
        let status_comment = self.until_planned(issue).await?;
        self.approve(issue)?;
        let opened = self.until_pull_request(status_comment).await?;
        let mut versions = vec![self.first_version(&opened)?];
        if let Some(scrutiny) = self.scrutiny {
            versions.push(self.until_mended(&opened, &versions[0]).await?);
            versions.push(self.until_answered(&opened, &versions[1], &scrutiny.remark).await?);
        }
        let pull = self.until_checked(&opened, &versions[versions.len() - 1]).await?;
        let merge_commit = self.review_and_merge(&pull)?;
        self.until_done(issue, status_comment).await?;
        Ok(Ending {
            issue,
            issue_url: self.repo.issue_url(issue),
            status_comment,
            pull,
            versions,
            merge_commit,
            moments: self.moments,
        })
    }

    fn reached(&mut self, mark: Mark, text: impl Into<String>, url: &str) {
        let moment = Moment { mark, text: text.into(), url: url.to_owned(), at: Instant::now() };
        (self.tell)(&moment);
        self.moments.push(moment);
    }

    fn open_issue(&mut self) -> Result<u64> {
        let case = self.case;
        let issue = self.repo.reporter()?.open_issue(self.repo.full_name(), case.issue_title, case.issue_body)?;
        let url = self.repo.issue_url(issue);
        self.reached(Mark::IssueOpened, format!("sam opens issue #{issue}: {}", case.issue_title), &url);
        Ok(issue)
    }

    fn comment(&mut self, issue: u64, text: &str, mark: Mark) -> Result<u64> {
        // Noted before it is said, so that what follows is timed from the moment the person pressed the button.
        let pressed = Instant::now();
        let comment = self.repo.maintainer()?.comment(self.repo.full_name(), issue, text)?;
        let url = self.repo.comment_url(issue, comment);
        self.reached(mark, format!("maria comments: {text}"), &url);
        if let Some(moment) = self.moments.last_mut() {
            moment.at = pressed;
        }
        Ok(comment)
    }

    /// A maintainer asks, and the plan comes.
    async fn until_planned(&mut self, issue: u64) -> Result<u64> {
        let asked = self.comment(issue, "/wiz fix", Mark::Asked)?;
        let repo = self.repo.clone();
        until("wiz has seen the comment", SOON, async || Ok(repo.has_eyes(asked)?.then_some(()))).await?;
        self.reached(Mark::Seen, "👀 on the comment", &repo.comment_url(issue, asked));
        let status = until("the status comment is there", SOON, async || Ok(repo.wiz_comments()?.into_iter().next()));
        let status = status.await?;
        self.reached(Mark::StatusShown, format!("status comment: {}", status.headline()), &status.url);
        self.until_headline(status.id, "The plan is ready for approval", Mark::Planned).await?;
        Ok(status.id)
    }

    fn approve(&mut self, issue: u64) -> Result<()> {
        self.comment(issue, "/wiz approve", Mark::Approved).map(drop)
    }

    /// Work, proof and review, until the pull request is there.
    async fn until_pull_request(&mut self, status_comment: u64) -> Result<Pull> {
        for (headline, mark) in
            [("Working", Mark::Working), ("Running the checks", Mark::Verifying), ("Reviewing", Mark::Reviewing)]
        {
            self.until_headline(status_comment, headline, mark).await?;
        }
        let repo = self.repo.clone();
        let pull = until("a pull request is open", WORK, async || Ok(repo.pulls()?.pop())).await?;
        let text = format!("wiz opens pull request #{}: {}", pull.number, pull.title);
        self.reached(Mark::PullRequestOpened, text, &pull.url);
        Ok(pull)
    }

    /// The commit with which the pull request was opened. wiz may have pushed another one before anybody looked.
    fn first_version(&self, opened: &Pull) -> Result<String> {
        let range = format!("{}..{}", opened.base_sha, opened.head_sha);
        let commits = self.repo.git(&["rev-list", "--reverse", &range])?;
        commits.lines().next().map(str::to_owned).context("a pull request without a commit")
    }

    /// CI fails on the first version, and wiz pushes one on which it passes.
    async fn until_mended(&mut self, opened: &Pull, first: &str) -> Result<String> {
        let repo = self.repo.clone();
        let failed = async || Ok(repo.ci(first)?.map(|verdict| (verdict, repo.workflow_url(first))));
        let (verdict, url) = until("CI has ended", SOON, failed).await?;
        ensure!(verdict == CiVerdict::Failed, "CI passes on the first version, so there is nothing to mend");
        self.reached(Mark::CiFailed, "CI fails on the first version", &url?);
        let head = self.until_next_version(opened, first).await?;
        self.until_ci_passes(&head).await?;
        let subject = repo.git(&["log", "-1", "--format=%s", &head])?;
        self.reached(Mark::CiMended, format!("wiz pushes “{subject}”, and CI passes"), &opened.url);
        Ok(head)
    }

    /// The maintainer asks for a change on a line, and wiz makes it and says so.
    async fn until_answered(&mut self, opened: &Pull, head: &str, remark: &Remark) -> Result<String> {
        let repo = self.repo.clone();
        let thread = repo.object(opened.number, head, remark)?;
        let url = repo.line_comment_url(opened.number, thread);
        self.reached(Mark::Objected, format!("maria asks for changes: {}", remark.text), &url);
        let next = self.until_next_version(opened, head).await?;
        let answered = until("the thread is answered and resolved", SOON, async || repo.answer(opened.number, thread));
        let answer = answered.await?;
        let said = answer.body.lines().next().unwrap_or_default().to_owned();
        self.reached(Mark::Answered, format!("wiz answers and resolves the thread: {said}"), &answer.url);
        self.until_ci_passes(&next).await?;
        Ok(next)
    }

    async fn until_next_version(&self, pull: &Pull, head: &str) -> Result<String> {
        let repo = &self.repo;
        until("wiz has pushed a further commit", WORK, async || {
            let pull = repo.pull_request(pull.number)?;
            Ok((pull.head_sha != head).then_some(pull.head_sha))
        })
        .await
    }

    async fn until_ci_passes(&self, head: &str) -> Result<()> {
        let verdict = until("CI has ended on wiz's commit", SOON, async || self.repo.ci(head)).await?;
        ensure!(verdict == CiVerdict::Passed, "CI fails on wiz's commit {head}");
        Ok(())
    }

    /// wiz's own check on the version to be merged; gives the pull request as it is then.
    async fn until_checked(&mut self, opened: &Pull, head: &str) -> Result<Pull> {
        let repo = self.repo.clone();
        let check = until("the check run is completed", SOON, async || {
            let mut checks = repo.checks()?.into_iter();
            Ok(checks.rfind(|check| check.name == OWN_CHECK && check.head_sha == head && check.conclusion.is_some()))
        });
        let check = check.await?;
        let conclusion = check.conclusion.as_deref().unwrap_or_default();
        ensure!(conclusion == "success", "the check run says {conclusion}: {}", check.title);
        self.reached(Mark::CheckPassed, format!("check run: {}", check.title), &check.url);
        repo.pull_request(opened.number)
    }

    fn review_and_merge(&mut self, pull: &Pull) -> Result<String> {
        let (maintainer, name) = (self.repo.maintainer()?, self.repo.full_name().to_owned());
        let praise = "Small, tested, and the summary says why. Thank you!";
        maintainer.review(&name, pull.number, Verdict::Approve, praise)?;
        self.reached(Mark::Reviewed, format!("maria approves pull request #{}", pull.number), &pull.url);
        let merge_commit = maintainer.merge(&name, pull.number, MergeMethod::Merge)?;
        let short: String = merge_commit.chars().take(8).collect();
        self.reached(Mark::Merged, format!("maria merges it as {short}"), &pull.url);
        Ok(merge_commit)
    }

    async fn until_done(&mut self, issue: u64, status_comment: u64) -> Result<()> {
        let repo = self.repo.clone();
        until("the issue is closed", SOON, async || Ok(repo.is_closed(issue)?.then_some(()))).await?;
        self.until_headline(status_comment, "Done", Mark::Done).await
    }

    /// Waits until the status comment has come as far as the headline. A headline may be passed unseen; then the first
    /// one behind it counts.
    async fn until_headline(&mut self, comment: u64, wanted: &str, mark: Mark) -> Result<()> {
        let repo = self.repo.clone();
        let place = rank(wanted).context("not a headline")?;
        let what = format!("the status comment says {wanted:?}");
        let shown = until(&what, WORK, async || {
            let Some(comment) = repo.comment(comment)? else { bail!("the status comment is gone") };
            let headline = comment.headline();
            if ENDS.iter().any(|end| headline.starts_with(end)) {
                bail!("wiz stopped: {}", comment.body);
            }
            Ok(rank(&headline).is_some_and(|rank| rank >= place).then_some(comment))
        });
        let shown = shown.await?;
        let headline = shown.headline();
        if rank(&headline) == Some(place) {
            self.reached(mark, headline, &shown.url);
        } else {
            // Nobody saw it, so it is not told.
            self.moments.push(Moment { mark, text: headline, url: shown.url, at: Instant::now() });
        }
        Ok(())
    }
}

/// The status comment's headlines in the order of a run.
const HEADLINES: [&str; 9] = [
    "Waiting",
    "Planning",
    "The plan is ready for approval",
    "Working",
    "Running the checks",
    "Reviewing",
    "Opening",
    "Pull request #",
    "Done",
];

fn rank(headline: &str) -> Option<usize> {
    HEADLINES.iter().position(|start| headline.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_headline_has_its_place_in_the_run() {
        let places: Vec<_> = ["Waiting: 2 runs ahead", "Working: 1 of 2 steps done", "Pull request #2 is open", "Done"]
            .into_iter()
            .map(rank)
            .collect();
        assert_eq!(places, [Some(0), Some(3), Some(7), Some(8)]);
        assert_eq!(rank("Something else"), None);
    }
}
