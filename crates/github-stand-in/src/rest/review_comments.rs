//! Comments on lines of a pull request's diff.

use serde_json::{Value, json};

use super::Call;
use super::comments::{check_body, refuse_locked};
use crate::answer::{Answer, Handled, Refusal};
use crate::render::{pulls, reviews as render};
use crate::store::{Review, ReviewComment, ReviewState, Role};

/// A line of the diff.
#[derive(Debug, Clone)]
pub struct Place {
    path: String,
    commit: String,
    line: Option<u64>,
    start_line: Option<u64>,
    side: String,
    position: Option<u64>,
    hunk: String,
}

impl Place {
    /// Finds the line a body names; GitHub takes only lines that the diff shows.
    ///
    /// # Errors
    /// 422 for a file or line outside the diff.
    pub fn find(call: &Call<'_>, commit: &str, given: &Value) -> Result<Self, Refusal> {
        let (_, pull) = call.pull()?;
        let path = given["path"].as_str().unwrap_or_default().to_owned();
        let changes = call.git()?.changes(&super::pulls::merge_base(call, pull)?, &pull.head_sha)?;
        let outside = |field: &str| {
            Refusal::invalid(
                "PullRequestReviewComment",
                format!("pull_request_review_thread.{field} must be part of the diff"),
            )
        };
        let change = changes.into_iter().find(|change| change.path == path).ok_or_else(|| outside("path"))?;
        let side = given["side"].as_str().unwrap_or("RIGHT").to_owned();
        let mut place = Self {
            path,
            commit: commit.to_owned(),
            line: given["line"].as_u64(),
            start_line: given["start_line"].as_u64(),
            side,
            position: given["position"].as_u64(),
            hunk: String::new(),
        };
        if given["subject_type"] == "file" {
            place.line = None;
            return Ok(place);
        }
        let patch = change.patch.unwrap_or_default();
        let lines = shown_lines(&patch);
        let found = lines.iter().find(|shown| match (place.line, place.position) {
            (Some(line), _) => shown.number(&place.side) == Some(line),
            (None, Some(position)) => shown.position == position,
            (None, None) => false,
        });
        let shown = found.ok_or_else(|| outside("line"))?;
        if let Some(start) = place.start_line {
            let end = shown.number(&place.side).unwrap_or(start);
            // https://docs.github.com/en/rest/pulls/comments#create-a-review-comment-for-a-pull-request
            if start >= end {
                let message = "pull_request_review_thread.start_line must precede the end line.";
                return Err(Refusal::invalid("PullRequestReviewComment", message));
            }
            let begun = given["start_side"].as_str().unwrap_or(&place.side);
            if !lines.iter().any(|shown| shown.number(begun) == Some(start)) {
                return Err(outside("start_line"));
            }
        }
        place.line = shown.number(&place.side).or(shown.new).or(shown.old);
        place.position = Some(shown.position);
        place.hunk.clone_from(&shown.hunk);
        Ok(place)
    }
}

/// One line of a patch with its numbers on both sides.
struct ShownLine {
    position: u64,
    old: Option<u64>,
    new: Option<u64>,
    /// The hunk from its header down to this line.
    hunk: String,
}

impl ShownLine {
    fn number(&self, side: &str) -> Option<u64> {
        if side == "LEFT" { self.old } else { self.new }
    }
}

fn shown_lines(patch: &str) -> Vec<ShownLine> {
    let (mut old, mut new, mut hunk) = (0, 0, String::new());
    let mut shown = Vec::new();
    for (index, line) in patch.lines().enumerate() {
        let position = u64::try_from(index).unwrap_or(u64::MAX);
        if line.starts_with("@@") {
            let start = |mark: char| {
                let part = line.split(' ').find(|part| part.starts_with(mark)).unwrap_or_default();
                part[1..].split(',').next().and_then(|number| number.parse().ok()).unwrap_or(1)
            };
            (old, new) = (start('-'), start('+'));
            line.clone_into(&mut hunk);
            continue;
        }
        hunk.push('\n');
        hunk.push_str(line);
        let (left, right) = match line.as_bytes().first() {
            Some(b'+') => (None, Some(new)),
            Some(b'-') => (Some(old), None),
            Some(b'\\') => (None, None),
            _ => (Some(old), Some(new)),
        };
        old += u64::from(left.is_some());
        new += u64::from(right.is_some());
        shown.push(ShownLine { position, old: left, new: right, hunk: hunk.clone() });
    }
    shown
}

