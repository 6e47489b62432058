//! Reviews, and words on lines, of which no delivery ever told.
//!
//! Every comment on a line belongs to a review, and so does every answer in a thread; so the list of reviews, which GitHub
//! seldom has to send again, tells of all of them.

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::{
    delivery,
    runs::{GRACE, Whereabouts},
};
use crate::{
    event::{self, Event, EventKind, Place},
    github::{Edits, GitHubError, PullRequest, Review, ReviewComment, Submitted},
    ids::{CommentId, Login},
    intake::{self, store::Stored},
    run::{
        services::Services,
        store::{
            StoredRun,
            heard::{self, Source},
            reviews,
        },
    },
    triage,
};

/// Something that may never have been delivered.
struct Found {
    event: &'static str,
    what: String,
    payload: Value,
}

/// Tells of the reviews of an open pull request since then, and of words in them, as GitHub would have. Answers how many
/// were news.
pub(super) async fn tell(
    services: &Services,
    place: Whereabouts<'_>,
    pull: &PullRequest,
    since: DateTime<Utc>,
) -> Result<usize> {
    let (github, stored) = place;
    let own = &services.github.identity().await?.bot_login;
    let all = match github.reviews(&stored.repository_name, pull.number).await {
        Err(GitHubError::Conflict(detail)) => {
            tracing::warn!(%detail, pull = %pull.number, "there are too many reviews to be read again");
            return Ok(0);
        }
        read => read.context("cannot list the reviews")?,
    };
    let now = Utc::now();
    let mut found = 0;
    let mut edits: Option<Edits> = None;
    for (review, submitted_at) in all.iter().filter_map(|review| Some((review, young(review, since, now)?))) {
        let comments = github.comments_of_review(&stored.repository_name, pull.number, review.id).await?;
        let news = News { stored, pull, own, review, comments: &comments };
        if news.unknown(services).await?.is_empty() {
            continue;
        }
        let edits = match &mut edits {
            Some(edits) => edits,
            unread => unread.insert(github.edits_of_reviews(&stored.repository_name, pull.number).await?),
        };
        // What an edited text once said is not known, so what is new in it is not either; nor is it known to be the words of
        // its author. The verdict is.
        let mut review = review.clone();
        if !edits.is_as_submitted(review.id, submitted_at) {
            review.body.clear();
        }
        let untouched = comments.iter().filter(|comment| edits.is_comment_as_submitted(comment.id, submitted_at));
        let untouched: Vec<ReviewComment> = untouched.cloned().collect();
        for one in (News { review: &review, comments: &untouched, ..news }).unknown(services).await? {
            found += usize::from(store(services, one).await?);
        }
    }
    Ok(found)
}

/// When a review by a person was submitted, if that was after `since`, and not just now.
fn young(review: &Review, since: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let by_a_person = review.user.as_ref().is_some_and(|author| author.kind == "User");
    review.submitted_at.filter(|at| by_a_person && *at > since && *at < now - GRACE)
}

async fn store(services: &Services, found: Found) -> Result<bool> {
    let (id, payload) = (delivery::id_of(&found.what), serde_json::to_vec(&found.payload)?);
    let stored = intake::store_found(&services.pool, id, found.event, payload).await?;
    let is_news = matches!(stored, Stored::New(_));
    if is_news {
        tracing::info!(found.what);
    }
    Ok(is_news)
}

/// A review that may be news.
#[derive(Clone, Copy)]
struct News<'a> {
    stored: &'a StoredRun,
    pull: &'a PullRequest,
    own: &'a Login,
    review: &'a Review,
    comments: &'a [ReviewComment],
}

