//! Reviews that are worked: what a reviewer writes and what comes back, seen through GitHub alone.

mod away;
mod failed;
mod forks;
mod loops;
mod oddities;
mod others;
mod own;
pub mod questions;
mod requested;
mod undone;
mod unfinished;

use github_stand_in::store::ReviewComment;
use scripted_model::{Call, Scene, Turn, When};
use serde_json::{Value, json};
use wiz_demo::until;

use crate::{
    orders::{
        scenes::repair,
        stage::{PATIENCE, Stage},
    },
    support::redact::redact,
};

/// A policy under which nobody waits for an approval.
const AUTONOMOUS: &str = "gate: autonomous\nchecks:\n  - name: tests\n    run: sh tests/greet_test.sh\n";

/// What a reviewer's words make the coder do, told by words that only this task holds.
fn reviewed(marks: &[&str], turns: Vec<Turn>) -> Scene {
    let task = ["role: coder", "# The review"].iter().chain(marks).map(|text| (*text).to_owned()).collect();
    Scene { name: format!("the review with {marks:?}"), when: When { system: vec![], task }, turns }
}

fn turn(expects: &[&str], tool: &str, input: Value) -> Turn {
    let expects = expects.iter().map(|text| (*text).to_owned()).collect();
    let calls = vec![Call { tool: tool.to_owned(), input }];
    Turn { expects, text: String::new(), calls, delay_ms: 0, cut: false }
}

fn bash(script: &str) -> Turn {
    turn(&[], "bash", json!({ "command": script }))
}

/// Hands in one verdict and reply for each of these threads.
fn submit(expects: &[&str], threads: &[(&str, &str, &str)]) -> Turn {
    let threads: Vec<Value> = threads
        .iter()
        .map(|(thread, verdict, reply)| json!({ "thread": thread, "verdict": verdict, "reply": reply }))
        .collect();
    let report = json!({ "summary": "The review is worked.", "evidence": "I ran the tests.", "threads": threads });
    turn(expects, "submit", report)
}

/// A stage on which wiz has an open pull request about `title`; gives the issue's and the pull request's numbers.
async fn with_pull_request(title: &str, scenes: Vec<Scene>) -> (Stage, u64, u64) {
    let scenes = scenes.into_iter().chain(repair(title)).collect();
    let stage = Stage::set(AUTONOMOUS, scenes).await;
    let issue = stage.issue(title);
    stage.say("maria", issue, "/wiz fix");
    stage.until_says(issue, "is open").await;
    let pull = stage.repo.pulls().unwrap().pop().unwrap().number;
    (stage, issue, pull)
}

impl Stage {
    /// Somebody reviews, with comments on lines of the diff; gives the review's id and those of its comments.
    fn review(
        &self,
        (login, pull): (&str, u64),
        event: &str,
        body: &str,
        comments: &[(&str, u64, &str)],
    ) -> (u64, Vec<u64>) {
        let comments: Vec<Value> = comments
            .iter()
            .map(|(path, line, text)| json!({ "path": path, "line": line, "side": "RIGHT", "body": text }))
            .collect();
        let path = format!("/repos/{}/pulls/{pull}/reviews", self.repo.full_name());
        let body = json!({ "event": event, "body": body, "comments": comments });
        let review = self.person(login).request("POST", &path, &body).unwrap()["id"].as_u64().unwrap();
        let made = self.line_comments(pull).into_iter().filter(|comment| comment.review == review);
        (review, made.map(|comment| comment.id).collect())
    }

    fn line_comments(&self, pull: u64) -> Vec<ReviewComment> {
        let repository = self.world.hub().control().repository(self.repo.full_name()).unwrap();
        repository.issues[&pull].pull.as_ref().unwrap().review_comments.clone()
    }

    /// Who is asked to review.
    fn asked(&self, pull: u64) -> Vec<String> {
        let control = self.world.hub().control();
        let repository = control.repository(self.repo.full_name()).unwrap();
        let asked = &repository.issues[&pull].pull.as_ref().unwrap().requested_reviewers;
        asked.iter().map(|account| control.login(*account)).collect()
    }

    /// The pull request's commits since the base, oldest first, as their subjects.
    fn commits(&self, pull: u64) -> Vec<String> {
        let found = self.repo.pulls().unwrap().into_iter().find(|found| found.number == pull).unwrap();
        let range = format!("main..{}", found.head_sha);
        let subjects = self.repo.git(&["log", "--reverse", "--format=%s", &range]).unwrap();
        subjects.lines().map(str::to_owned).collect()
    }

    /// What a file says on the pull request's head.
    fn on_head(&self, pull: u64, path: &str) -> String {
        let found = self.repo.pulls().unwrap().into_iter().find(|found| found.number == pull).unwrap();
        self.repo.git(&["show", &format!("{}:{path}", found.head_sha)]).unwrap()
    }

    fn is_resolved(&self, pull: u64, first: u64) -> bool {
        let repository = self.world.hub().control().repository(self.repo.full_name()).unwrap();
        repository.issues[&pull].pull.as_ref().unwrap().resolved_threads.contains_key(&first)
    }

    /// Every thread of a pull request, as people read it.
    fn threads(&self, pull: u64) -> String {
        let comments = self.line_comments(pull);
        let control = self.world.hub().control();
        let firsts = comments.iter().filter(|comment| comment.in_reply_to.is_none());
        let threads = firsts.map(|first| {
            let said =
                comments.iter().filter(|comment| comment.id == first.id || comment.in_reply_to == Some(first.id));
            let said: Vec<String> = said
                .map(|comment| {
                    let eyes = if comment.reactions.is_empty() { "" } else { "  👀" };
                    let body = comment.body.split("\n\n<!-- wiz:run=").next().unwrap_or_default();
                    format!("{}: {}{eyes}", control.login(comment.user), redact(body))
                })
                .collect();
            let resolved = if self.is_resolved(pull, first.id) { " (resolved)" } else { "" };
            format!("{}:{}{resolved}\n{}", first.path, first.line.unwrap_or_default(), said.join("\n"))
        });
        threads.collect::<Vec<_>>().join("\n----\n")
    }

    /// Waits until wiz has said something in each of these threads.
    async fn until_answered(&self, pull: u64, threads: &[u64]) {
        let control = self.world.hub().control();
        let answered = async || {
            let comments = self.line_comments(pull);
            let done = threads.iter().all(|thread| {
                comments.iter().any(|said| said.in_reply_to == Some(*thread) && control.login(said.user) == "wiz[bot]")
            });
            Ok(done.then_some(()))
        };
        if let Err(error) = until("the threads are answered", PATIENCE, answered).await {
            let said: Vec<String> = self.repo.wiz_comments().unwrap().into_iter().map(|comment| comment.body).collect();
            panic!("{error:#}; wiz says:\n{}\n{}", said.join("\n====\n"), self.threads(pull));
        }
        // The last answer is not the last thing to be done.
        self.quiet().await;
    }
}
