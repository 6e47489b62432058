//! Answers a question: an answerer looks into the repository in a read-only box, and what it submits is said once, where
//! the question stands. Nothing else is published, and no status comment is made.

use anyhow::Context as _;

use super::{Done, Keep, Lease, Services, StageFailure, StageResult, StoredRun, publish::secret_in, store::results};
use crate::{
    agent::{self, AgentLimits, AnswerInput, BoxMode, BoxToolbox, Finished, Session, Statement, StopReason},
    error::UserMessage,
    report,
    run::{
        briefing::Briefing,
        reading::{self, Reading},
        session,
        state::{Mission, State},
        task::Reply,
    },
    sandbox::BoxKey,
};

/// A question that takes more turns than this is a piece of work.
const ANSWER_TURNS: u32 = 40;

/// Most output of one turn, in tokens: twice the longest answer. More would only be reserved.
const ANSWER_TOKENS: u32 = 4_000;

pub(super) async fn answer(services: &Services, lease: &Lease, stored: &StoredRun) -> Result<Done, StageFailure> {
    let (subject, briefing) = tokio::try_join!(subject(services, stored), Briefing::read(services, stored))?;
    let Some(Subject { reading, context }) = subject else {
        let message = UserMessage::new(report::no_base(stored.base_branch()));
        return Ok(StageResult::Failed { message }.into());
    };
    let Reading { project, commit } = reading;
    results::save_briefing(&mut *services.pool.acquire().await?, stored.run.id, &briefing).await?;
    // A commit that moved since an earlier try means other files, so the conversation starts afresh.
    let conversation = format!("answer-{}-{}", stored.run.progress.retries, &commit.as_str()[..8]);
    let key = BoxKey { run: stored.run.id, name: format!("{conversation}-{}", stored.run.seq) };
    let opened = session::open_box(services, &project, key, || project.files.clone()).await?;
    let toolbox = BoxToolbox::new(&opened.open_box, BoxMode::ReadOnly);
    let source = format!("the question, by {}", stored.requester);
    let mut assignment = briefing.assignment(stored, &project, &commit);
    // The order to wiz is the question itself.
    assignment.statements.retain(|statement| statement.text != stored.instructions);
    let input = AnswerInput {
        assignment,
        overview: project.overview(),
        context,
        question: Statement { source, text: stored.instructions.clone() },
    };
    let session = session::of(services, lease, stored, &conversation, &toolbox)?;
    let limits = AgentLimits { turns: ANSWER_TURNS, max_output_tokens: ANSWER_TOKENS, ..session.limits };
    let session = Session { limits, ..session };
    let finished = opened.sealed_during(agent::answer(&session, &input)).await?;
    services.spent_boxes.add(opened.open_box);
    match finished {
        Finished::Submitted(text) => {
            if let Some(kind) = secret_in(services, &[&text]) {
                let message = UserMessage::new(report::secret_in_text(kind));
                return Ok(StageResult::Failed { message }.into());
            }
            let reply = reply(stored, report::answer(&stored.requester, &text));
            Ok(Done { result: StageResult::Answered, keep: Some(Keep::Answer(Box::new(reply))) })
        }
        Finished::Stopped(reason) => Ok(StageResult::Failed { message: UserMessage::new(stopped(reason)?) }.into()),
    }
}

/// What a question is about.
struct Subject {
    reading: Reading,
    /// The pull request's diff, and the thread in which the question stands.
    context: Vec<Statement>,
}

/// Reads it; none when there is no such branch.
async fn subject(services: &Services, stored: &StoredRun) -> anyhow::Result<Option<Subject>> {
    let asked_in = stored.run.progress.asked_in;
    if !asked_in.is_some_and(|asked| asked.pull_request) {
        let reading = reading::of_branch(services, stored).await?;
        return Ok(reading.map(|reading| Subject { reading, context: vec![] }));
    }
    let github = services.github.installation(stored.installation);
    let (name, number) = (&stored.repository_name, stored.issue);
    let pull = github.pull(name, number).await?.context("the pull request is gone")?;
    let reading = reading::of_pull(services, stored, &pull).await?;
    let changes = github.changes_of_pull(name, number).await?;
    let mut context = vec![Statement { source: "the pull request's diff".to_owned(), text: reading::diff(&changes) }];
    if let Some(thread) = asked_in.and_then(|asked| asked.thread) {
        context.extend(reading::thread(&github, stored, number, thread).await?);
    }
    Ok(Some(Subject { reading, context }))
}

/// Why there is no answer, as the person who asked is told.
pub(super) fn stopped(reason: StopReason) -> anyhow::Result<&'static str> {
    Ok(match reason {
        StopReason::Cancelled => anyhow::bail!("the agent was interrupted"),
        StopReason::SandboxDead(reason) => anyhow::bail!("the box died: {reason}"),
        StopReason::Money => "The money for this is used up; `--max` sets how much it may be.",
        StopReason::Turns | StopReason::Tokens | StopReason::Time | StopReason::Context => {
            "It is larger than one answer may take."
        }
        StopReason::Stuck | StopReason::FormatErrors | StopReason::Question(_) => {
            "The model came to no answer; another `--model` may do better."
        }
        StopReason::Refused => "The model refused to answer.",
    })
}

/// What is said of a question that ended without an answer; none while there may still be one.
pub(super) fn apology(stored: &StoredRun) -> Option<Reply> {
    let failure = stored.run.progress.failure.as_ref()?;
    let failed = matches!(stored.run.state, State::Failed | State::Cancelled);
    let text = match stored.mission {
        Mission::Review => report::unreviewed(&failure.message),
        Mission::Ask
        | Mission::Fix
        | Mission::Feature
        | Mission::Test
        | Mission::Docs
        | Mission::Refactor
        | Mission::Plan
        | Mission::Ci => report::unanswered(&failure.message),
    };
    failed.then(|| reply(stored, text))
}

fn reply(stored: &StoredRun, body: String) -> Reply {
    let asked_in = stored.run.progress.asked_in;
    Reply {
        installation: stored.installation,
        repository: stored.repository,
        issue: stored.issue,
        comment: asked_in.map_or(crate::ids::CommentId(stored.issue.0), |asked| asked.comment),
        thread: asked_in.and_then(|asked| asked.thread),
        thumbs_down: None,
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_without_an_answer_says_why() {
        let reasons =
            [StopReason::Money, StopReason::Turns, StopReason::Stuck, StopReason::FormatErrors, StopReason::Refused];
        insta::assert_snapshot!(reasons.map(|reason| stopped(reason).unwrap()).join("\n"), @r"
        The money for this is used up; `--max` sets how much it may be.
        It is larger than one answer may take.
        The model came to no answer; another `--model` may do better.
        The model came to no answer; another `--model` may do better.
        The model refused to answer.
        ");
        assert!(stopped(StopReason::Cancelled).is_err());
    }
}
