//! A stored run as people are shown it: one look at everything the database knows, handed to `report`.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::{
    evidence::{Evidence, Observation, ObservedEnd},
    follow_up::FollowUpCause,
    forecast,
    services::Services,
    state::{FollowUp, PauseCause, Progress, Run, State, StepState},
    store::{self, StoredRun, line::Line, results},
};
use crate::{
    agent::{FindingLevel, ReviewReport, ReviewVerdict},
    github::missing_permissions,
    ids::{InstallationId, IssueNumber},
    llm::AgentRole,
    patch::LineCount,
    report::{
        self, AnnotationLevel, ChangedFile, FileChange, Finding, FollowUpReason, FollowUpView, Money, Outcome,
        PlanView, PullRequestLink, QueuePlace, Review, RunState, RunView, StepProgress, Subject, Timing, Ungranted,
    },
};

/// Gathers the view of a run.
pub async fn of(services: &Services, stored: &StoredRun) -> Result<RunView> {
    let mut connection = services.pool.acquire().await?;
    let progress = &stored.run.progress;
    // While work is under way its own evidence counts, and afterwards that of the commit it came to.
    let of_head = progress.proof_of_head().filter(|_| is_settled(stored.run.state)).map(|proof| proof.verified);
    let proof = match of_head {
        Some(verified) => results::evidence_of(&mut connection, stored.run.id, verified).await?,
        None => results::latest_evidence(&mut connection, stored.run.id).await?,
    };
    let review = results::latest_review(&mut connection, stored.run.id).await?;
    let timings = store::history::timings(&mut connection, stored.run.id).await?;
    let approver = store::history::approver(&mut connection, stored.run.id).await?;
    let past = store::history::medians(&mut connection, stored).await?;
    let granted = store::reach::permissions(&mut connection, stored.installation).await?;
    let ungranted = granted.and_then(|granted| ungranted(services, stored.installation, &granted));
    let (queue, expected) = if stored.run.state == State::Queued {
        let line = store::line::before(&mut connection, stored.run.id).await?;
        let wait = forecast::wait(&line, &past);
        let place = (!forecast::starts_at_once(&line)).then(|| QueuePlace { ahead: runs(&line), wait });
        (place, Some(forecast::plan_after(wait, &past)))
    } else {
        (None, forecast::forecast(stored.run.state, &past))
    };
    drop(connection);
    let spend = services.models.spent(stored.run.id).await.context("cannot sum up what the run spent")?;
    let quote = store::history::quote(&mut *services.pool.acquire().await?, stored).await?;
    Ok(RunView {
        run: stored.run.id,
        state: run_state(stored.run.state),
        subject: Subject {
            number: stored.issue,
            title: stored.issue_title.clone(),
            is_pull_request: progress.pull_request.as_ref().is_some_and(|pull| pull.number == stored.issue),
        },
        verb: stored.mission.name().to_owned(),
        requester: Some(stored.requester.clone()),
        approver,
        plan: plan_view(stored),
        gate: gate(&stored.run),
        question: progress.asked.clone(),
        asked_of: progress.asked_of.clone(),
        gate_raised: progress.raised.is_some(),
        out_of_money: is_out_of_money(progress),
        money: Money { cap: stored.run.budget, spent: spend.money, quote },
        evidence: proof.evidence.iter().map(shown_evidence).collect(),
        evidence_is_of_head: of_head.is_some(),
        review: review.map(shown_review),
        changes: proof.files.into_iter().map(shown_file).collect(),
        pull_request: pull_request(services, stored),
        follow_up_draft: progress.follow_up_draft.as_ref().map(|draft| PullRequestLink {
            number: draft.number,
            url: pull_url(services, stored, draft.number),
            draft: true,
            open: true,
        }),
        follow_up: progress.follow_up.as_ref().map(shown_follow_up),
        follow_ups: progress.follow_ups,
        model: Some(stored.model.clone().unwrap_or_else(|| services.models.model_for(AgentRole::Coder).to_string())),
        branch: progress.pull_request.as_ref().map(|pull_request| pull_request.branch.clone()),
        failure: progress.failure.as_ref().map(|failure| failure.message.clone()),
        queue,
        forecast: expected.filter(|_| !stored.mission.ends_in_words()),
        timings: timings.into_iter().map(|(state, duration)| Timing { stage: run_state(state), duration }).collect(),
        page_url: None,
        ungranted,
    })
}

/// What the owner has not granted, and where that is done.
pub fn ungranted(
    services: &Services,
    installation: InstallationId,
    granted: &BTreeMap<String, String>,
) -> Option<Ungranted> {
    let permissions = missing_permissions(granted);
    let web = services.settings.github_url.as_str().trim_end_matches('/');
    let url = format!("{web}/settings/installations/{installation}");
    (!permissions.is_empty()).then_some(Ungranted { permissions, url })
}

/// How many runs are ahead in a line, each of which may have several stages there.
fn runs(line: &Line) -> usize {
    line.ahead.iter().map(|(run, _)| *run).collect::<BTreeSet<_>>().len()
}

/// Whether nothing is under way that may still change what is shown of the head.
fn is_settled(state: State) -> bool {
    matches!(state, State::Watching | State::Succeeded)
}

