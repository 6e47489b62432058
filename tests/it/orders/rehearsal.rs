//! `wiz config check` and `wiz policy test`: what is said of a policy file before anybody lives under it.

use chrono::Utc;
use github_stand_in::{
    control::Verdict,
    store::{Conclusion, Rule},
};
use wiz_demo::until;

use super::{
    scenes::{FILES, planner},
    stage::{CHECKED, PATIENCE, Stage},
};
use crate::checks;

#[tokio::test(flavor = "multi_thread")]
async fn another_file_is_checked_and_tried_on_what_has_happened() {
    let stage = Stage::set(CHECKED, vec![planner("Greet", &FILES)]).await;
    people_speak(&stage).await;
    labels_reviews_and_checks(&stage).await;

    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).display().to_string()
    };
    let faulty = file(
        "faulty.yml",
        "gate: sometimes\nschedules:\n  - name: nightly\n    cron: '* * * * *'\n    verb: fix\n    instructions: x\nbuget_run: $3\n",
    );
    let strict = file("strict.yml", &format!("{CHECKED}min_role: maintain\n"));
    let rule = "gate:\n  default: autonomous\n  rules:\n    - level: human-required\n      paths: [greet.sh]\n";
    let free = file("free.yml", &format!("{CHECKED}{rule}"));
    let begins = "triggers: { labels: { bug: fix } }\nci: { answer: all, default_branch: fix, label: ci-please }\n";
    let eager = file("eager.yml", &format!("{CHECKED}{begins}"));
    let account = file("account.yml", "gate: supervised\nci: { answer: own }\nlocked: [gate, ci]\n");
    let said = async |arguments: &[&str]| {
        let output = stage.world.run(arguments).await.unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let text = redacted(&text.replace(&format!("{}/", folder.path().display()), ""));
        format!("{:?}\n{text}", output.status.code())
    };
    let (checked, tried) = (["config", "check"], ["policy", "test"]);
    let all = [
        said(&[&checked[..], &[&faulty]].concat()).await,
        said(&[&checked[..], &[&strict]].concat()).await,
        said(&[&checked[..], &["nowhere.yml"]].concat()).await,
        said(&[&tried[..], &[&faulty]].concat()).await,
        said(&[&tried[..], &[&free, "--organisation", &faulty]].concat()).await,
        said(&[&tried[..], &[&strict]].concat()).await,
        said(&[&tried[..], &[&free, "--against", &strict, "--repo", "octo/greeter"]].concat()).await,
        said(&[&tried[..], &[&eager]].concat()).await,
        said(&[&tried[..], &[&eager, "--organisation", &account]].concat()).await,
        said(&[&tried[..], &[&account, "--layer", "organisation", "--repository", &eager]].concat()).await,
        said(&[&tried[..], &[&free, "--repo", "octo/other", "--since", "1h"]].concat()).await,
        said(&[&tried[..], &[&free, "--since", "1w"]].concat()).await,
        said(&[&tried[..], &[&free, "--against", &strict, "--repository", &eager]].concat()).await,
        said(&[&tried[..], &["-", "--against", "-"]].concat()).await,
    ];
    insta::assert_snapshot!(all.join("\n====\n"), @r"
    Some(1)
    faulty.yml:1: gate: unknown variant `sometimes`; known are autonomous, supervised, human-required
    faulty.yml:3: schedules: cron: two ticks are at least 30 minutes apart
    faulty.yml:7: unknown field `buget_run`; did you mean `budget_run`?
    ====
    Some(0)
    strict.yml: no mistakes
    ====
    Some(1)
    <time> ERROR wiz: cannot open nowhere.yml: No such file or directory (os error 2)
    ====
    Some(1)
    faulty.yml:1: gate: unknown variant `sometimes`; known are autonomous, supervised, human-required
    faulty.yml:3: schedules: cron: two ticks are at least 30 minutes apart
    faulty.yml:7: unknown field `buget_run`; did you mean `budget_run`?
    ====
    Some(1)
    faulty.yml:1: gate: unknown variant `sometimes`; known are autonomous, supervised, human-required
    faulty.yml:3: schedules: cron: two ticks are at least 30 minutes apart
    faulty.yml:7: unknown field `buget_run`; did you mean `budget_run`?
    ====
    Some(0)
    Tried on commands: 4, labels and assignments: 0, reviews: 1, commits with failing checks: 2. 4 of 7 would mean something else.

    <time> octo/greeter#1 sam as triage (was refused before): /wiz fix
      - denied, needs write
      + denied, needs maintain

    <time> octo/greeter#1 wim as write (started a run before): /wiz fix
      - starts with up to $3.00, supervised: the default here is supervised
      + denied, needs maintain

    <time> octo/greeter#1 tess as triage (was refused before): `fxi` is not a command; did you mean `fix`?
      - denied, needs write
      + denied, needs maintain

    <time> octo/greeter#3 sam as triage (was refused before): review: /wiz docs
      - denied, needs write
      + denied, needs maintain

    Assumed: the roles in parentheses; for a gate the files of the plan that was made, where one was, and no price or lines; of
    a pull request its labels and the last word about its checks as they are now, from people who may; that no failing check
    passes by itself. Each thing is judged alone, as if all before it had gone as it did.
    Not tried: who may press buttons, edit plans and approve their own; image, setup, checks, model and budget_day; budgets of
    work on open pull requests.
    ====
    Some(0)
    Tried on commands: 4, labels and assignments: 0, reviews: 1, commits with failing checks: 2. 4 of 7 would mean something else.

    <time> octo/greeter#1 sam as write (was refused before): /wiz fix
      - denied, needs maintain
      + starts with up to $3.00, autonomous: the default here is autonomous

    <time> octo/greeter#1 wim as maintain (started a run before): /wiz fix
      - starts with up to $3.00, supervised: the default here is supervised
      + starts with up to $3.00, human-required: rule 1 of the gate: the path greet.sh

    <time> octo/greeter#1 tess as write (was refused before): `fxi` is not a command; did you mean `fix`?
      - denied, needs maintain
      + corrected

    <time> octo/greeter#3 sam as write (was refused before): review: /wiz docs
      - denied, needs maintain
      + worked

    Assumed: the roles in parentheses; for a gate the files of the plan that was made, where one was, and no price or lines; of
    a pull request its labels and the last word about its checks as they are now, from people who may; that no failing check
    passes by itself. Each thing is judged alone, as if all before it had gone as it did.
    Not tried: who may press buttons, edit plans and approve their own; image, setup, checks, model and budget_day; budgets of
    work on open pull requests.
    ====
    Some(0)
    Tried on commands: 4, labels and assignments: 2, reviews: 1, commits with failing checks: 2. 4 of 9 would mean something else.

    <time> octo/greeter#2 wim as write (started a run before): label bug
      - means nothing
      + /wiz fix: starts with up to $3.00, supervised: the default here is supervised

    <time> octo/greeter#3: checks fail at <hash>
      - left alone
      + answered: the pull request has the label

    <time> octo/greeter#3 wim as write (started a run before): label ci-please
      - means nothing
      + changes nothing: something else decides about the checks there

    <time> octo/greeter: checks fail at <hash>
      - left alone
      + an issue is opened and a run starts with up to $3.00, supervised: the default here is supervised

    Assumed: the roles in parentheses; for a gate the files of the plan that was made, where one was, and no price or lines; of
    a pull request its labels and the last word about its checks as they are now, from people who may; that no failing check
    passes by itself. Each thing is judged alone, as if all before it had gone as it did.
    Not tried: who may press buttons, edit plans and approve their own; image, setup, checks, model and budget_day; budgets of
    work on open pull requests.
    ====
    Some(0)
    Tried on commands: 4, labels and assignments: 1, reviews: 1, commits with failing checks: 2. 1 of 8 would mean something else.

    <time> octo/greeter#2 wim as write (started a run before): label bug
      - means nothing
      + /wiz fix: starts with up to $3.00, supervised: the default here is supervised

    `ci` is locked by the account, so what this repository says there is not followed

    Assumed: the roles in parentheses; for a gate the files of the plan that was made, where one was, and no price or lines; of
    a pull request its labels and the last word about its checks as they are now, from people who may; that no failing check
    passes by itself. Each thing is judged alone, as if all before it had gone as it did.
    Not tried: who may press buttons, edit plans and approve their own; image, setup, checks, model and budget_day; budgets of
    work on open pull requests.
    ====
    Some(0)
    Tried on commands: 4, labels and assignments: 2, reviews: 1, commits with failing checks: 2. 3 of 9 would mean something else.

    <time> octo/greeter#3: checks fail at <hash>
      - answered: the pull request has the label
      + left alone

    <time> octo/greeter#3 wim as write (started a run before): label ci-please
      - changes nothing: something else decides about the checks there
      + means nothing

    <time> octo/greeter: checks fail at <hash>
      - an issue is opened and a run starts with up to $3.00, supervised: the default here is supervised
      + left alone

    `ci` is locked by the account, so what this repository says there is not followed

    Assumed: the roles in parentheses; for a gate the files of the plan that was made, where one was, and no price or lines; of
    a pull request its labels and the last word about its checks as they are now, from people who may; that no failing check
    passes by itself. Each thing is judged alone, as if all before it had gone as it did.
    Not tried: who may press buttons, edit plans and approve their own; image, setup, checks, model and budget_day; budgets of
    work on open pull requests.
    ====
    Some(0)
    Tried on commands: 0, labels and assignments: 0, reviews: 0, commits with failing checks: 0. 0 of 0 would mean something else.

    Assumed: the roles in parentheses; for a gate the files of the plan that was made, where one was, and no price or lines; of
    a pull request its labels and the last word about its checks as they are now, from people who may; that no failing check
    passes by itself. Each thing is judged alone, as if all before it had gone as it did.
    Not tried: who may press buttons, edit plans and approve their own; image, setup, checks, model and budget_day; budgets of
    work on open pull requests.
    ====
    Some(2)
    error: invalid value '1w' for '--since <SINCE>': a time is written like 12h or 7d, up to 365d

    For more information, try '--help'.
    ====
    Some(1)
    `--against` and `--repository` both name the file that would be replaced
    ====
    Some(1)
    standard input can be read once, so only one file can be `-`
    ");
    stage.clear().await;
}

