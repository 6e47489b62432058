//! What deliveries tell in passing: of whom a text is, which labels a thing has, which pull request a commit heads.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::{
    event::{Actor, Event, EventKind, Place, Spoken, SpokenAction, command::Command},
    ids::{CommitSha, IssueNumber, RepositoryId, ReviewId, UserId},
    policy::AuthorAssociation,
    run::project::{CHECK_RUN_PREFIX, POLICY_CHECK_PREFIX},
    triage,
};

/// What a payload says beside the event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    issue: Option<Subject>,
    pull_request: Option<Subject>,
    comment: Author,
    review: Author,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Subject {
    number: Option<i64>,
    labels: Vec<Label>,
    author_association: Option<String>,
    /// Only of a pull request.
    head: Option<Branch>,
    closed_at: Option<DateTime<Utc>>,
    /// Only of an issue that is a pull request.
    pull_request: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Branch {
    sha: Option<String>,
    /// Gone with a deleted fork.
    repo: Option<Repository>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Repository {
    id: Option<i64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Label {
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Author {
    author_association: Option<String>,
}

impl Told {
    pub(super) fn read(payload: &[u8]) -> Self {
        serde_json::from_slice(payload).unwrap_or_default()
    }

    fn subject(&self) -> Option<&Subject> {
        self.issue.as_ref().or(self.pull_request.as_ref())
    }

    /// Of the issue or pull request.
    pub(super) fn labels(&self) -> Vec<String> {
        self.subject().into_iter().flat_map(Subject::labels).collect()
    }

    /// How the author of the issue or pull request stands to the repository.
    pub(super) fn author(&self) -> Option<AuthorAssociation> {
        self.subject()?.author_association.as_deref().map(AuthorAssociation::from_github)
    }

    /// How whoever wrote the words stands to it.
    fn speaker(&self) -> Option<AuthorAssociation> {
        let spoken = [&self.comment.author_association, &self.review.author_association];
        let word = spoken.into_iter().flatten().next().or(self.subject()?.author_association.as_ref());
        word.map(|word| AuthorAssociation::from_github(word))
    }
}

impl Subject {
    fn labels(&self) -> impl Iterator<Item = String> {
        self.labels.iter().map(|label| label.name.clone())
    }
}

/// What a commit is the head of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadOf {
    Pull(IssueNumber),
    DefaultBranch,
}

/// What all deliveries together tell, the last word of each.
#[derive(Debug, Default)]
pub(super) struct Index {
    heads: HashMap<(RepositoryId, CommitSha), HeadOf>,
    labels: HashMap<(RepositoryId, IssueNumber), Vec<String>>,
    forks: HashSet<(RepositoryId, IssueNumber)>,
    closed: HashMap<(RepositoryId, IssueNumber), DateTime<Utc>>,
    /// The first order among the comments of a review.
    orders: HashMap<(RepositoryId, ReviewId), Command>,
    /// How people stand to a repository.
    standings: HashMap<(RepositoryId, UserId), AuthorAssociation>,
    /// Apps that have made a check run of wiz's.
    own_apps: HashSet<(RepositoryId, String)>,
}

impl Index {
    pub(super) fn learn(&mut self, event: &Event, told: &Told) {
        let Some(repository) = &event.repository else { return };
        let id = repository.id;
        self.learn_pull(id, told);
        match &event.kind {
            EventKind::CheckRun(run) => {
                let prefixes = [CHECK_RUN_PREFIX, POLICY_CHECK_PREFIX];
                if prefixes.iter().any(|prefix| run.external_id.starts_with(prefix)) {
                    self.own_apps.extend(run.app_slug.clone().map(|app| (id, app)));
                }
                let of_default = run.head_branch.is_some() && run.head_branch == repository.default_branch;
                self.learn_head(id, &run.head_sha, (run.pull_requests.first(), of_default));
            }
            EventKind::CheckSuite(suite) => {
                let of_default = suite.head_branch.is_some() && suite.head_branch == repository.default_branch;
                self.learn_head(id, &suite.head_sha, (suite.pull_requests.first(), of_default));
            }
            EventKind::Push(push) if !push.deleted => {
                self.learn_head(id, &push.after, (None, Some(&push.branch) == repository.default_branch.as_ref()));
            }
            EventKind::Spoken(spoken) => {
                self.learn_standing(id, spoken.author.as_ref(), told.speaker());
                self.learn_order(id, spoken);
            }
            EventKind::Triggered(triggered) => {
                self.learn_standing(id, triggered.subject.author.as_ref(), told.author());
            }
            EventKind::Push(_)
            | EventKind::PullRequest(_)
            | EventKind::Unlocked { .. }
            | EventKind::WorkflowRun(_)
            | EventKind::CommitStatus(_)
            | EventKind::Installation(_)
            | EventKind::Repository(_)
            | EventKind::Ping
            | EventKind::Ignored { .. } => {}
        }
    }

    fn learn_standing(&mut self, id: RepositoryId, person: Option<&Actor>, standing: Option<AuthorAssociation>) {
        self.standings.extend(person.zip(standing).map(|(person, standing)| ((id, person.id), standing)));
    }

    fn learn_order(&mut self, id: RepositoryId, spoken: &Spoken) {
        let review = spoken.anchor.as_ref().and_then(|anchor| anchor.review);
        let is_new = (spoken.place, spoken.action) == (Place::ReviewComment, SpokenAction::Created);
        if let Some((review, order)) = review.filter(|_| is_new).zip(triage::order_in(&spoken.text, None)) {
            self.orders.entry((id, review)).or_insert(order);
        }
    }

    fn learn_pull(&mut self, id: RepositoryId, told: &Told) {
        if let Some(Subject { number: Some(number), pull_request: Some(_), labels, .. }) = &told.issue {
            let labels = labels.iter().map(|label| label.name.clone()).collect();
            self.labels.insert((id, IssueNumber(*number)), labels);
        }
        let Some(pull) = &told.pull_request else { return };
        let (Some(number), Some(head)) = (pull.number.map(IssueNumber), &pull.head) else { return };
        self.labels.insert((id, number), pull.labels().collect());
        match pull.closed_at {
            Some(at) => drop(self.closed.insert((id, number), at)),
            None => drop(self.closed.remove(&(id, number))),
        }
        if head.repo.as_ref().and_then(|repo| repo.id) != Some(id.0) {
            self.forks.insert((id, number));
        }
        if let Some(sha) = head.sha.as_deref().and_then(|sha| sha.parse().ok()) {
            self.heads.insert((id, sha), HeadOf::Pull(number));
        }
    }

    /// A pull request's word counts more than a branch's.
    fn learn_head(&mut self, id: RepositoryId, head: &CommitSha, (pull, of_default): (Option<&IssueNumber>, bool)) {
        match (self.heads.entry((id, head.clone())), pull) {
            (Entry::Vacant(unknown), Some(pull)) => drop(unknown.insert(HeadOf::Pull(*pull))),
            (Entry::Vacant(unknown), None) if of_default => drop(unknown.insert(HeadOf::DefaultBranch)),
            (Entry::Occupied(mut known), Some(pull)) => drop(known.insert(HeadOf::Pull(*pull))),
            (Entry::Vacant(_) | Entry::Occupied(_), None) => {}
        }
    }

    pub(super) fn head_of(&self, id: RepositoryId, head: &CommitSha) -> Option<HeadOf> {
        self.heads.get(&(id, head.clone())).copied()
    }

    pub(super) fn labels(&self, id: RepositoryId, pull: IssueNumber) -> Vec<String> {
        self.labels.get(&(id, pull)).cloned().unwrap_or_default()
    }

    pub(super) fn is_fork(&self, id: RepositoryId, pull: IssueNumber) -> bool {
        self.forks.contains(&(id, pull))
    }

    pub(super) fn order_in(&self, id: RepositoryId, review: ReviewId) -> Option<&Command> {
        self.orders.get(&(id, review))
    }

    pub(super) fn standing(&self, id: RepositoryId, person: UserId) -> Option<AuthorAssociation> {
        self.standings.get(&(id, person)).copied()
    }

    /// Whether the App of that name is wiz.
    pub(super) fn is_own(&self, id: RepositoryId, app: &str) -> bool {
        self.own_apps.contains(&(id, app.to_owned()))
    }

    /// Whether a pull request was closed at that moment.
    pub(super) fn was_closed(&self, id: RepositoryId, pull: IssueNumber, at: DateTime<Utc>) -> bool {
        self.closed.get(&(id, pull)).is_some_and(|closed_at| *closed_at <= at)
    }
}
