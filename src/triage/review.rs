//! What a review of a pull request asks of wiz.
//!
//! A review is one thing, however many comments it has: the event of each comment starts nothing, the event of the review
//! speaks for all of them. A review that asks for changes on a pull request of wiz's own is work; anywhere else, and for
//! every other review, somebody must say so with a command.

use super::Ground;
use crate::{
    event::{
        Actor, Event, EventKind, Place, ReviewState, Spoken, SpokenAction,
        command::{self, Command},
    },
    ids::{Login, ReviewId},
    policy::{self, Permission, RepositoryPolicy, Role},
};

/// A review by somebody who may be heard.
#[derive(Debug, Clone, Copy)]
pub struct Reviewed<'a> {
    pub spoken: &'a Spoken,
    pub reviewer: &'a Actor,
    pub review: ReviewId,
}

/// The review that an event tells of, or why it starts nothing.
pub fn reviewed<'a>(event: &'a Event, own: Option<&Login>) -> Result<Reviewed<'a>, &'static str> {
    let EventKind::Spoken(spoken) = &event.kind else { return Err("nobody spoke") };
    let review = match (spoken.place, spoken.action) {
        (Place::Review, SpokenAction::Created | SpokenAction::Edited) => ReviewId(spoken.id.0),
        (Place::ReviewComment, SpokenAction::Created) => return Err("its review speaks for it"),
        (Place::ReviewComment, SpokenAction::Edited) => {
            spoken.anchor.as_ref().and_then(|anchor| anchor.review).ok_or("a comment without a review")?
        }
        (Place::Review | Place::ReviewComment, SpokenAction::Deleted) => return Err("deleted words"),
        (Place::Issue | Place::IssueComment | Place::PullRequest, _) => return Err("no review"),
    };
    let Some(reviewer) = &event.actor else { return Err("the reviewer is unknown") };
    if own == Some(&reviewer.login) {
        return Err("wiz's own words");
    }
    if reviewer.is_bot || spoken.author.as_ref().is_some_and(|author| author.is_bot) {
        return Err("a bot's words");
    }
    if spoken.action == SpokenAction::Edited && order_in(&spoken.text, spoken.previous_text.as_deref()).is_none() {
        return Err("an edit that orders nothing new");
    }
    Ok(Reviewed { spoken, reviewer, review })
}

/// The first order to work in a text.
pub fn order_in(text: &str, previous: Option<&str>) -> Option<Command> {
    command::parse(text, previous).into_iter().flatten().find(|command| super::is_work(command.verb))
}

/// What is known about a review once its comments were read and its reviewer's role was asked.
#[derive(Debug, Clone, Copy)]
pub struct ReviewFacts<'a> {
    /// What the review concluded; none for an edited comment of it.
    pub state: Option<ReviewState>,
    /// The first order in the review or in one of its comments.
    pub order: Option<&'a Command>,
    pub role: Role,
    pub ground: Ground,
}

/// What a review asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewIntent {
    /// Work it: on the branch of the pull request, or by an offer where that is in a fork.
    Work,
    /// Refuse this person, once per pull request.
    Deny { needs: Role },
    /// Say that the pull request is closed.
    TooLate { verb: command::Verb },
    /// Nothing, for this reason.
    Nothing(&'static str),
}

/// Whether a review may ask for anything at all; what it costs nothing to know comes first.
pub fn may_ask(state: Option<ReviewState>, order: Option<&Command>, ground: Ground) -> Result<(), &'static str> {
    match (order, state, ground) {
        (Some(_), _, _) | (None, Some(ReviewState::ChangesRequested), Ground::OwnPullRequest) => Ok(()),
        (None, Some(ReviewState::ChangesRequested), _) => Err("nobody asked wiz to work on this pull request"),
        (None, Some(ReviewState::Approved), _) => Err("an approval without a command"),
        (None, Some(ReviewState::Commented) | None, _) => Err("comments without a command"),
    }
}