/// Each of them is heard: one who may not, one who may, one who mistypes.
async fn people_speak(stage: &Stage) {
    let issue = stage.issue("Greet");
    stage.say("sam", issue, "/wiz fix");
    stage.until_answers(issue, "sam may not use").await;
    stage.say("wim", issue, "/wiz fix");
    stage.until_says(issue, "is ready for approval").await;
    stage.say("tess", issue, "/wiz fxi\n\n/wiz help");
    stage.until_answers(issue, "may not use").await;
    stage.until_answers(issue, "What wiz understands").await;
}

/// Nothing of it means anything under the repository's own file but the review, and that is refused.
async fn labels_reviews_and_checks(stage: &Stage) {
    let (name, wim) = (stage.repo.full_name(), stage.person("wim"));
    wim.label(name, stage.issue("A bug"), &["bug", "good first issue"]).unwrap();
    stage.quiet().await;
    let never = Rule::Outcomes { outcomes: vec![Conclusion::Failure] };
    stage.world.hub().control().script_workflow(name, &checks::workflow(never, "error: never")).unwrap();
    for branch in ["by-hand", "main"] {
        let head = wim.write_file(name, branch, ("greet.sh", &format!("echo {branch}\n")), "By hand").unwrap();
        let failed = async || {
            let runs = stage.world.hub().control().workflow_runs(name)?;
            let last = runs.iter().rfind(|run| run.head_sha == head).and_then(|run| run.latest());
            Ok(last.and_then(|attempt| attempt.conclusion))
        };
        assert_eq!(until("CI has ended", PATIENCE, failed).await.unwrap(), Conclusion::Failure);
        stage.quiet().await;
        if branch == "by-hand" {
            let pull = wim.open_pull_request(name, (branch, "main"), "By hand", "Short.").unwrap();
            wim.label(name, pull, &["ci-please"]).unwrap();
            stage.person("sam").review(name, pull, Verdict::RequestChanges, "/wiz docs say more").unwrap();
            stage.until_answers(pull, "sam may not use").await;
            stage.quiet().await;
        }
    }
}

/// Without times and commits.
fn redacted(text: &str) -> String {
    let year = Utc::now().format("%Y-").to_string();
    let lines = text.lines().map(|line| match line.strip_prefix(&year) {
        Some(rest) => format!("<time> {}", rest["MM-DDTHH:MM".len()..].split_once(' ').unwrap_or_default().1),
        None => line.to_owned(),
    });
    let lines = lines.map(|line| match line.split_once("checks fail at ") {
        Some((before, _)) => format!("{before}checks fail at <hash>"),
        None => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}
