//! Reviews of pull requests.

use serde_json::{Value, json};

use super::Call;
use super::comments::refuse_locked;
use super::review_comments::{self, Place};
use crate::answer::{Answer, Handled, Refusal};
use crate::render::{pulls, reviews as render};
use crate::store::{IssueState, Review, ReviewState, Role};

/// `GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews`, oldest first.
pub fn list(call: &mut Call<'_>) -> Handled {
    let (issue, pull) = call.pull()?;
    let repository = call.repo()?;
    Ok(Answer::list(pull.reviews.iter().map(|r| render::review(call.state, repository, issue.number, r)).collect()))
}

/// `GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/comments`
pub fn list_comments(call: &mut Call<'_>) -> Handled {
    let (issue, pull) = call.pull()?;
    let id = call.number("review_id")?;
    if !pull.reviews.iter().any(|review| review.id == id) {
        return Err(Refusal::not_found());
    }
    let repository = call.repo()?;
    let found = pull.review_comments.iter().filter(|comment| comment.review == id);
    Ok(Answer::list(found.map(|c| render::comment(call.state, repository, issue.number, c)).collect()))
}

/// `POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews`
pub fn create(call: &mut Call<'_>) -> Handled {
    let actor = call.actor()?;
    let (issue, _) = call.pull()?;
    let (number, author, open) = (issue.number, issue.user, issue.state == IssueState::Open);
    refuse_locked(call, number)?;
    let (_, pull) = call.pull()?;
    let commit = call.text("commit_id").unwrap_or(&pull.head_sha).to_owned();
    let state = match call.text("event") {
        Some("APPROVE") => ReviewState::Approved,
        Some("REQUEST_CHANGES") => ReviewState::ChangesRequested,
        Some("COMMENT") => ReviewState::Commented,
        Some(_) | None => ReviewState::Pending,
    };
    let refusal = |message: &str| {
        let mut refusal = Refusal::new(422, "Unprocessable Entity");
        refusal.errors = vec![json!(message)];
        refusal
    };
    // https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests
    if author == actor && state == ReviewState::Approved {
        return Err(refusal("Can not approve your own pull request"));
    }
    if author == actor && state == ReviewState::ChangesRequested {
        return Err(refusal("Can not request changes on your own pull request"));
    }
    if !open && state == ReviewState::Approved && call.role()? < Role::Read {
        return Err(refusal("Can not approve a closed pull request"));
    }
    let body = call.text("body").unwrap_or_default().to_owned();
    let lines: Vec<Value> = call.body["comments"].as_array().cloned().unwrap_or_default();
    let needs_text = matches!(state, ReviewState::ChangesRequested | ReviewState::Commented);
    if needs_text && body.trim().is_empty() && lines.is_empty() {
        return Err(refusal("Review body can't be blank"));
    }
    let mut places = Vec::new();
    for line in &lines {
        places.push((
            line["body"].as_str().unwrap_or_default().to_owned(),
            Place::find(call, &commit, line).map_err(simple)?,
        ));
    }
    let now = call.state.now();
    let id = call.state.fresh_id();
    let submitted_at = (state != ReviewState::Pending).then_some(now);
    call.pull_mut()?.reviews.push(Review { id, user: actor, body, state, commit: commit.clone(), submitted_at });
    let mut made = Vec::new();
    for (text, place) in places {
        made.push(review_comments::add(call, number, id, (text, place, None))?);
    }
    if state != ReviewState::Pending {
        call.pull_mut()?.requested_reviewers.retain(|asked| *asked != actor);
        tell(call, number, id, "submitted")?;
        for comment in made {
            review_comments::tell(call, number, comment, "created", json!({}))?;
        }
    }
    let (_, pull) = call.pull()?;
    let review = pull.reviews.iter().find(|review| review.id == id).ok_or_else(Refusal::not_found)?;
    Ok(Answer::ok(render::review(call.state, call.repo()?, number, review)))
}

/// Here errors are plain texts, unlike where single comments are made:
/// <https://docs.github.com/en/rest/pulls/reviews#create-a-review-for-a-pull-request>
fn simple(mut refusal: Refusal) -> Refusal {
    for error in &mut refusal.errors {
        if let Some(text) = error["message"].as_str().map(str::to_owned) {
            *error = Value::String(text);
        }
    }
    refusal
}

