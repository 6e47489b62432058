//! Scripting GitHub Actions and the checks of other apps.

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Control, repository};
use crate::actions;
use crate::rest::{ApiRequest, app_token};
use crate::store::{CheckKind, CheckOutput, JobScript, Pace, Rule, ScriptedCheck, Trigger, Workflow, WorkflowRun};

/// A workflow to be scripted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct NewWorkflow {
    /// Name.
    pub name: String,
    /// Its file; `.github/workflows/ci.yml` and the like, made from the name when absent.
    #[serde(default)]
    pub path: Option<String>,
    /// What starts it; pushes when empty.
    #[serde(default)]
    pub on: Vec<Trigger>,
    /// Its jobs; none for a faulty file, which GitHub cannot start.
    pub jobs: Vec<JobScript>,
    /// When its stages happen.
    #[serde(default)]
    pub pace: Pace,
}

/// A check or status that another app makes on each pushed head.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewCheck {
    /// The app, which must be installed on the repository with the permission to write it.
    pub app: u64,
    /// Check run or status.
    pub kind: CheckKind,
    /// Name, or context.
    pub name: String,
    /// What decides its end.
    #[serde(default)]
    pub rule: Rule,
    /// What it says when it fails; a status shows the title.
    #[serde(default)]
    pub failed: CheckOutput,
    /// Link to details.
    #[serde(default)]
    pub details_url: Option<String>,
    /// When its stages happen.
    #[serde(default)]
    pub pace: Pace,
}

impl Control {
    /// Scripts a workflow and gives its id. One of the same name is replaced for all runs that start later.
    ///
    /// # Errors
    /// If the repository does not exist, or there are two jobs of one name.
    pub fn script_workflow(&self, full_name: &str, new: &NewWorkflow) -> Result<u64> {
        let twice = |job: &JobScript| new.jobs.iter().filter(|other| other.name == job.name).count() > 1;
        ensure!(!new.jobs.iter().any(twice), "two jobs have the same name");
        self.engine().with(|state| {
            let place = repository(state, full_name)?.id;
            let (fresh, created_at) = (state.fresh_id(), state.now());
            let found = state.repositories.get_mut(&place).context("the repository is gone")?;
            let old = found.workflows.iter().position(|one| one.name == new.name).map(|at| found.workflows.remove(at));
            let file = new.name.to_lowercase().replace(' ', "-");
            let workflow = Workflow {
                id: old.as_ref().map_or(fresh, |old| old.id),
                name: new.name.clone(),
                path: new.path.clone().unwrap_or_else(|| format!(".github/workflows/{file}.yml")),
                on: if new.on.is_empty() { vec![Trigger::Push] } else { new.on.clone() },
                jobs: new.jobs.clone(),
                pace: new.pace,
                runs: old.as_ref().map_or(0, |old| old.runs),
                created_at: old.map_or(created_at, |old| old.created_at),
            };
            let id = workflow.id;
            found.workflows.push(workflow);
            Ok(id)
        })
    }

    /// Scripts a check of another app and gives the script's id. One of the same app and name is replaced.
    ///
    /// # Errors
    /// If the repository does not exist, or the app is not installed on it.
    pub fn script_check(&self, full_name: &str, new: &NewCheck) -> Result<u64> {
        self.engine().with(|state| {
            let place = repository(state, full_name)?.id;
            ensure!(state.installation_for(new.app, place).is_some(), "app {} is not installed there", new.app);
            let id = state.fresh_id();
            let found = state.repositories.get_mut(&place).context("the repository is gone")?;
            found.scripted_checks.retain(|one| one.app != new.app || one.name != new.name);
            found.scripted_checks.push(ScriptedCheck {
                id,
                app: new.app,
                kind: new.kind,
                name: new.name.clone(),
                rule: new.rule.clone(),
                failed: new.failed.clone(),
                details_url: new.details_url.clone(),
                pace: new.pace,
            });
            Ok(id)
        })
    }

    /// Does the next stage of what is scripted with [`Pace::ByHand`]. False when nothing waits.
    pub fn step_actions(&self) -> bool {
        self.engine().with(actions::step)
    }

    /// All workflow runs, oldest first.
    ///
    /// # Errors
    /// If there is no such repository.
    pub fn workflow_runs(&self, full_name: &str) -> Result<Vec<WorkflowRun>> {
        Ok(self.repository(full_name)?.workflow_runs.into_values().collect())
    }

    /// Sends any REST request as an app's installation on a repository and gives the answer's JSON; how a test lets
    /// another app act.
    ///
    /// # Errors
    /// If the app is not installed there, or GitHub would refuse.
    pub fn request_as_app(&self, app: u64, full_name: &str, call: (&str, &str), body: &Value) -> Result<Value> {
        let token = self.engine().with(|state| {
            let place = repository(state, full_name)?.id;
            app_token(state, app, place).with_context(|| format!("app {app} is not installed on {full_name}"))
        })?;
        let (method, path) = call;
        let response = self.engine().serve(&ApiRequest::by_hand(&token, (method, path), body));
        if response.status >= 300 {
            bail!("{method} {path}: {} {}", response.status, String::from_utf8_lossy(&response.body));
        }
        Ok(response.json())
    }
}
