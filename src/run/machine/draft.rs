//! The money is used up: the run rests, and what is done so far is published as a draft.

use super::{rest, stay, watch};
use crate::{
    ids::CommitSha,
    run::{
        signal::{Drafted, Effect, Refusal, Transition},
        state::{PauseCause, PullRequest, Run, State},
    },
};

/// Lets a run without money rest. Its work becomes a draft, so that people see what their money bought; a follow-up's a
/// draft of its own, since the pull request that is open holds only what was proven. Nothing can be written to a fork.
pub(super) fn out_of_money(run: Run) -> Result<Transition, Refusal> {
    let has_work = matches!(run.state, State::Working | State::Reviewing) && !run.progress.is_on_fork();
    let mut transition = rest::pause(run, PauseCause::OutOfMoney)?;
    if has_work {
        transition.run.progress.drafting = true;
        transition.effects.push(Effect::Draft);
    }
    Ok(transition)
}

/// The draft is published, or will not be. Whoever paid meanwhile waits for it no longer.
pub(super) fn drafted(mut run: Run, drafted: Drafted) -> Result<Transition, Refusal> {
    if !std::mem::take(&mut run.progress.drafting) {
        return Err(Refusal::Stale);
    }
    match drafted {
        Drafted::Published(pull_request) => {
            // That it was closed may have been told before.
            let open = run.progress.pull_request.as_ref().is_none_or(|known| known.open);
            run.progress.pull_request = Some(PullRequest { open: open && pull_request.open, ..pull_request });
        }
        Drafted::Beside(draft) => run.progress.follow_up_draft = Some(draft),
        Drafted::Nothing => {}
        Drafted::Withheld { why } => {
            if let Some(pause) = &mut run.progress.pause {
                pause.withheld = Some(why);
            }
        }
    }
    let resumes = run.progress.pause.as_ref().is_some_and(|pause| pause.resumes);
    match run.state {
        State::Paused if resumes => rest::resume(run),
        // It was closed and opened again meanwhile.
        State::Watching if !run.progress.waiting.is_empty() => watch::watch_on(run, None),
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
        | State::Watching
        | State::Succeeded
        | State::Failed
        | State::Cancelled => Ok(stay(run, vec![])),
    }
}

/// Closes the draft of a follow-up that is over by this transition.
pub(super) fn without_draft_of_the_past(mut transition: Transition) -> Transition {
    let progress = &mut transition.run.progress;
    let under_way = progress.follow_up.as_ref().map(|follow_up| follow_up.number);
    let past = progress.follow_up_draft.take_if(|draft| Some(draft.follow_up) != under_way);
    transition.effects.extend(past.map(Effect::EndDraft));
    transition
}

/// The head of a draft that is finished now. What failed there before was left to the draft's own work.
pub fn finished<'a>(before: &Run, after: &'a Run) -> Option<&'a CommitSha> {
    let (before, after) = (before.progress.pull_request.as_ref()?, after.progress.pull_request.as_ref()?);
    (before.unfinished && !after.unfinished).then_some(&after.head)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            advance, start,
            tests::{TO_APPROVAL, TO_VERIFYING, new_run, order, pull_request, sha, stage_of, unfinished, walk},
            watch::tests::asked,
        },
        *,
    };
    use crate::{
        error::UserMessage,
        money::MicroDollars,
        run::signal::{Order, PullRequestChange, Signal, StageResult},
    };

    #[test]
    fn what_was_done_before_the_money_was_used_up_becomes_a_draft() {
        let (working, _) = walk(walk(start(new_run()).run, TO_APPROVAL).0, [TO_VERIFYING[0], TO_VERIFYING[1]]);
        let paused = advance(&working, stage_of(&working, StageResult::OutOfMoney)).unwrap();
        assert!(paused.effects.contains(&Effect::Draft));
        let more = || order(Order::Budget { more: MicroDollars::from_dollars(2) });
        let drafted = |run: &Run, drafted: Drafted| advance(run, Signal::Draft(drafted));

        let paid = advance(&paused.run, more()).unwrap();
        assert_eq!(
            (paid.run.state, &paid.effects[..]),
            (State::Paused, &[Effect::Report][..]),
            "the draft comes first"
        );
        let on = drafted(&paid.run, Drafted::Published(unfinished())).unwrap();
        assert_eq!((on.run.state, &on.effects[0]), (State::Working, &Effect::Work("b".parse().unwrap())));
        assert_eq!(drafted(&on.run, Drafted::Nothing), Err(Refusal::Stale));
        let waits = advance(&on.run, Signal::FollowUp(asked(1))).unwrap().run;
        assert_eq!((waits.state, waits.progress.waiting.len()), (State::Working, 1), "the draft's reader waits");
        let broken =
            advance(&on.run, stage_of(&on.run, StageResult::Failed { message: UserMessage::new("x") })).unwrap();
        assert_eq!(advance(&broken.run, Signal::FollowUp(asked(1))), Err(Refusal::NotNow));

        let why = UserMessage::new("It holds a secret.");
        let withheld = drafted(&paused.run, Drafted::Withheld { why: why.clone() }).unwrap().run;
        assert_eq!(withheld.progress.pause.as_ref().unwrap().withheld, Some(why));
        assert_eq!(advance(&withheld, more()).unwrap().run.state, State::Working);

        let cancelled = advance(&paused.run, order(Order::Cancel)).unwrap().run;
        assert_eq!(advance(&cancelled, order(Order::Retry)), Err(Refusal::NotNow), "its branch is being written to");
        let cancelled = drafted(&cancelled, Drafted::Published(unfinished())).unwrap().run;
        assert_eq!(cancelled.state, State::Cancelled);
        let closed = advance(&cancelled, Signal::PullRequest(PullRequestChange::Closed)).unwrap().run;
        let reopened = advance(&closed, Signal::PullRequest(PullRequestChange::Reopened)).unwrap().run;
        assert_eq!(reopened.state, State::Cancelled, "there is nothing finished to watch");
        assert_eq!(advance(&reopened, order(Order::Retry)).unwrap().run.state, State::Working);
    }

    #[test]
    fn a_draft_is_finished_once() {
        let with = |pull_request: Option<PullRequest>| {
            let mut run = new_run();
            run.progress.pull_request = pull_request;
            run
        };
        let draft = with(Some(unfinished()));
        let same = with(Some(pull_request()));
        let further = with(Some(PullRequest { head: sha('f'), ..pull_request() }));
        assert_eq!(finished(&draft, &same), Some(&pull_request().head));
        assert_eq!(finished(&draft, &further), Some(&sha('f')));
        for (before, after) in [(&draft, &draft), (&same, &same), (&with(None), &same)] {
            assert_eq!(finished(before, after), None);
        }
    }
}
