//! Reactions. They send no webhook on GitHub, and none here.

use super::Call;
use crate::answer::{Answer, Body, Handled, Refusal};
use crate::render::issues as render;
use crate::store::Reaction;

/// Where the reactions of the thing in the path are kept.
type Find = for<'a, 'b> fn(&'a mut Call<'b>) -> Result<&'a mut Vec<Reaction>, Refusal>;

/// Adds a reaction once per person and content: 201 for a new one, 200 for one that was there.
fn create(call: &mut Call<'_>, find: Find) -> Handled {
    let content = call.text("content").unwrap_or_default().to_owned();
    if !render::REACTIONS.contains(&content.as_str()) {
        return Err(Refusal::invalid_field("Reaction", "content", "invalid"));
    }
    let (user, created_at) = (call.actor()?, call.state.now());
    let id = call.state.fresh_id();
    let held = find(call)?;
    let known = held.iter().find(|reaction| reaction.user == user && reaction.content == content).cloned();
    let (status, reaction) = match known {
        Some(known) => (200, known),
        None => {
            let reaction = Reaction { id, user, content, created_at };
            held.push(reaction.clone());
            (201, reaction)
        }
    };
    Ok(Answer { status, body: Body::Json(render::reaction(call.state, &reaction)), headers: Vec::new() })
}

/// Takes a reaction away; only its own person's.
fn delete(call: &mut Call<'_>, find: Find) -> Handled {
    let (user, id) = (call.actor()?, call.number("reaction_id")?);
    let held = find(call)?;
    let place = held.iter().position(|reaction| reaction.id == id && reaction.user == user);
    held.remove(place.ok_or_else(Refusal::not_found)?);
    Ok(Answer::no_content())
}

fn on_issue<'a>(call: &'a mut Call<'_>) -> Result<&'a mut Vec<Reaction>, Refusal> {
    Ok(&mut call.issue_mut("issue_number")?.reactions)
}

fn on_comment<'a>(call: &'a mut Call<'_>) -> Result<&'a mut Vec<Reaction>, Refusal> {
    let id = call.number("comment_id")?;
    let comment = call.repo_mut()?.comments.get_mut(&id).ok_or_else(Refusal::not_found)?;
    Ok(&mut comment.reactions)
}

fn on_review_comment<'a>(call: &'a mut Call<'_>) -> Result<&'a mut Vec<Reaction>, Refusal> {
    let id = call.number("comment_id")?;
    let pulls = call.repo_mut()?.issues.values_mut().filter_map(|issue| issue.pull.as_mut());
    let comment = pulls.flat_map(|pull| &mut pull.review_comments).find(|comment| comment.id == id);
    Ok(&mut comment.ok_or_else(Refusal::not_found)?.reactions)
}

/// `POST /repos/{owner}/{repo}/issues/{issue_number}/reactions`
pub fn create_for_issue(call: &mut Call<'_>) -> Handled {
    create(call, on_issue)
}

/// `POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions`
pub fn create_for_comment(call: &mut Call<'_>) -> Handled {
    create(call, on_comment)
}

/// `POST /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions`
pub fn create_for_review_comment(call: &mut Call<'_>) -> Handled {
    create(call, on_review_comment)
}

/// `DELETE /repos/{owner}/{repo}/issues/{issue_number}/reactions/{reaction_id}`
pub fn delete_for_issue(call: &mut Call<'_>) -> Handled {
    delete(call, on_issue)
}

/// `DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions/{reaction_id}`
pub fn delete_for_comment(call: &mut Call<'_>) -> Handled {
    delete(call, on_comment)
}

/// `DELETE /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions/{reaction_id}`
pub fn delete_for_review_comment(call: &mut Call<'_>) -> Handled {
    delete(call, on_review_comment)
}