fn shown(call: &Call<'_>, id: u64) -> Handled {
    let (issue, pull) = call.pull()?;
    let review = pull.reviews.iter().find(|review| review.id == id).ok_or_else(Refusal::not_found)?;
    Ok(Answer::ok(render::review(call.state, call.repo()?, issue.number, review)))
}

/// `GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}`
pub fn get(call: &mut Call<'_>) -> Handled {
    shown(call, call.number("review_id")?)
}

/// `POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/events`: submits a pending review.
pub fn submit(call: &mut Call<'_>) -> Handled {
    let (id, actor, now) = (call.number("review_id")?, call.actor()?, call.state.now());
    let (issue, pull) = call.pull()?;
    let (number, author) = (issue.number, issue.user);
    let review = pull.reviews.iter().find(|review| review.id == id && review.user == actor);
    let review = review.ok_or_else(Refusal::not_found)?;
    if review.state != ReviewState::Pending {
        return Err(Refusal::new(422, "Can not submit a review that is not pending"));
    }
    let wanted = match call.text("event") {
        Some("APPROVE") => ReviewState::Approved,
        Some("REQUEST_CHANGES") => ReviewState::ChangesRequested,
        Some(_) | None => ReviewState::Commented,
    };
    if author == actor && wanted != ReviewState::Commented {
        return Err(Refusal::new(422, "Can not approve or request changes on your own pull request"));
    }
    let body = call.text("body").map_or_else(|| review.body.clone(), str::to_owned);
    let made: Vec<u64> = pull.review_comments.iter().filter(|one| one.review == id).map(|one| one.id).collect();
    if body.trim().is_empty() && made.is_empty() && wanted != ReviewState::Approved {
        return Err(Refusal::new(422, "Review body can't be blank"));
    }
    let pull = call.pull_mut()?;
    pull.requested_reviewers.retain(|asked| *asked != actor);
    if let Some(review) = pull.reviews.iter_mut().find(|review| review.id == id) {
        (review.state, review.body, review.submitted_at) = (wanted, body, Some(now));
    }
    tell(call, number, id, "submitted")?;
    for comment in made {
        review_comments::tell(call, number, comment, "created", json!({}))?;
    }
    shown(call, id)
}

/// `PUT /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/dismissals`
pub fn dismiss(call: &mut Call<'_>) -> Handled {
    let id = call.number("review_id")?;
    let (issue, pull) = call.pull()?;
    let number = issue.number;
    let review = pull.reviews.iter().find(|review| review.id == id).ok_or_else(Refusal::not_found)?;
    // https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests/dismissing-a-pull-request-review
    if !matches!(review.state, ReviewState::Approved | ReviewState::ChangesRequested) {
        let state = review.state.as_str().to_lowercase();
        return Err(Refusal::new(422, format!("Can not dismiss a {state} pull request review")));
    }
    if let Some(review) = call.pull_mut()?.reviews.iter_mut().find(|review| review.id == id) {
        review.state = ReviewState::Dismissed;
    }
    tell(call, number, id, "dismissed")?;
    shown(call, id)
}

/// Sends `pull_request_review`, in which the state is in lower case.
pub fn tell(call: &mut Call<'_>, number: u64, review: u64, action: &'static str) -> Result<(), Refusal> {
    let repository = call.repo()?;
    let issue = repository.issues.get(&number).ok_or_else(Refusal::not_found)?;
    let pull = issue.pull.as_ref().ok_or_else(Refusal::not_found)?;
    let found = pull.reviews.iter().find(|known| known.id == review).ok_or_else(Refusal::not_found)?;
    let mut value = render::review(call.state, repository, number, found);
    value["state"] = json!(found.state.as_str().to_lowercase());
    if found.body.is_empty() {
        value["body"] = Value::Null;
    }
    let payload = json!({ "review": value, "pull_request": pulls::simple(call.state, repository, issue, pull) });
    call.tell("pull_request_review", action, payload)
}