impl News<'_> {
    /// What of it asks for something and was not heard.
    async fn unknown(&self, services: &Services) -> Result<Vec<Found>> {
        let mut connection = services.pool.acquire().await?;
        let mut unknown = Vec::new();
        if let Some(found) = self.as_review()
            && self.is_unheard(&mut connection, &found.payload).await?
        {
            unknown.push(found);
        }
        let spoken: Vec<(CommentId, Found)> = self.comments.iter().filter_map(|comment| self.words(comment)).collect();
        let ids: Vec<CommentId> = spoken.iter().map(|(id, _)| *id).collect();
        let unheard = heard::unheard(&mut connection, Source::Text(Place::ReviewComment), &ids).await?;
        unknown.extend(spoken.into_iter().filter(|(id, _)| unheard.contains(id)).map(|(_, found)| found));
        Ok(unknown)
    }

    /// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request_review>
    fn as_review(&self) -> Option<Found> {
        let author = delivery::account(self.review.user.as_ref()?);
        let state = match self.review.state {
            Submitted::Approved => "approved",
            Submitted::ChangesRequested => "changes_requested",
            Submitted::Commented => "commented",
            // It asks for nothing any more, or for nothing yet.
            Submitted::Dismissed | Submitted::Pending => return None,
        };
        let mut payload = delivery::payload(self.stored, "submitted");
        payload["sender"] = author.clone();
        payload["pull_request"] = delivery::pull_request(self.pull);
        payload["review"] = json!({
            "id": self.review.id, "body": self.review.body, "state": state, "html_url": self.review.html_url,
            "user": author,
        });
        let what = format!("a review that was never delivered: {}", self.review.id);
        Some(Found { event: "pull_request_review", what, payload })
    }

    /// Whether the review as a whole asks for work that nobody took, or its own text holds commands that nobody heard.
    async fn is_unheard(&self, connection: &mut PgConnection, payload: &Value) -> Result<bool> {
        let id = CommentId(self.review.id.0);
        let Some(event) = parsed("pull_request_review", payload) else { return Ok(false) };
        let speaks = triage::listen(&event, Some(self.own)).is_ok();
        if speaks && !heard::unheard(connection, Source::Text(Place::Review), &[id]).await?.is_empty() {
            return Ok(true);
        }
        Ok(self.asks_for_work(&event)
            && !heard::unheard(connection, Source::WholeReview, &[id]).await?.is_empty()
            && !reviews::is_taken(connection, self.stored.repository, self.review.id).await?)
    }

    fn asks_for_work(&self, event: &Event) -> bool {
        let (EventKind::Spoken(spoken), Ok(_)) = (&event.kind, triage::reviewed(event, Some(self.own))) else {
            return false;
        };
        let said = std::iter::once(&self.review.body).chain(self.comments.iter().map(|comment| &comment.body));
        let order = said.into_iter().find_map(|text| triage::order_in(text, None));
        let ground = triage::ground(spoken, self.stored.has_opened(self.pull.number), None);
        triage::may_ask(spoken.review, order.as_ref(), ground).is_ok()
    }

    /// A comment with commands of its own; work is ordered by the review as a whole.
    /// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request_review_comment>
    fn words(&self, comment: &ReviewComment) -> Option<(CommentId, Found)> {
        let author = delivery::account(comment.user.as_ref().filter(|author| author.kind == "User")?);
        let mut payload = delivery::payload(self.stored, "created");
        payload["sender"] = author.clone();
        payload["pull_request"] = delivery::pull_request(self.pull);
        payload["comment"] = json!({
            "id": comment.id, "body": comment.body, "html_url": comment.html_url, "user": author, "path": comment.path,
            "line": comment.line, "original_line": comment.original_line, "diff_hunk": comment.diff_hunk,
            "in_reply_to_id": comment.in_reply_to_id, "pull_request_review_id": comment.pull_request_review_id,
        });
        let event = parsed("pull_request_review_comment", &payload)?;
        triage::listen(&event, Some(self.own)).ok()?;
        let what = format!("words on a line that were never delivered: {}", comment.id);
        Some((comment.id, Found { event: "pull_request_review_comment", what, payload }))
    }
}

fn parsed(name: &str, payload: &Value) -> Option<Event> {
    event::parse(name, payload.to_string().as_bytes()).ok()
}
