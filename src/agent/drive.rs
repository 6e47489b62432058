//! The loop: check limits, call the model, answer its calls, store each before the next.

use serde_json::Value;
use sqlx::PgPool;
use tokio::time::Instant;

use super::{
    limits::{AgentLimits, Surroundings},
    session::{AgentError, Finished, Session, StopReason},
    store::{self, StoredTranscript},
    stuck,
    tools::{self, ASK, SUBMIT, ToolReply},
    transcript::{Answer, Entry, Grade, Note, NoteKind, StoredEntry, Transcript},
};
use crate::{
    ids::RunId,
    llm::{AgentRole, Block, ModelError, ModelName, ModelRequest, StopCause, ToolSpec},
    plan::Question,
};

/// What makes a role: its tools beside the box's, and its first words.
pub(super) struct Brief {
    pub(super) role: AgentRole,
    pub(super) system: String,
    pub(super) task: String,
    /// `submit`, and `ask` where the role may ask.
    pub(super) own_tools: Vec<ToolSpec>,
}

/// How a turn's calls ended.
enum Answered<T> {
    /// The model goes on with these results.
    Results(Entry),
    Finished(Finished<T>),
}

/// Works until the agent submits something `accept` takes, or a limit stops it. A session that was stored goes on where
/// it was; `brief` then only lends its tools.
pub(super) async fn drive<T>(
    session: &Session<'_>,
    brief: Brief,
    accept: &(dyn Fn(&Value) -> Result<T, String> + Send + Sync),
) -> Result<Finished<T>, AgentError> {
    let started = Instant::now();
    let (pool, run, step_key) = (session.pool, session.run, session.step_key);
    let mut stored = StoredTranscript::load(pool, run, step_key).await?;
    if stored.transcript.entries().is_empty() {
        let model = session.model.clone().unwrap_or_else(|| session.models.model_for(brief.role).clone());
        let opening = Entry::Opening { role: brief.role, model, system: brief.system, task: brief.task };
        stored.append(pool, run, step_key, opening).await?;
    }
    let work = Work { session, role: brief.role, specs: with_own_tools(session, brief.own_tools), started };
    loop {
        let next = match stored.transcript.entries().last() {
            Some(Entry::Assistant { blocks, stop, .. }) => {
                match work.answer(&stored.transcript, blocks, *stop, accept).await? {
                    Answered::Results(results) => results,
                    Answered::Finished(finished) => return Ok(finished),
                }
            }
            Some(Entry::Opening { .. } | Entry::Results { .. }) | None => {
                match work.ask_model(&stored.transcript).await? {
                    Ok(answer) => answer,
                    Err(reason) => return Ok(Finished::Stopped(reason)),
                }
            }
        };
        stored.append(pool, run, step_key, next).await?;
    }
}

fn with_own_tools(session: &Session<'_>, own: Vec<ToolSpec>) -> Vec<ToolSpec> {
    session.toolbox.specs().into_iter().chain(own).collect()
}

/// One session at work in this process.
struct Work<'a> {
    session: &'a Session<'a>,
    role: AgentRole,
    specs: Vec<ToolSpec>,
    started: Instant,
}

