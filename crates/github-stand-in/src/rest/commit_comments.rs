//! Comments on commits: <https://docs.github.com/en/rest/commits/comments>

use serde_json::json;

use super::Call;
use super::comments::check_body;
use crate::answer::{Answer, Handled, Refusal};
use crate::render::commits as render;
use crate::store::CommitComment;

/// The commit in the path, by its whole hash.
fn commit(call: &Call<'_>) -> Result<String, Refusal> {
    let sha = call.parameter("commit_sha").to_owned();
    if call.git()?.object_type(&sha)?.as_deref() != Some("commit") {
        return Err(Refusal::new(422, format!("No commit found for SHA: {sha}")));
    }
    Ok(sha)
}

/// `GET /repos/{owner}/{repo}/commits/{commit_sha}/comments`, oldest first.
pub fn list(call: &mut Call<'_>) -> Handled {
    let sha = commit(call)?;
    let repository = call.repo()?;
    let found = repository.commit_comments.iter().filter(|comment| comment.sha == sha);
    Ok(Answer::list(found.map(|comment| render::comment(call.state, repository, comment)).collect()))
}

/// `POST /repos/{owner}/{repo}/commits/{commit_sha}/comments`
pub fn create(call: &mut Call<'_>) -> Handled {
    let sha = commit(call)?;
    let body = check_body(call, "CommitComment")?;
    let (id, user, created_at) = (call.state.fresh_id(), call.actor()?, call.state.now());
    let comment = CommitComment { id, sha, user, body, created_at };
    call.repo_mut()?.commit_comments.push(comment.clone());
    let shown = render::comment(call.state, call.repo()?, &comment);
    call.tell("commit_comment", "created", json!({ "comment": shown }))?;
    Ok(Answer::created(shown))
}
