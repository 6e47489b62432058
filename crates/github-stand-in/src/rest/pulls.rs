//! Pull requests: made from two branches of the repository, followed through git.

use serde_json::{Value, json};

use super::{Call, forks, issue_state, issues};
use crate::actions;
use crate::answer::{Answer, Handled, Refusal};
use crate::render::{commits, pulls as render};
use crate::store::{Issue, IssueState, PullRequest, Role};

/// GitHub lists no more files and commits than this:
/// <https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files>
const MAX_FILES: usize = 3_000;
const MAX_COMMITS: usize = 250;

/// `GET /repos/{owner}/{repo}/pulls`
pub fn list(call: &mut Call<'_>) -> Handled {
    let repository = call.repo()?;
    let state = call.asked("state").unwrap_or("open");
    // Without `owner:` GitHub ignores the head filter: https://docs.github.com/en/rest/pulls/pulls#list-pull-requests
    let head = call.asked("head").filter(|text| text.contains(':'));
    let head = head.and_then(|text| text.split_once(':'));
    let is_head = |pull: &PullRequest| {
        head.is_none_or(|(owner, branch)| {
            let of = pull.head_repository.and_then(|id| call.state.repositories.get(&id));
            pull.head_ref == branch && of.is_some_and(|of| call.state.login(of.owner).eq_ignore_ascii_case(owner))
        })
    };
    let base = call.asked("base");
    let mut found: Vec<Value> = repository
        .issues
        .values()
        .filter(|issue| state == "all" || issue.state.as_str() == state)
        .filter_map(|issue| issue.pull.as_ref().map(|pull| (issue, pull)))
        .filter(|(_, pull)| is_head(pull))
        .filter(|(_, pull)| base.is_none_or(|wanted| wanted == pull.base_ref))
        .map(|(issue, pull)| render::simple(call.state, repository, issue, pull))
        .collect();
    if call.asked("direction") != Some("asc") {
        found.reverse();
    }
    Ok(Answer::list(found))
}

/// `POST /repos/{owner}/{repo}/pulls`
pub fn create(call: &mut Call<'_>) -> Handled {
    let actor = call.actor()?;
    let title = call.text("title").unwrap_or_default().trim().to_owned();
    if title.is_empty() {
        return Err(Refusal::invalid_field("PullRequest", "title", "missing_field"));
    }
    issues::check_text(&title, call.text("body"))?;
    let head = forks::head(call)?;
    let (head_ref, head_sha, own) = (head.branch.clone(), head.sha.clone(), head.repository == call.repository);
    let (base_ref, base_sha) = existing_branch(call, "base")?;
    let git = call.git()?;
    let between = format!("No commits between {base_ref} and {head_ref}");
    if (own && head_ref == base_ref) || git.count(&format!("{base_sha}..{head_sha}"))? == 0 {
        return Err(Refusal::invalid("PullRequest", between));
    }
    refuse_second(call, &head, &base_ref)?;
    let (now, app) = (call.state.now(), call.caller.app());
    let (issue_id, pull_id) = (call.state.fresh_id(), call.state.fresh_id());
    let pull = PullRequest {
        id: pull_id,
        head_ref,
        head_repository: Some(head.repository),
        head_sha: head_sha.clone(),
        base_ref,
        base_sha,
        draft: call.body["draft"] == Value::Bool(true),
        // Only a fork has maintainers to let in, and that is its default:
        // https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/working-with-forks/allowing-changes-to-a-pull-request-branch-created-from-a-fork
        maintainer_can_modify: !own && call.body["maintainer_can_modify"] != Value::Bool(false),
        requested_reviewers: Vec::new(),
        merged_at: None,
        merged_by: None,
        merge_commit_sha: None,
        reviews: Vec::new(),
        review_comments: Vec::new(),
        resolved_threads: Default::default(),
    };
    let body = call.text("body").map(str::to_owned);
    let repository = call.repo_mut()?;
    let number = repository.next_number();
    let issue = Issue {
        id: issue_id,
        number,
        title,
        body,
        user: actor,
        app,
        state: IssueState::Open,
        state_reason: None,
        labels: Vec::new(),
        assignees: Vec::new(),
        reactions: Vec::new(),
        locked: None,
        created_at: now,
        updated_at: now,
        closed_at: None,
        closed_by: None,
        pull: Some(pull),
    };
    repository.issues.insert(number, issue);
    git.run(&["update-ref", &format!("refs/pull/{number}/head"), &head_sha])?;
    call.state.mergeability_unknown.insert((call.repository, number));
    issue_state::tell(call.state, (call.repository, number), actor, "opened", json!({}))?;
    actions::pull_request_moved(call.state, (call.repository, number), actor)?;
    let value = full(call, number)?;
    Ok(Answer::created(value))
}

fn existing_branch(call: &Call<'_>, member: &str) -> Result<(String, String), Refusal> {
    let invalid = || Refusal::invalid_field("PullRequest", member, "invalid");
    let name = call.text(member).unwrap_or_default().to_owned();
    let sha = call.git()?.read_ref(&format!("refs/heads/{name}"))?.ok_or_else(invalid)?;
    Ok((name, sha))
}