/// What a review means.
pub fn judge(facts: &ReviewFacts<'_>, policy: &RepositoryPolicy) -> ReviewIntent {
    if let Err(reason) = may_ask(facts.state, facts.order, facts.ground) {
        return ReviewIntent::Nothing(reason);
    }
    let verb = facts.order.map_or(command::Verb::Fix, |order| order.verb);
    if let Permission::Denied { needs } = policy::may(facts.role, verb, policy) {
        return ReviewIntent::Deny { needs };
    }
    match facts.ground {
        Ground::OwnPullRequest | Ground::ForeignPullRequest | Ground::Fork => ReviewIntent::Work,
        Ground::ClosedPullRequest => ReviewIntent::TooLate { verb },
        Ground::Issue | Ground::ClosedIssue => ReviewIntent::Nothing("no pull request"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{Anchor, Repository},
        ids::{CommentId, IssueNumber, RepositoryId, UserId},
    };

    fn actor(login: &str, is_bot: bool) -> Actor {
        Actor { id: UserId(1), login: login.parse().unwrap(), is_bot }
    }

    fn event(place: Place, action: SpokenAction, (actor_login, is_bot): (&str, bool)) -> Event {
        let spoken = Spoken {
            place,
            issue: IssueNumber(2),
            pull_request: true,
            closed: false,
            locked: false,
            fork: Some(false),
            head: None,
            id: CommentId(50),
            author: Some(actor(actor_login, is_bot)),
            text: "/wiz fix".to_owned(),
            previous_text: (action == SpokenAction::Edited).then(String::new),
            action,
            issue_title: String::new(),
            issue_body: None,
            review: (place == Place::Review).then_some(ReviewState::ChangesRequested),
            anchor: (place == Place::ReviewComment).then(|| Anchor {
                path: "a.rs".to_owned(),
                thread: CommentId(50),
                review: Some(ReviewId(40)),
                line: None,
                diff_hunk: None,
            }),
            url: None,
        };
        Event {
            installation: None,
            repository: Some(Repository {
                id: RepositoryId(1),
                name: "octo/hello".parse().unwrap(),
                default_branch: None,
                private: false,
            }),
            actor: Some(actor(actor_login, is_bot)),
            kind: EventKind::Spoken(spoken),
        }
    }

    #[test]
    fn one_event_speaks_for_a_review_and_its_comments() {
        use SpokenAction::{Created, Deleted, Edited};
        let own = "wiz[bot]".parse().unwrap();
        let table = [
            (Place::Review, Created, ("ann", false), Ok(50)),
            (Place::Review, Edited, ("ann", false), Ok(50)),
            (Place::ReviewComment, Edited, ("ann", false), Ok(40)),
            (Place::ReviewComment, Created, ("ann", false), Err("its review speaks for it")),
            (Place::ReviewComment, Deleted, ("ann", false), Err("deleted words")),
            (Place::IssueComment, Created, ("ann", false), Err("no review")),
            (Place::Review, Created, ("helper", true), Err("a bot's words")),
            (Place::Review, Created, ("wiz[bot]", true), Err("wiz's own words")),
        ];
        for (place, action, who, expected) in table {
            let event = event(place, action, who);
            let found = reviewed(&event, Some(&own)).map(|found| found.review.0);
            assert_eq!(found, expected, "{place:?} {action:?} {who:?}");
        }
        let changed = |change: fn(&mut Spoken)| {
            let mut event = event(Place::Review, Edited, ("ann", false));
            if let EventKind::Spoken(spoken) = &mut event.kind {
                change(spoken);
            }
            reviewed(&event, Some(&own)).map(|_| ()).unwrap_err()
        };
        let repeated = "an edit that orders nothing new";
        assert_eq!(changed(|spoken| spoken.previous_text = Some("/wiz fix".to_owned())), repeated);
        assert_eq!(changed(|spoken| spoken.text = "/wiz status".to_owned()), repeated);
        assert_eq!(changed(|spoken| spoken.text = "> /wiz fix".to_owned()), repeated);
    }

    #[test]
    fn a_review_is_worked_where_it_may_and_for_whom_it_may() {
        use Ground::{ForeignPullRequest, Fork, OwnPullRequest};
        use ReviewState::{Approved, ChangesRequested, Commented};
        let fix = order_in("/wiz fix", None);
        let (no_order, order) = (None, fix.as_ref());
        let nobody = ReviewIntent::Nothing("nobody asked wiz to work on this pull request");
        let table = [
            (ChangesRequested, no_order, Role::Write, OwnPullRequest, ReviewIntent::Work),
            (ChangesRequested, no_order, Role::Read, OwnPullRequest, ReviewIntent::Deny { needs: Role::Write }),
            (ChangesRequested, no_order, Role::Write, ForeignPullRequest, nobody),
            (ChangesRequested, no_order, Role::None, ForeignPullRequest, nobody),
            (ChangesRequested, order, Role::Write, ForeignPullRequest, ReviewIntent::Work),
            (ChangesRequested, order, Role::Write, Fork, ReviewIntent::Work),
            (Commented, order, Role::Write, OwnPullRequest, ReviewIntent::Work),
            (Approved, order, Role::Write, OwnPullRequest, ReviewIntent::Work),
            (Commented, order, Role::Triage, Fork, ReviewIntent::Deny { needs: Role::Write }),
            (Commented, no_order, Role::Admin, OwnPullRequest, ReviewIntent::Nothing("comments without a command")),
            (Approved, no_order, Role::Admin, OwnPullRequest, ReviewIntent::Nothing("an approval without a command")),
        ];
        let late = ReviewFacts { state: None, order, role: Role::Write, ground: Ground::ClosedPullRequest };
        assert_eq!(judge(&late, &RepositoryPolicy::default()), ReviewIntent::TooLate { verb: command::Verb::Fix });
        for (state, order, role, ground, expected) in table {
            let facts = ReviewFacts { state: Some(state), order, role, ground };
            assert_eq!(judge(&facts, &RepositoryPolicy::default()), expected, "{facts:?}");
        }
    }
}