pub(super) fn run_state(state: State) -> RunState {
    match state {
        State::Queued => RunState::Queued,
        State::Planning => RunState::Planning,
        State::NeedsApproval => RunState::NeedsApproval,
        State::NeedsAnswer => RunState::NeedsAnswer,
        State::NeedsScope => RunState::NeedsScope,
        State::Paused => RunState::Paused,
        State::Working => RunState::Working,
        State::Verifying => RunState::Verifying,
        State::Reviewing => RunState::Reviewing,
        State::Publishing => RunState::Publishing,
        State::Watching => RunState::Watching,
        State::Succeeded => RunState::Succeeded,
        State::Failed => RunState::Failed,
        State::Cancelled => RunState::Cancelled,
    }
}

/// What a person is asked, or told while the run rests.
fn gate(run: &Run) -> Option<String> {
    match run.state {
        State::NeedsScope => Some(match &run.progress.raised {
            Some(gate) => report::gate_raised(gate),
            None => report::left_scope(&run.progress.scope),
        }),
        State::Paused if is_out_of_money(&run.progress) => {
            let progress = &run.progress;
            let is_unfinished = progress.pull_request.as_ref().is_some_and(|pull| pull.unfinished);
            let has_draft = is_unfinished || progress.follow_up_draft.is_some();
            let withheld = progress.pause.as_ref().and_then(|pause| pause.withheld.as_ref());
            Some(report::out_of_money(run.budget, has_draft, withheld))
        }
        State::Queued
        | State::Planning
        | State::NeedsApproval
        | State::NeedsAnswer
        | State::Paused
        | State::Working
        | State::Verifying
        | State::Reviewing
        | State::Publishing
        | State::Watching
        | State::Succeeded
        | State::Failed
        | State::Cancelled => None,
    }
}

fn pull_request(services: &Services, stored: &StoredRun) -> Option<PullRequestLink> {
    stored.run.progress.pull_request.as_ref().map(|pull_request| PullRequestLink {
        number: pull_request.number,
        url: pull_url(services, stored, pull_request.number),
        draft: stored.options.draft || pull_request.unfinished,
        open: pull_request.open,
    })
}

fn pull_url(services: &Services, stored: &StoredRun, number: IssueNumber) -> String {
    let site = services.settings.github_url.as_str().trim_end_matches('/');
    format!("{site}/{}/pull/{number}", stored.repository_name)
}

fn is_out_of_money(progress: &Progress) -> bool {
    progress.pause.as_ref().is_some_and(|pause| pause.cause == PauseCause::OutOfMoney)
}

fn plan_view(stored: &StoredRun) -> Option<PlanView> {
    let current = stored.run.progress.plan.as_ref()?;
    let progress = &stored.run.progress;
    Some(PlanView {
        plan: current.plan.clone(),
        left_out: current.left_out.clone(),
        hash: current.hash(stored.run.budget),
        base: current.base.clone(),
        gate: current.gate.clone(),
        progress: progress
            .steps
            .iter()
            .map(|step| (step.key.clone(), shown_step(stored.run.state, step.state)))
            .collect(),
    })
}

fn shown_follow_up(follow_up: &FollowUp) -> FollowUpView {
    let reason = match &follow_up.cause {
        FollowUpCause::FailingCheck(check) => FollowUpReason::FailingCheck { name: check.name.clone() },
        FollowUpCause::Review(words) => FollowUpReason::Review { by: words.by.clone() },
        FollowUpCause::Command(words) => FollowUpReason::Command { by: words.by.clone() },
        FollowUpCause::Proof { by } => FollowUpReason::Proof { by: by.clone() },
    };
    FollowUpView { number: follow_up.number, reason }
}

fn shown_step(run: State, step: StepState) -> StepProgress {
    match (step, run) {
        (StepState::Waiting, _) => StepProgress::Waiting,
        (StepState::Running, State::Failed | State::Cancelled) => StepProgress::Failed,
        (StepState::Running, _) => StepProgress::Working,
        (StepState::Done, _) => StepProgress::Done,
    }
}

fn shown_evidence(evidence: &Evidence) -> crate::report::Evidence {
    crate::report::Evidence {
        criterion: evidence.criterion.name.clone(),
        before: evidence.before.as_ref().map(shown_observation),
        after: Some(shown_observation(&evidence.after)),
    }
}

fn shown_observation(observation: &Observation) -> crate::report::Observation {
    let outcome = match observation.end {
        ObservedEnd::Exited(0) => Outcome::Passed,
        ObservedEnd::Exited(exit) => Outcome::Failed { exit },
        ObservedEnd::Broken => Outcome::Broken { reason: "it did not run to its end".to_owned() },
    };
    crate::report::Observation {
        outcome,
        duration: Duration::from_millis(observation.duration_ms),
        output_tail: observation.output.clone(),
    }
}

fn shown_review(report: ReviewReport) -> Review {
    Review {
        approved: report.verdict == ReviewVerdict::Approve,
        findings: report
            .findings
            .into_iter()
            .map(|finding| Finding {
                path: finding.path,
                line: finding.line,
                level: match finding.level {
                    FindingLevel::Notice => AnnotationLevel::Notice,
                    FindingLevel::Warning => AnnotationLevel::Warning,
                    FindingLevel::Failure => AnnotationLevel::Failure,
                },
                title: finding.title,
                detail: finding.detail,
            })
            .collect(),
    }
}

fn shown_file(file: LineCount) -> ChangedFile {
    ChangedFile {
        path: file.path,
        change: match (file.is_new, file.deleted) {
            (_, true) => FileChange::Deleted,
            (true, false) => FileChange::Added,
            (false, false) => FileChange::Changed,
        },
        added_lines: file.added,
        removed_lines: file.removed,
    }
}
