//! The Git refs API.

use serde_json::Value;

use super::Call;
use crate::answer::{Answer, Handled, Refusal};
use crate::render::commits;

/// `GET /repos/{owner}/{repo}/git/ref/{ref}`; the name comes without `refs/`.
pub fn get(call: &mut Call<'_>) -> Handled {
    let git = call.git()?;
    let name = format!("refs/{}", call.parameter("ref"));
    let sha = git.read_ref(&name)?.ok_or_else(Refusal::not_found)?;
    Ok(Answer::ok(commits::git_ref(call.state, call.repo()?, &git, &name, &sha)?))
}

/// `GET /repos/{owner}/{repo}/git/matching-refs/{ref}`
pub fn list(call: &mut Call<'_>) -> Handled {
    let git = call.git()?;
    let prefix = format!("refs/{}", call.parameter("ref"));
    let repository = call.repo()?;
    let mut found: Vec<Value> = Vec::new();
    for (name, sha) in git.refs()?.into_iter().filter(|(name, _)| name.starts_with(&prefix)) {
        found.push(commits::git_ref(call.state, repository, &git, &name, &sha)?);
    }
    Ok(Answer::list(found))
}

/// `POST /repos/{owner}/{repo}/git/refs`
pub fn create(call: &mut Call<'_>) -> Handled {
    let git = call.git()?;
    let name = call.text("ref").unwrap_or_default().to_owned();
    let sha = call.text("sha").unwrap_or_default().to_owned();
    let well_formed = name.starts_with("refs/") && name.matches('/').count() >= 2 && git.valid_ref_name(&name)?;
    if !well_formed || name.starts_with("refs/pull/") {
        return Err(Refusal::new(422, "Reference name must start with 'refs/' and have at least two slashes."));
    }
    let kind = git.object_type(&sha)?.ok_or_else(|| Refusal::new(422, "Object does not exist"))?;
    if name.starts_with("refs/heads/") && kind != "commit" {
        return Err(Refusal::new(422, "Reference cannot be updated"));
    }
    if !git.move_ref(&name, &sha, None)? {
        return Err(Refusal::new(422, "Reference already exists"));
    }
    call.announce()?;
    Ok(Answer::created(commits::git_ref(call.state, call.repo()?, &git, &name, &sha)?))
}

/// `PATCH /repos/{owner}/{repo}/git/refs/{ref}`
pub fn update(call: &mut Call<'_>) -> Handled {
    let git = call.git()?;
    let name = format!("refs/{}", call.parameter("ref"));
    let sha = call.text("sha").unwrap_or_default().to_owned();
    let old = git.read_ref(&name)?.ok_or_else(|| Refusal::new(422, "Reference does not exist"))?;
    if git.object_type(&sha)?.as_deref() != Some("commit") {
        return Err(Refusal::new(422, "Object does not exist"));
    }
    let force = call.body["force"] == Value::Bool(true);
    if !force && !git.is_ancestor(&old, &sha)? {
        return Err(Refusal::new(422, "Update is not a fast forward"));
    }
    if !git.move_ref(&name, &sha, Some(&old))? {
        return Err(Refusal::new(409, "Reference cannot be updated"));
    }
    call.announce()?;
    Ok(Answer::ok(commits::git_ref(call.state, call.repo()?, &git, &name, &sha)?))
}

/// `DELETE /repos/{owner}/{repo}/git/refs/{ref}`
pub fn delete(call: &mut Call<'_>) -> Handled {
    let git = call.git()?;
    let name = format!("refs/{}", call.parameter("ref"));
    let old = git.read_ref(&name)?.ok_or_else(|| Refusal::new(422, "Reference does not exist"))?;
    if name == format!("refs/heads/{}", call.repo()?.default_branch) {
        return Err(Refusal::new(422, "Cannot delete the default branch"));
    }
    if !git.delete_ref(&name, &old)? {
        return Err(Refusal::new(409, "Reference cannot be deleted"));
    }
    call.announce()?;
    Ok(Answer::no_content())
}