fn refuse_second(call: &Call<'_>, head: &forks::Head, base: &str) -> Result<(), Refusal> {
    let repository = call.repo()?;
    let open = repository.issues.values().filter(|issue| issue.state == IssueState::Open);
    let same = |pull: &PullRequest| {
        pull.head_ref == head.branch && pull.base_ref == base && pull.head_repository == Some(head.repository)
    };
    if open.filter_map(|issue| issue.pull.as_ref()).any(same) {
        let owner = call.state.repositories.get(&head.repository).map_or(repository.owner, |found| found.owner);
        let (owner, branch) = (call.state.login(owner), &head.branch);
        return Err(Refusal::invalid("PullRequest", format!("A pull request already exists for {owner}:{branch}.")));
    }
    Ok(())
}

fn full(call: &Call<'_>, number: u64) -> Result<Value, Refusal> {
    let repository = call.repo()?;
    let issue = repository.issues.get(&number).ok_or_else(Refusal::not_found)?;
    let pull = issue.pull.as_ref().ok_or_else(Refusal::not_found)?;
    Ok(render::full(call.state, repository, issue, pull)?)
}

/// Where the pull request leaves its base: the three-dot diff starts here.
pub fn merge_base(call: &Call<'_>, pull: &PullRequest) -> Result<String, Refusal> {
    Ok(call.git()?.merge_base(&pull.base_sha, &pull.head_sha)?.unwrap_or_else(|| pull.base_sha.clone()))
}

/// `GET /repos/{owner}/{repo}/pulls/{pull_number}`
pub fn get(call: &mut Call<'_>) -> Handled {
    let (issue, pull) = call.pull()?;
    let number = issue.number;
    if call.accept.contains("diff") || call.accept.contains("vnd.github.patch") {
        let text = call.git()?.patch(&merge_base(call, pull)?, &pull.head_sha)?;
        return Ok(Answer::raw("application/vnd.github.diff; charset=utf-8", text.into_bytes()));
    }
    let value = full(call, number)?;
    // Asking is what makes GitHub compute mergeability; the next answer has it.
    call.state.mergeability_unknown.remove(&(call.repository, number));
    Ok(Answer::ok(value))
}

/// `PATCH /repos/{owner}/{repo}/pulls/{pull_number}`
pub fn update(call: &mut Call<'_>) -> Handled {
    let (number, author) = (call.pull()?.0.number, call.pull()?.0.user);
    let actor = call.actor()?;
    if call.role()? < Role::Write && author != actor {
        return Err(Refusal::new(403, "Must have admin rights to Repository."));
    }
    let title = call.text("title").map(str::to_owned);
    let body = call.text("body").map(str::to_owned);
    issues::check_text(title.as_deref().unwrap_or("kept"), body.as_deref())?;
    if call.text("base").is_some() {
        let (base_ref, base_sha) = existing_branch(call, "base")?;
        let pull = call.pull_mut()?;
        pull.base_ref = base_ref;
        pull.base_sha = base_sha;
    }
    if let Some(wanted) = call.body["maintainer_can_modify"].as_bool() {
        let own = call.pull()?.1.head_repository == Some(call.repository);
        // No webhook tells of this box.
        call.pull_mut()?.maintainer_can_modify = wanted && !own;
    }
    issues::edit(call, number, title, body)?;
    match call.text("state") {
        Some("closed") => issue_state::close(call.state, (call.repository, number), actor, "completed")?,
        Some("open") => reopen(call, number, actor)?,
        Some(_) | None => {}
    }
    Ok(Answer::ok(full(call, number)?))
}

fn reopen(call: &mut Call<'_>, number: u64, actor: u64) -> Result<(), Refusal> {
    let (issue, pull) = call.pull()?;
    let branch = forks::tip(call.state, call.repository, pull, number)?;
    let cannot = || Refusal::invalid_field("PullRequest", "state", "invalid");
    if issue.state == IssueState::Closed {
        if pull.merged_at.is_some() {
            return Err(cannot());
        }
        let head = branch.ok_or_else(cannot)?;
        call.pull_mut()?.head_sha = head;
    }
    issue_state::set(call.state, (call.repository, number), actor, (IssueState::Open, None))?;
    Ok(actions::pull_request_moved(call.state, (call.repository, number), actor)?)
}

/// `GET /repos/{owner}/{repo}/pulls/{pull_number}/files`
pub fn list_files(call: &mut Call<'_>) -> Handled {
    let (_, pull) = call.pull()?;
    let changes = call.git()?.changes(&merge_base(call, pull)?, &pull.head_sha)?;
    let repository = call.repo()?;
    let shown = changes.iter().take(MAX_FILES);
    Ok(Answer::list(shown.map(|c| commits::file_change(call.state, repository, c, &pull.head_sha)).collect()))
}

/// `GET /repos/{owner}/{repo}/pulls/{pull_number}/commits`, oldest first.
pub fn list_commits(call: &mut Call<'_>) -> Handled {
    let (_, pull) = call.pull()?;
    let range = format!("{}..{}", merge_base(call, pull)?, pull.head_sha);
    let found = call.git()?.commits(&["--reverse", &range])?;
    let repository = call.repo()?;
    let shown = found.iter().take(MAX_COMMITS);
    Ok(Answer::list(shown.map(|commit| commits::commit(call.state, repository, commit)).collect()))
}