/// `GET /repos/{owner}/{repo}/pulls/{pull_number}/comments`, oldest first.
pub fn list(call: &mut Call<'_>) -> Handled {
    let (issue, pull) = call.pull()?;
    let repository = call.repo()?;
    let pending = |comment: &&ReviewComment| {
        pull.reviews.iter().any(|review| review.id == comment.review && review.state == ReviewState::Pending)
    };
    let all = pull.review_comments.iter().filter(|comment| !pending(comment));
    Ok(Answer::list(all.map(|comment| render::comment(call.state, repository, issue.number, comment)).collect()))
}

/// `POST /repos/{owner}/{repo}/pulls/{pull_number}/comments`
pub fn create(call: &mut Call<'_>) -> Handled {
    if let Some(parent) = call.body["in_reply_to"].as_u64() {
        return answer_to(call, parent);
    }
    let number = call.pull()?.0.number;
    refuse_locked(call, number)?;
    let body = check_body(call, "PullRequestReviewComment")?;
    let commit = call.text("commit_id").unwrap_or_default().to_owned();
    if call.git()?.object_type(&commit)?.as_deref() != Some("commit") {
        return Err(Refusal::invalid("PullRequestReviewComment", "commit_id is not part of the pull request"));
    }
    let place = Place::find(call, &commit, &call.body)?;
    let review = lone_review(call, &commit)?;
    let id = add(call, number, review, (body, place, None))?;
    tell(call, number, id, "created", json!({}))?;
    show(call, number, id)
}

/// `POST /repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies`
pub fn reply(call: &mut Call<'_>) -> Handled {
    let parent = call.number("comment_id")?;
    answer_to(call, parent)
}

fn answer_to(call: &mut Call<'_>, parent: u64) -> Handled {
    let number = call.pull()?.0.number;
    refuse_locked(call, number)?;
    let body = check_body(call, "PullRequestReviewComment")?;
    let found = call.pull()?.1.review_comments.iter().find(|comment| comment.id == parent);
    let first = found.ok_or_else(Refusal::not_found)?;
    let place = Place {
        path: first.path.clone(),
        commit: first.commit.clone(),
        line: first.line,
        start_line: first.start_line,
        side: first.side.clone(),
        position: first.position,
        hunk: first.diff_hunk.clone(),
    };
    // Answers hang on the first comment of a thread; GitHub knows no deeper nesting.
    let thread = first.in_reply_to.unwrap_or(first.id);
    let commit = place.commit.clone();
    let review = lone_review(call, &commit)?;
    let id = add(call, number, review, (body, place, Some(thread)))?;
    tell(call, number, id, "created", json!({}))?;
    show(call, number, id)
}

/// A comment outside a review gets a review of its own, as on GitHub.
fn lone_review(call: &mut Call<'_>, commit: &str) -> Result<u64, Refusal> {
    let (id, user, now) = (call.state.fresh_id(), call.actor()?, call.state.now());
    let review = Review {
        id,
        user,
        body: String::new(),
        state: ReviewState::Commented,
        commit: commit.to_owned(),
        submitted_at: Some(now),
    };
    call.pull_mut()?.reviews.push(review);
    let number = call.pull()?.0.number;
    super::reviews::tell(call, number, id, "submitted")?;
    Ok(id)
}

