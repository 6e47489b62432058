//! Whom a question is put to where nobody asked for the run: the owners of the code that it is about.

use anyhow::Result;

use super::{Services, StoredRun};
use crate::{
    event::command::Verb,
    ids::{Login, Mention},
    plan::Question,
    policy::{self, OWNERS_PATHS, Permission, RepositoryPolicy, Role},
    report,
    run::{project::Project, workspace},
};

/// Most owners who are called: a question to everybody is nobody's.
const CALLED: usize = 3;

/// Most owners who are looked at to find those who may answer.
const LOOKED_AT: usize = 10;

/// Code owners who may answer, by the base's `CODEOWNERS`; nobody where a person asked for the run, who is called then.
pub(super) async fn addressees(
    services: &Services,
    stored: &StoredRun,
    project: &Project,
    question: &Question,
) -> Result<Vec<Mention>> {
    let owners = workspace::first_text(&project.files, &OWNERS_PATHS);
    let Some((_, owners)) = owners.filter(|_| !report::is_person(&stored.requester)) else { return Ok(vec![]) };
    let planned = stored.run.progress.plan.iter().flat_map(|current| &current.plan.files);
    let mut files: Vec<&str> = question.files.iter().chain(planned).map(String::as_str).collect();
    if files.is_empty() {
        files = project.files.iter().map(|file| file.path.as_str()).collect();
    }
    let mut called = Vec::new();
    for owner in policy::code_owners(owners, &files).into_iter().take(LOOKED_AT) {
        if called.len() < CALLED && may_answer(services, stored, &project.policy, &owner).await? {
            called.push(owner);
        }
    }
    Ok(called)
}

/// A team is called where it is one of the owner's: GitHub shows its members to nobody who was not granted that, and lets
/// nobody own code who may not write.
async fn may_answer(
    services: &Services,
    stored: &StoredRun,
    policy: &RepositoryPolicy,
    owner: &Mention,
) -> Result<bool> {
    let name = owner.as_str();
    if let Some((organisation, _)) = name.split_once('/') {
        return Ok(organisation.eq_ignore_ascii_case(stored.repository_name.owner()));
    }
    let login: Login = name.parse()?;
    let github = services.github.installation(stored.installation);
    let role = github.role_of(&stored.repository_name, &login).await?;
    let role = role.map_or(Role::None, |role| Role::from_github(&role.role_name, &role.permission));
    Ok(policy::may(role, Verb::Answer, policy) == Permission::Allowed)
}
