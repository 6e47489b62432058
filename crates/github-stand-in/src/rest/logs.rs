//! Logs of GitHub Actions: a redirect to an address that is good for one minute.
//!
//! <https://docs.github.com/en/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run>

use chrono::TimeDelta;

use super::{Call, actions, fresh_token};
use crate::actions::{logs, zip};
use crate::answer::{Answer, Body, Handled, Refusal};
use crate::auth::Caller;
use crate::store::{LogTicket, OwnLog, Progress};

const TICKET_LIFE: TimeDelta = TimeDelta::minutes(1);
/// <https://docs.github.com/en/organizations/managing-organization-settings/configuring-the-retention-period-for-github-actions-artifacts-and-logs-in-your-organization>
const RETENTION: TimeDelta = TimeDelta::days(90);

/// `GET /repos/{owner}/{repo}/actions/jobs/{job_id}/logs`
pub fn job(call: &mut Call<'_>) -> Handled {
    signed_in(call)?;
    let (run, _, job) = actions::job(call)?;
    kept(call, run.created_at)?;
    if job.status != Progress::Completed || job.own_log == OwnLog::Missing {
        return Err(Refusal::not_found());
    }
    let bytes = (job.own_log == OwnLog::Kept).then(|| job.log.clone().into_bytes());
    Ok(redirect(call, "text/plain; charset=utf-8", bytes))
}

/// `GET /repos/{owner}/{repo}/actions/runs/{run_id}/logs`, also `…/attempts/{attempt_number}/logs`
pub fn run(call: &mut Call<'_>) -> Handled {
    signed_in(call)?;
    let (run, attempt) = (actions::run(call)?, actions::attempt(call)?);
    kept(call, run.created_at)?;
    // A run that never started has no logs.
    if attempt.status != Progress::Completed || attempt.jobs.is_empty() {
        return Err(Refusal::not_found());
    }
    let workflow = call.repo()?.workflows.iter().find(|workflow| workflow.id == run.workflow);
    let scripts = workflow.map(|workflow| workflow.jobs.clone()).unwrap_or_default();
    let bytes = zip::archive(&logs::archive(&scripts, attempt));
    Ok(redirect(call, "application/zip", Some(bytes)))
}

/// Logs of public repositories need a login too.
fn signed_in(call: &Call<'_>) -> Result<(), Refusal> {
    let refused = || Refusal::new(403, "Must have admin rights to Repository.");
    if call.caller == Caller::Anonymous { Err(refused()) } else { Ok(()) }
}

fn kept(call: &Call<'_>, made: chrono::DateTime<chrono::Utc>) -> Result<(), Refusal> {
    if call.state.now() - made > RETENTION { Err(Refusal::new(410, "Server Error")) } else { Ok(()) }
}

/// Another host than the API's, as on GitHub, so that clients leave their credentials behind.
fn redirect(call: &mut Call<'_>, media_type: &'static str, bytes: Option<Vec<u8>>) -> Answer {
    let ticket = fresh_token("log");
    let until = call.state.now() + TICKET_LIFE;
    let host = call.state.base_url.replacen("//127.0.0.1", "//localhost", 1);
    call.state.log_tickets.insert(ticket.clone(), LogTicket { media_type, bytes, until });
    Answer { status: 302, body: Body::Empty, headers: vec![("location", format!("{host}/_stand-in/logs/{ticket}"))] }
}