/// Stores a line comment: text, place, and the comment it answers.
pub fn add(call: &mut Call<'_>, number: u64, review: u64, given: (String, Place, Option<u64>)) -> Result<u64, Refusal> {
    let (body, place, in_reply_to) = given;
    let (id, user, now) = (call.state.fresh_id(), call.actor()?, call.state.now());
    let comment = ReviewComment {
        id,
        review,
        user,
        body,
        path: place.path,
        commit: place.commit,
        line: place.line,
        start_line: place.start_line,
        side: place.side,
        position: place.position,
        diff_hunk: place.hunk,
        in_reply_to,
        reactions: Vec::new(),
        created_at: now,
        updated_at: now,
        edited_at: None,
    };
    let issue = call.repo_mut()?.issues.get_mut(&number).ok_or_else(Refusal::not_found)?;
    issue.pull.as_mut().ok_or_else(Refusal::not_found)?.review_comments.push(comment);
    Ok(id)
}

fn show(call: &Call<'_>, number: u64, id: u64) -> Handled {
    let found = call.pull()?.1.review_comments.iter().find(|comment| comment.id == id);
    let comment = found.ok_or_else(Refusal::not_found)?;
    Ok(Answer::created(render::comment(call.state, call.repo()?, number, comment)))
}

/// The comment in the path, with its pull request's number.
fn named(call: &Call<'_>) -> Result<(u64, ReviewComment), Refusal> {
    let id = call.number("comment_id")?;
    let mut pulls = call.repo()?.issues.values().filter_map(|issue| Some((issue.number, issue.pull.as_ref()?)));
    let found = pulls.find_map(|(number, pull)| {
        pull.review_comments.iter().find(|comment| comment.id == id).map(|comment| (number, comment.clone()))
    });
    found.ok_or_else(Refusal::not_found)
}

fn of_author(call: &Call<'_>, comment: &ReviewComment) -> Result<(), Refusal> {
    if comment.user != call.actor()? && call.role()? < Role::Write {
        return Err(Refusal::new(403, "Must have admin rights to Repository."));
    }
    Ok(())
}

/// `GET /repos/{owner}/{repo}/pulls/comments/{comment_id}`
pub fn get(call: &mut Call<'_>) -> Handled {
    let (number, comment) = named(call)?;
    Ok(Answer::ok(render::comment(call.state, call.repo()?, number, &comment)))
}

/// `PATCH /repos/{owner}/{repo}/pulls/comments/{comment_id}`
pub fn update(call: &mut Call<'_>) -> Handled {
    let (number, old) = named(call)?;
    of_author(call, &old)?;
    let (body, now) = (check_body(call, "PullRequestReviewComment")?, call.state.now());
    let issue = call.repo_mut()?.issues.get_mut(&number).ok_or_else(Refusal::not_found)?;
    let comments = issue.pull.as_mut().map(|pull| &mut pull.review_comments);
    if let Some(comment) = comments.into_iter().flatten().find(|comment| comment.id == old.id) {
        (comment.body, comment.updated_at, comment.edited_at) = (body, now, Some(now));
    }
    tell(call, number, old.id, "edited", json!({ "changes": { "body": { "from": old.body } } }))?;
    get(call)
}

/// `DELETE /repos/{owner}/{repo}/pulls/comments/{comment_id}`
pub fn delete(call: &mut Call<'_>) -> Handled {
    let (number, old) = named(call)?;
    of_author(call, &old)?;
    tell(call, number, old.id, "deleted", json!({}))?;
    let issue = call.repo_mut()?.issues.get_mut(&number).ok_or_else(Refusal::not_found)?;
    if let Some(pull) = issue.pull.as_mut() {
        pull.review_comments.retain(|comment| comment.id != old.id);
    }
    Ok(Answer::no_content())
}

/// Sends `pull_request_review_comment`.
pub fn tell(call: &mut Call<'_>, number: u64, id: u64, action: &'static str, more: Value) -> Result<(), Refusal> {
    let repository = call.repo()?;
    let issue = repository.issues.get(&number).ok_or_else(Refusal::not_found)?;
    let pull = issue.pull.as_ref().ok_or_else(Refusal::not_found)?;
    let comment = pull.review_comments.iter().find(|known| known.id == id).ok_or_else(Refusal::not_found)?;
    let mut payload = json!({
        "comment": render::comment(call.state, repository, number, comment),
        "pull_request": pulls::simple(call.state, repository, issue, pull),
    });
    crate::render::accounts::merge(&mut payload, more);
    call.tell("pull_request_review_comment", action, payload)
}
