//! The text a person sees when wiz cannot do what they asked.
//!
//! Inside, errors are `anyhow` with context; a `thiserror` enum exists only where a caller branches. Neither ever
//! reaches GitHub. What does is a [`UserMessage`]: written for the person, it says what happened and what to do next.

use std::fmt;

/// One or two sentences for a person on GitHub: what happened, and what to do next.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct UserMessage {
    text: String,
    /// Only until the run takes the message; see [`UserMessage::settled`].
    #[serde(skip)]
    advice: Option<Advice>,
}

/// What to do about work that goes wrong as it was planned. Which command that is depends on how far the run has come, and
/// where a stage fails nobody knows that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// To order something else, which these words go on to say why.
    Steer(&'static str),
    /// To retry, which these words go on to say what for, or to order something else.
    RetryOrSteer(&'static str),
    /// To mend these rules. Work keeps to the rules that it was planned by, so it takes another plan to follow the new ones.
    Mend(&'static str),
}

/// Whether a person can order something else of a run that has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steering {
    /// Another plan.
    Plan,
    /// More work on its pull request; what is published is not planned anew.
    PullRequest,
    /// Nothing: its pull request is not finished, which comes first.
    Nothing,
}

impl UserMessage {
    /// Wraps text that is safe to post: written by wiz, with any quoted input already neutralised by `report`.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), advice: None }
    }

    /// The same with what to do next, to be said in the words that fit the run.
    pub fn advising(self, advice: impl Into<Option<Advice>>) -> Self {
        Self { advice: advice.into(), ..self }
    }

    /// The message with its advice in the words that fit such a run.
    pub fn settled(self, steering: Steering) -> Self {
        let Some(advice) = self.advice else { return self };
        let advice = match (advice, steering) {
            (Advice::Steer(how), Steering::Plan) => format!("`/wiz revise …` {how}."),
            (Advice::Steer(how), Steering::PullRequest) => format!("`/wiz fix …` on the pull request {how}."),
            (Advice::Steer(_), Steering::Nothing) => "`/wiz retry` starts a new conversation.".to_owned(),
            (Advice::RetryOrSteer(what), Steering::Plan) => {
                format!("`/wiz retry` {what}, `/wiz revise …` changes the plan.")
            }
            (Advice::RetryOrSteer(what), Steering::PullRequest) => {
                format!("`/wiz retry` {what}, `/wiz fix …` on the pull request asks for something else.")
            }
            (Advice::RetryOrSteer(what), Steering::Nothing) => format!("`/wiz retry` {what}."),
            (Advice::Mend(what), Steering::Plan) => {
                format!("Once {what} is mended, `/wiz revise …` with a word about it plans again by the new rules.")
            }
            (Advice::Mend(what), Steering::PullRequest) => format!(
                "Once {what} is mended, `/wiz fix …` on a pull request that wiz did not open begins by the new rules. A pull \
                 request that wiz planned keeps to the old ones: `/wiz retry` tries again by them."
            ),
            (Advice::Mend(_), Steering::Nothing) => "`/wiz retry` tries again, by the same rules.".to_owned(),
        };
        let space = if self.text.ends_with('\n') { "" } else { " " };
        Self::new(format!("{}{space}{advice}", self.text))
    }

    /// The message as Markdown.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for UserMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_fits_the_run() {
        let stuck = UserMessage::new("It went in circles.").advising(Advice::Steer("with a hint helps"));
        let refused = UserMessage::new("It holds a link.\n\n").advising(Advice::RetryOrSteer("tries again"));
        let broken = UserMessage::new("It broke.\n\n").advising(Advice::Mend("`setup:`"));
        let mut said = String::new();
        for steering in [Steering::Plan, Steering::PullRequest, Steering::Nothing] {
            for message in [&stuck, &refused, &broken] {
                said += &format!("{steering:?}: {}\n", message.clone().settled(steering));
            }
        }
        insta::assert_snapshot!(said, @r"
        Plan: It went in circles. `/wiz revise …` with a hint helps.
        Plan: It holds a link.

        `/wiz retry` tries again, `/wiz revise …` changes the plan.
        Plan: It broke.

        Once `setup:` is mended, `/wiz revise …` with a word about it plans again by the new rules.
        PullRequest: It went in circles. `/wiz fix …` on the pull request with a hint helps.
        PullRequest: It holds a link.

        `/wiz retry` tries again, `/wiz fix …` on the pull request asks for something else.
        PullRequest: It broke.

        Once `setup:` is mended, `/wiz fix …` on a pull request that wiz did not open begins by the new rules. A pull request that wiz planned keeps to the old ones: `/wiz retry` tries again by them.
        Nothing: It went in circles. `/wiz retry` starts a new conversation.
        Nothing: It holds a link.

        `/wiz retry` tries again.
        Nothing: It broke.

        `/wiz retry` tries again, by the same rules.
        ");
        let plain = UserMessage::new("It is over.");
        assert_eq!(plain.clone().settled(Steering::PullRequest), plain);
        let kept = serde_json::to_string(&stuck.settled(Steering::Plan)).unwrap();
        assert_eq!(kept, r#""It went in circles. `/wiz revise …` with a hint helps.""#);
    }
}
