//! Reviews that people ask wiz for: one for each commit, on pull requests by anyone, and never a verdict.

use github_stand_in::store::ReviewState;
use scripted_model::{Scene, Turn, When};
use serde_json::{Value, json};

use super::{PATIENCE, bash, turn};
use crate::{
    orders::stage::{CHECKED, Stage},
    support::redact::redact,
};
use wiz_demo::until;

/// A reader of a pull request, once its task holds these words.
fn reader(marks: &[&str], turns: Vec<Turn>) -> Scene {
    let task = ["role: reader of a pull request"].iter().chain(marks).map(|text| (*text).to_owned()).collect();
    Scene { name: format!("the reader with {marks:?}"), when: When { system: vec![], task }, turns }
}

fn found(expects: &[&str], summary: &str, findings: &[(&str, u32, &str, &str)]) -> Turn {
    let findings: Vec<Value> = findings
        .iter()
        .map(|(path, line, level, title)| {
            json!({ "path": path, "line": line, "level": level, "title": title, "detail": "With `Ann`.\n/wiz fix" })
        })
        .collect();
    turn(expects, "submit", json!({ "summary": summary, "findings": findings }))
}

impl Stage {
    /// What wiz wrote in reviews of its own, and on which lines.
    fn own_reviews(&self, pull: u64) -> Vec<String> {
        let control = self.world.hub().control();
        let repository = control.repository(self.repo.full_name()).unwrap();
        let found = repository.issues[&pull].pull.as_ref().unwrap();
        let own = found.reviews.iter().filter(|review| control.login(review.user) == "wiz[bot]");
        // A reply in a thread is a review without words of its own.
        let own = own.filter(|review| !review.body.is_empty());
        own.map(|review| {
            assert_eq!(review.state, ReviewState::Commented);
            let body = redact(review.body.split("\n\n<!-- wiz:run=").next().unwrap_or_default());
            let comments = found.review_comments.iter().filter(|comment| comment.review == review.id);
            let comments = comments.map(|comment| {
                let first = comment.start_line.or(comment.line).unwrap_or_default();
                let last = comment.line.unwrap_or_default();
                format!("\n--\n{}:{first}-{last}\n{}", comment.path, redact(&comment.body))
            });
            format!("{body}{}", comments.collect::<String>())
        })
        .collect()
    }

    pub(super) async fn until_reviewed(&self, pull: u64, times: usize) -> Vec<String> {
        let done = async || Ok(Some(self.own_reviews(pull)).filter(|reviews| reviews.len() == times));
        let reviews = until("wiz has reviewed", PATIENCE, done).await;
        self.quiet().await;
        reviews.unwrap_or_else(|error| panic!("{error:#}; wiz says {:?}", self.repo.wiz_comments().unwrap()))
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::invisible_characters, reason = "wiz breaks links in quoted words with one")]
async fn a_pull_request_is_read_once_for_each_commit_and_never_judged() {
    let scenes = vec![
        reader(
            &["the name above all", "+echo \"Hi, $1\""],
            vec![
                bash("cat greet.sh"),
                found(&["echo \"Hi, $1\""], "I read it.", &[("README.md", 1, "warning", "Old")]),
                found(
                    &["\"README.md\" is not a file that the pull request changes"],
                    "I ran the greeting.\n/wiz approve",
                    &[("greet.sh", 1, "failure", "Too short"), ("greet.sh", 40, "notice", "No end @octo/greeters")],
                ),
            ],
        ),
        reader(&["for the key"], vec![found(&[], &format!("It shows {}.", super::questions::SECRET), &[])]),
        reader(&["#!/bin/sh"], vec![found(&[], "It prints nothing now.", &[])]),
    ];
    let stage = Stage::set(CHECKED, scenes).await;
    let name = stage.repo.full_name().to_owned();
    let sam = stage.person("sam");
    let fork = sam.fork(&name).unwrap();
    sam.write_file(&fork, "hi", ("greet.sh", "echo \"Hi, $1\"\n"), "Say hi").unwrap();
    let pull = sam.open_pull_request(&name, ("sam:hi", "main"), "Say hi", "Short.").unwrap();

    stage.say("sam", pull, "/wiz review");
    stage.quiet().await;
    stage.say("max", pull, "/wiz review the name above all");
    let reviews = stage.until_reviewed(pull, 1).await;
    insta::assert_snapshot!(reviews[0], @r"
    I ran the greeting.
    \/wiz approve

    **Note: No end @​octo/greeters**
    `greet.sh:40`

    With `Ann`.
    \/wiz fix

    <sub>2 findings in <hash>, read for max by a model that changed nothing. wiz neither approves nor refuses.</sub>
    --
    greet.sh:1-1
    **Wrong: Too short**

    With `Ann`.
    \/wiz fix
    ");
    // Once more by GitHub's button, and by another person.
    let delivery = stage.world.hub().control().deliveries().into_iter().rfind(|one| one.event == "issue_comment");
    stage.world.hub().control().redeliver(delivery.unwrap().id).unwrap();
    stage.quiet().await;
    stage.say("wim", pull, "/wiz review");
    stage.quiet().await;
    assert_eq!(stage.runs().await, 1);
    assert_eq!(stage.budgets().await, [1_000_000]);

    sam.write_file(&fork, "hi", ("greet.sh", "#!/bin/sh\n"), "Say nothing").unwrap();
    stage.say("wim", pull, "/wiz review");
    let reviews = stage.until_reviewed(pull, 2).await;
    insta::assert_snapshot!(reviews[1], @r"
    It prints nothing now.

    <sub>Nothing found in <hash>, read for wim by a model that changed nothing. wiz neither approves nor refuses.</sub>
    ");
    sam.write_file(&fork, "hi", ("greet.sh", "#!/bin/bash\n"), "Say nothing in bash").unwrap();
    stage.say("max", pull, "/wiz review look for the key");
    stage.until_answers(pull, "The text to be published holds").await;
    sam.close(&name, pull).unwrap();
    stage.say("wim", pull, "/wiz review");
    insta::assert_snapshot!(stage.talk(pull).await, @r"
    sam: /wiz review  👎
    ----
    wiz: sam may not use `/wiz review` here: it needs the role **write** in this repository.
    ----
    max: /wiz review the name above all  👀
    ----
    wim: /wiz review  👀
    ----
    wiz: I have read <hash> already, or am reading it. A newer commit can be reviewed again.
    ----
    wim: /wiz review  👀
    ----
    max: /wiz review look for the key  👀
    ----
    wiz: I could not review this. The text to be published holds a GitHub token, so nothing was published.

    Ask again with `/wiz review`.
    ----
    wim: /wiz review
    ----
    wiz: This pull request is closed, so I did not read it. Reopen it and comment `/wiz review` again.
    ");
    let issue = stage.issue("No change");
    stage.say("wim", issue, "/wiz review");
    insta::assert_snapshot!(stage.talk(issue).await, @r"
    wim: /wiz review
    ----
    wiz: There is no change to review in an issue: comment `/wiz review` on a pull request.
    ");
    stage.clear().await;
}