impl Work<'_> {
    /// The next turn of the model, unless a limit forbids it.
    async fn ask_model(&self, transcript: &Transcript) -> Result<Result<Entry, StopReason>, AgentError> {
        let Some(Entry::Opening { model, system, .. }) = transcript.entries().first() else {
            return Err(AgentError::Transcript("it has no opening".to_owned()));
        };
        let around = self.surroundings(model).await?;
        if let Some(reason) = self.session.limits.exceeded(transcript, &around) {
            return Ok(Err(reason));
        }
        let mut masked = AgentLimits::mask(transcript, around.window);
        loop {
            let request = ModelRequest {
                model: model.clone(),
                system: system.clone(),
                messages: transcript.messages(masked),
                tools: self.specs.clone(),
                max_output_tokens: self.session.limits.max_output_tokens,
            };
            let call = self.session.call(self.role, transcript.turns() + 1, self.deadline());
            let answer = tokio::select! {
                answer = self.session.models.complete(&call, &request) => answer,
                () = self.session.cancel.cancelled() => return Ok(Err(StopReason::Cancelled)),
            };
            let everything = transcript.position_before_last_results(1);
            match answer {
                Ok(answer) => {
                    let (blocks, stop, usage) = (answer.blocks, answer.stop, answer.usage);
                    return Ok(Ok(Entry::Assistant { masked, blocks, stop, usage }));
                }
                Err(ModelError::ContextTooLong { .. }) if masked < everything => masked = everything,
                Err(ModelError::ContextTooLong { .. }) => return Ok(Err(StopReason::Context)),
                Err(ModelError::Budget { .. }) => return Ok(Err(StopReason::Money)),
                Err(error) if Instant::now() >= self.deadline() => {
                    tracing::info!(run = %self.session.run, %error, "the session's time ended in a model call");
                    return Ok(Err(StopReason::Time));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Makes the calls of the model's newest turn, in order. Nothing is stored until all are answered, so that a new
    /// process makes all of them again: at least once is what a box that may have died with them needs.
    async fn answer<T>(
        &self,
        transcript: &Transcript,
        blocks: &[Block],
        stop: StopCause,
        accept: &(dyn Fn(&Value) -> Result<T, String> + Send + Sync),
    ) -> Result<Answered<T>, AgentError> {
        let calls: Vec<(&str, &str, &Value)> = blocks
            .iter()
            .filter_map(|block| match block {
                Block::ToolUse { id, name, input } => Some((id.as_str(), name.as_str(), input)),
                Block::Text { .. } | Block::Thinking { .. } | Block::ToolResult { .. } => None,
            })
            .collect();
        if stop == StopCause::Refused && calls.is_empty() {
            return Ok(Answered::Finished(Finished::Stopped(StopReason::Refused)));
        }
        let mut answers = Vec::with_capacity(calls.len());
        for (number, (id, name, input)) in calls.iter().enumerate() {
            let was_cut = stop == StopCause::OutputLimit && number + 1 == calls.len();
            let reply = if was_cut {
                ToolReply::Malformed("your answer was cut at the output limit, so this call was not made".to_owned())
            } else if let Some(fault) = tools::fault(&self.specs, name, input) {
                ToolReply::Malformed(fault)
            } else {
                match self.perform(name, input, accept).await {
                    Ok(reply) => reply,
                    Err(finished) => return Ok(Answered::Finished(finished)),
                }
            };
            let (content, grade) = match reply {
                ToolReply::Fine(content) => (content, Grade::Fine),
                ToolReply::Failed(content) => (content, Grade::Failed),
                ToolReply::Malformed(content) => (content, Grade::Malformed),
                ToolReply::Dead(reason) => {
                    return Ok(Answered::Finished(Finished::Stopped(StopReason::SandboxDead(reason))));
                }
            };
            answers.push(Answer { id: (*id).to_owned(), content: tools::clip(content), grade });
        }
        let notes = self.notes(transcript, &answers, stop).await?;
        Ok(Answered::Results(Entry::Results { answers, notes }))
    }

    /// Makes one call. `Err` ends the session.
    async fn perform<T>(
        &self,
        name: &str,
        input: &Value,
        accept: &(dyn Fn(&Value) -> Result<T, String> + Send + Sync),
    ) -> Result<ToolReply, Finished<T>> {
        if name == SUBMIT {
            return match accept(input) {
                Ok(result) => Err(Finished::Submitted(result)),
                Err(fault) => Ok(ToolReply::Failed(format!("not accepted: {fault}"))),
            };
        }
        if name == ASK {
            return match serde_json::from_value::<Question>(input.clone()) {
                Ok(question) => match question.validate() {
                    Ok(()) => Err(Finished::Stopped(StopReason::Question(question))),
                    Err(fault) => Ok(ToolReply::Failed(format!("not asked: {fault}"))),
                },
                Err(error) => Ok(ToolReply::Malformed(error.to_string())),
            };
        }
        tokio::select! {
            reply = self.session.toolbox.call(name, input) => Ok(reply),
            () = self.session.cancel.cancelled() => Err(Finished::Stopped(StopReason::Cancelled)),
            () = tokio::time::sleep_until(self.deadline()) => Err(Finished::Stopped(StopReason::Time)),
        }
    }

    /// What the loop adds of its own after a turn.
    async fn notes(
        &self,
        transcript: &Transcript,
        answers: &[Answer],
        stop: StopCause,
    ) -> Result<Vec<Note>, AgentError> {
        let mut notes = Vec::new();
        let mut say = |kind, text: &str| notes.push(Note { kind, text: text.to_owned() });
        if answers.is_empty() && stop == StopCause::OutputLimit {
            say(
                NoteKind::CutOff,
                "Your answer was cut at the output limit before any tool call. Say less; call a tool.",
            );
        } else if answers.is_empty() {
            say(
                NoteKind::Reminder,
                "Nobody reads plain answers. Go on with a tool call; when the work is done, call submit.",
            );
        }
        let mut ahead = transcript.clone();
        ahead.push(Entry::Results { answers: answers.to_vec(), notes: Vec::new() });
        if stuck::verdict(&ahead) == stuck::Verdict::Nudge {
            say(
                NoteKind::Nudge,
                "You are repeating yourself, and it does not help. Say in one sentence what you have learnt, then do \
                 something different; if you cannot go on, submit what you have and name what is missing.",
            );
        }
        if let (Some(Entry::Opening { model, .. }), false) =
            (transcript.entries().first(), transcript.has_note(NoteKind::WrapUp))
        {
            let around = self.surroundings(model).await?;
            if let Some(limit) = self.session.limits.nearly(transcript, &around) {
                say(
                    NoteKind::WrapUp,
                    &format!("You are nearly out of {limit}. Bring the work into a sound state now and call submit."),
                );
            }
        }
        Ok(notes)
    }

    async fn surroundings(&self, model: &ModelName) -> Result<Surroundings, AgentError> {
        let (models, run) = (self.session.models, self.session.run);
        Ok(Surroundings {
            started: self.started,
            now: Instant::now(),
            spend: models.spent(run).await?,
            budget: models.budget(run).await?,
            window: models.check(model)?.window,
        })
    }

    fn deadline(&self) -> Instant {
        self.session.limits.deadline(self.started)
    }
}

/// Repeats the answered calls of a stored session that changed its box, for a box that had to be built anew. Answers
/// how many there were. Calls of the newest, unanswered turn are left to the loop.
///
/// A stop means that the new box died as well.
pub async fn replay(session: &Session<'_>) -> Result<Finished<usize>, AgentError> {
    let stored = StoredTranscript::load(session.pool, session.run, session.step_key).await?;
    let mut repeated = 0;
    for pair in stored.transcript.entries().windows(2) {
        let [Entry::Assistant { blocks, .. }, Entry::Results { answers, .. }] = pair else { continue };
        for block in blocks {
            let Block::ToolUse { id, name, input } = block else { continue };
            let was_made = answers.iter().any(|answer| answer.id == *id && answer.grade != Grade::Malformed);
            if !was_made || !tools::mutates(name) {
                continue;
            }
            if let ToolReply::Dead(reason) = session.toolbox.call(name, input).await {
                return Ok(Finished::Stopped(StopReason::SandboxDead(reason)));
            }
            repeated += 1;
        }
    }
    Ok(Finished::Submitted(repeated))
}

/// Whether a stored session was cut in a turn that may have changed its box. Nobody knows how far that came, and on top of
/// itself it would do everything twice: an inserted line would be there two times.
pub async fn was_cut(pool: &PgPool, run: RunId, step_key: &str) -> Result<bool, AgentError> {
    let stored = StoredTranscript::load(pool, run, step_key).await?;
    let Some(Entry::Assistant { blocks, .. }) = stored.transcript.entries().last() else { return Ok(false) };
    Ok(blocks.iter().any(|block| matches!(block, Block::ToolUse { name, .. } if tools::mutates(name))))
}

/// A session's entries as stored, for [`super::read_chain`].
pub async fn stored_entries(pool: &PgPool, run: RunId, step_key: &str) -> Result<Vec<StoredEntry>, AgentError> {
    Ok(store::rows(pool, run, step_key).await?)
}
