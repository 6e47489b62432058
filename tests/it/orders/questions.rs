//! What only a person can say: asked once, answered by number, in words, or by the default when the time is over.

use scripted_model::{Call, Scene, Turn};
use serde_json::{Value, json};

use super::{
    scenes::{FILES, planner},
    stage::{CHECKED, Stage, shown},
};

const READY: &str = "The plan is ready for approval";

/// A planner that asks first, and one that goes on with what it is then told.
pub fn asking(title: &str, question: &Value, told: &str) -> [Scene; 2] {
    let ask = Turn {
        expects: vec![],
        text: String::new(),
        calls: vec![Call { tool: "ask".to_owned(), input: question.clone() }],
        delay_ms: 0,
        cut: false,
    };
    let mut first = planner(title, &FILES);
    first.turns = vec![ask];
    let mut second = planner(title, &FILES);
    second.when.task.push(told.to_owned());
    second.when.task.push("ask nothing more".to_owned());
    [second, first]
}

pub fn which() -> Value {
    json!({
        "question": "Which greeting, @octo?\n/wiz approve",
        "options": ["Hello", "Good day [x](http://evil.example)"],
        "default": "Hello",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_asked_once_and_answered_in_the_conversation() {
    let mut wordy = asking("In words", &which(), "The answer: both of them");
    let mut long = wordy[1].turns[0].clone();
    long.calls[0].input["options"] = json!(["1", "2", "3", "4", "5"]);
    wordy[1].turns[0].expects = vec!["at most 4 options".to_owned()];
    wordy[1].turns.insert(0, long);
    let scenes = [
        asking("By number", &which(), "The answer: Good day"),
        wordy,
        asking("In silence", &which(), "Nobody answered, so do this: Hello"),
    ];
    let stage = Stage::set(CHECKED, scenes.concat()).await;
    let [number, words, silence] = ["By number", "In words", "In silence"].map(|title| stage.issue(title));
    stage.say("maria", number, "/wiz answer 1");
    stage.until_answers(number, "no run here").await;
    stage.say("maria", number, "/wiz fix");
    let asked = stage.until_says(number, "A question for you").await;
    let shown = shown(&asked).replace('\u{200b}', "");
    for part in [
        "@maria, the plan depends on",
        "Which greeting, @octo?\n\\/wiz approve",
        "2. Good day \\[x\\](http://evil.example)",
        "Without an answer within a day I go on with: Hello",
        "`/wiz answer 1` (or another number)",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    for answer in ["/wiz answer 3", "/wiz answer", "/wiz approve"] {
        stage.say("maria", number, answer);
        stage.quiet().await;
    }
    stage.say("tess", number, "/wiz answer 2");
    stage.quiet().await;
    stage.say("wim", number, "/wiz answer 2");
    stage.until_says(number, READY).await;
    stage.say("wim", number, "/wiz answer 2");
    insta::assert_snapshot!(stage.talk(number).await, @r"
    maria: /wiz answer 1  👀
    ----
    wiz: There is no run here that `/wiz answer` could mean. `/wiz fix` on an issue starts one.
    ----
    maria: /wiz fix  👀
    ----
    wiz: ### The plan is ready for approval

    `/wiz fix` by maria · By number · spent <money>, about <money> more, cap $3.00

    About By number.

    …

    **Next:** `/wiz approve <hash>` (go on), `/wiz revise …` (say what to change), `/wiz reject` (end the run)

    <sub>run 1 · model `anthropic/scripted`</sub>
    ----
    maria: /wiz answer 3  👀
    ----
    wiz: The question of run 1 has no option of that number; its status comment lists them. `/wiz answer` with words of your own is fine too.
    ----
    maria: /wiz answer
    ----
    wiz: I could not read that: `answer` needs an option's number, or words

    ```text
    <output>
    ```

    `/wiz help` lists everything.
    ----
    maria: /wiz approve  👀
    ----
    wiz: `/wiz approve` does not fit now: run 1 is waiting for an answer. `/wiz status` shows more.
    ----
    tess: /wiz answer 2  👎
    ----
    wiz: tess may not use `/wiz answer` here: it needs the role **write** in this repository.
    ----
    wim: /wiz answer 2  👀
    ----
    wim: /wiz answer 2  👀
    ----
    wiz: `/wiz answer` does not fit now: run 1 is waiting for approval of its plan. `/wiz status` shows more.
    ");

    stage.say("maria", words, "/wiz fix");
    stage.until_says(words, "A question for you").await;
    stage.say("maria", words, "/wiz answer both of them");
    stage.until_says(words, READY).await;

    stage.say("maria", silence, "/wiz fix");
    stage.until_says(silence, "A question for you").await;
    stage.deadline_passes(silence).await;
    stage.until_says(silence, READY).await;
    for issue in [number, words, silence] {
        stage.say("maria", issue, "/wiz cancel");
        stage.until_says(issue, "Cancelled").await;
        stage.talk(issue).await;
    }
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_asked_code_owners_are_called_who_may_answer() {
    let mut question = which();
    question["files"] = json!(["greet.sh"]);
    let of_all = json!({ "question": "And at night?", "default": "Sleep." });
    let scenes = [
        asking("Scheduled work: owned", &question, "The answer: Good day"),
        asking("Scheduled work: whole", &of_all, "Nobody answered, so do this: Sleep."),
    ];
    let stage = Stage::set(CHECKED, scenes.concat()).await;
    let (maria, name) = (stage.person("maria"), stage.repo.full_name());
    // sam may not answer, ghosts do not exist, and only three are called.
    let owners =
        "* @max octo@example.com\ndocs/ @nobody\n*.sh @sam @ghost @other/team @wim @octo/greeters @maria @max\n";
    maria.write_file(name, "main", (".github/CODEOWNERS", owners), "Owners").unwrap();
    maria.write_file(name, "main", ("CODEOWNERS", "* @tess\n"), "GitHub reads the other one").unwrap();
    let schedule = |name: &str, month: u32| {
        format!("  - {{name: {name}, cron: '0 4 1 {month} *', verb: plan, result: issue, instructions: Think.}}\n")
    };
    let rules = format!("{CHECKED}schedules:\n{}{}", schedule("owned", 1), schedule("whole", 2));
    maria.write_file(name, "main", (".github/wiz.yml", &rules), "Work at night").unwrap();
    stage.quiet().await;
    let ask = async |schedule: &str| {
        stage.tick_was_due(schedule, "5 minutes").await;
        let title = format!("Scheduled work: {schedule}");
        let issue = super::rules::tracking_issue(&stage, &title).await;
        let body = stage.until_says(issue, "A question for you").await.body;
        (issue, body.lines().find(|line| line.contains("the plan depends on")).unwrap_or_default().to_owned())
    };
    let (owned, called) = ask("owned").await;
    insta::assert_snapshot!(called, @"@maria, @max and @octo/greeters, the plan depends on something that only people here can say:");
    stage.say("wim", owned, "/wiz answer 2");
    stage.until_says(owned, READY).await;
    let (whole, called) = ask("whole").await;
    insta::assert_snapshot!(called, @"@max, @maria and @octo/greeters, the plan depends on something that only people here can say:");
    stage.deadline_passes(whole).await;
    stage.until_says(whole, READY).await;
    for issue in [owned, whole] {
        stage.say("maria", issue, "/wiz cancel");
        stage.until_says(issue, "Cancelled").await;
        stage.talk(issue).await;
    }
    stage.clear().await;
}
