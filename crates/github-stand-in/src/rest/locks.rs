//! Locked conversations: <https://docs.github.com/en/rest/issues/issues#lock-an-issue>

use serde_json::json;

use super::{Call, issue_state};
use crate::answer::{Answer, Handled};

/// `PUT /repos/{owner}/{repo}/issues/{issue_number}/lock`
pub fn lock(call: &mut Call<'_>) -> Handled {
    let reason = call.text("lock_reason").map(str::to_owned);
    set(call, Some(reason))
}

/// `DELETE /repos/{owner}/{repo}/issues/{issue_number}/lock`
pub fn unlock(call: &mut Call<'_>) -> Handled {
    set(call, None)
}

fn set(call: &mut Call<'_>, wanted: Option<Option<String>>) -> Handled {
    let (number, actor) = (call.issue("issue_number")?.number, call.actor()?);
    let action = if wanted.is_some() { "locked" } else { "unlocked" };
    let issue = call.issue_mut("issue_number")?;
    let changed = issue.locked.is_some() != wanted.is_some();
    issue.locked = wanted;
    if changed {
        issue_state::tell(call.state, (call.repository, number), actor, action, json!({}))?;
    }
    Ok(Answer::no_content())
}
