//! What people may order of a run.

use super::{approve, begin_ready_steps, cancel, enter, rest};
use crate::{
    error::UserMessage,
    ids::CommitSha,
    plan::{PlanHash, Proposal},
    run::{
        signal::{Effect, Notice, Order, Refusal, Transition},
        state::{PauseCause, Run, State},
    },
};

pub(super) fn human(run: Run, order: Order) -> Result<Transition, Refusal> {
    match order {
        Order::Approve { typed_hash, base_now, shown } => {
            approve_as_shown(run, typed_hash.as_deref(), base_now, shown.as_ref())
        }
        Order::Edit { plan, left_out, of, texts } => edit(run, Proposal { plan, left_out }, &of, texts),
        Order::Answer { words } if run.state == State::NeedsAnswer => answer(run, &words),
        Order::Widen { shown } => rest::widen(run, shown.as_ref()),
        Order::Pause => rest::pause(run, PauseCause::Asked),
        Order::Resume => rest::resume(run),
        Order::Budget { more } => rest::more_money(run, more),
        Order::Reject if run.state == State::NeedsScope => Ok(rest::keep_scope(run)),
        Order::Reject if run.state == State::NeedsApproval => {
            Ok(cancel(run, UserMessage::new("The plan was rejected. `/wiz retry` plans again.")))
        }
        Order::Revise { text } if run.state == State::NeedsAnswer => Ok(answered(run, "The answer", &text)),
        Order::Revise { text }
            if matches!(run.state, State::NeedsApproval | State::NeedsScope | State::Failed)
                && run.progress.pull_request.is_none() =>
        {
            Ok(plan_again(run, Some(text)))
        }
        Order::Retry => retry(run),
        Order::Cancel if !run.state.is_terminal() => {
            Ok(cancel(run, UserMessage::new("Cancelled. `/wiz retry` goes on.")))
        }
        Order::Answer { .. } | Order::Reject | Order::Revise { .. } | Order::Cancel => Err(Refusal::NotNow),
    }
}

/// Another version of the plan that waits, with another hash.
fn edit(mut run: Run, proposal: Proposal, of: &PlanHash, texts: [String; 2]) -> Result<Transition, Refusal> {
    let budget = run.budget;
    let current = run.progress.plan.as_mut().filter(|_| run.state == State::NeedsApproval).ok_or(Refusal::NotNow)?;
    if current.hash(budget) != *of {
        return Err(Refusal::ForeignPlan);
    }
    current.plan = proposal.plan;
    current.left_out = proposal.left_out;
    current.edits.extend(texts);
    current.version += 1;
    Ok(enter(run, State::NeedsApproval, vec![]))
}

/// Approves only what the person saw: the plan by its hash, on the commit it was made for, in a comment nobody changed.
fn approve_as_shown(
    mut run: Run,
    typed_hash: Option<&str>,
    base_now: CommitSha,
    shown: Option<&PlanHash>,
) -> Result<Transition, Refusal> {
    if run.state != State::NeedsApproval {
        return Err(Refusal::NotNow);
    }
    let budget = run.budget;
    let current = run.progress.plan.as_mut().ok_or(Refusal::NotNow)?;
    if typed_hash.is_some_and(|typed| !current.hash(budget).is_meant_by(typed)) {
        return Err(Refusal::ForeignPlan);
    }
    let notice = if shown != Some(&current.hash(budget)) {
        Some(Notice::PlanNotShown)
    } else if base_now != current.base {
        Some(Notice::BaseMoved)
    } else {
        None
    };
    if notice.is_none() {
        return Ok(approve(run));
    }
    if notice == Some(Notice::BaseMoved) {
        current.base = base_now;
        current.version += 1;
    }
    Ok(Transition { notice, ..enter(run, State::NeedsApproval, vec![]) })
}

/// Plans with the answer that a person's words mean.
fn answer(run: Run, words: &str) -> Result<Transition, Refusal> {
    let answer = match &run.progress.asked {
        Some(question) => question.answer(words).ok_or(Refusal::NoSuchOption)?,
        None => words.to_owned(),
    };
    Ok(answered(run, "The answer", &answer))
}

/// Plans with what the planner would do without an answer; none when nothing was asked in that form.
pub(super) fn take_default(run: &Run) -> Option<Transition> {
    let question = run.progress.asked.as_ref()?;
    Some(answered(run.clone(), "Nobody answered, so do this", &question.default))
}

fn answered(run: Run, how: &str, answer: &str) -> Transition {
    let question = run.progress.asked.as_ref().map(|asked| format!("{}\n\n", asked.question)).unwrap_or_default();
    plan_again(run, Some(format!("{question}{how}: {answer}")))
}

fn plan_again(mut run: Run, revision: Option<String>) -> Transition {
    run.progress.revisions.extend(revision);
    run.progress.failure = None;
    run.progress.asked = None;
    run.progress.steps.clear();
    run.progress.scope.clear();
    run.progress.raised = None;
    run.progress.retries += 1;
    enter(run, State::Queued, vec![Effect::Plan])
}

/// Goes on from the stage that failed or was cancelled, with fresh conversations.
fn retry(mut run: Run) -> Result<Transition, Refusal> {
    if !matches!(run.state, State::Failed | State::Cancelled) || run.progress.drafting {
        return Err(Refusal::NotNow);
    }
    if run.progress.pull_request.as_ref().is_some_and(|pull_request| !pull_request.open) {
        return Err(Refusal::NotNow);
    }
    let stage = run.progress.failure.take().map_or(State::Planning, |failure| failure.stage);
    // A follow-up needs no approval of its own.
    let planned = run.progress.plan.as_ref().is_some_and(|current| current.approved);
    let approved = planned || run.progress.follow_up.is_some();
    run.progress.rework_rounds = 0;
    if let Some(follow_up) = &mut run.progress.follow_up {
        follow_up.restarts = 0;
    }
    match stage {
        State::Watching => Ok(enter(run, State::Watching, vec![])),
        State::Publishing if approved => {
            run.progress.retries += 1;
            Ok(enter(run, State::Publishing, vec![Effect::Publish]))
        }
        State::Reviewing if approved => {
            run.progress.retries += 1;
            Ok(enter(run, State::Reviewing, vec![Effect::Review]))
        }
        State::Verifying if approved => {
            run.progress.retries += 1;
            Ok(enter(run, State::Verifying, vec![Effect::Verify]))
        }
        State::Working if approved => {
            run.progress.retries += 1;
            rest::wait_again(&mut run);
            let effects = begin_ready_steps(&mut run);
            Ok(enter(run, State::Working, effects))
        }
        State::Queued
        | State::Planning
        | State::NeedsApproval
        | State::NeedsAnswer
        | State::NeedsScope
        | State::Paused
        | State::Working
        | State::Verifying
        | State::Reviewing
        | State::Publishing
        | State::Succeeded
        | State::Failed
        | State::Cancelled => Ok(plan_again(run, None)),
    }
}
