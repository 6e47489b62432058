//! The rules of a repository: where they come from, what is said of a file that would change them, and work that begins
//! by itself.

use github_stand_in::{
    control::{MergeMethod, NewRepository},
    store::Role,
};
use wiz_demo::until;

use super::{
    scenes::{FILES, planner},
    stage::{CHECKED, PATIENCE, Stage, shown},
};
use crate::reviews::questions::{answer, asked};

/// The check runs that judge a policy file: commit, how it ended, title and the lines of its remarks.
fn judged(stage: &Stage) -> Vec<(String, Option<String>, String, Vec<u64>)> {
    let runs = stage.world.hub().control().check_runs(stage.repo.full_name()).unwrap();
    let ours = runs.into_iter().filter(|run| run.name == "wiz policy");
    ours.map(|run| {
        let lines = run.output.annotations.iter().map(|annotation| annotation.start_line).collect();
        (run.head_sha, run.conclusion, run.output.title.unwrap_or_default(), lines)
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_shows_what_is_wrong_with_the_rules_it_brings() {
    let stage = Stage::set(CHECKED, vec![]).await;
    let (wim, name) = (stage.person("wim"), stage.repo.full_name());
    let nightly = "schedules:\n  - {name: nightly, cron: '0 4 * *', verb: fix, instructions: Mend it.}\n";
    let faulty = format!("{CHECKED}gate: sometimes\nbuget_run: $3\n{nightly}");
    let head = wim.write_file(name, "rules", (".github/wiz.yml", &faulty), "Other rules").unwrap();
    let pull = wim.open_pull_request(name, ("rules", "main"), "Other rules", "").unwrap();
    stage.quiet().await;
    let (commit, conclusion, title, lines) = judged(&stage).pop().unwrap();
    assert_eq!(
        (commit, conclusion.as_deref(), title.as_str(), lines),
        (head, Some("failure"), "3 mistakes", vec![4, 5, 7])
    );

    let nowhere = format!("{CHECKED}gate: human-required\nmodel: nobody/nothing\n");
    wim.write_file(name, "rules", (".github/wiz.yml", &nowhere), "Mend most of it").unwrap();
    stage.quiet().await;
    let (_, conclusion, title, lines) = judged(&stage).pop().unwrap();
    let said = "1 key that cannot be followed";
    assert_eq!((conclusion.as_deref(), title.as_str(), lines), (Some("neutral"), said, vec![5]));

    let mended = format!("{CHECKED}gate: human-required\n");
    let head = wim.write_file(name, "rules", (".github/wiz.yml", &mended), "Mend it").unwrap();
    stage.quiet().await;
    let (commit, conclusion, title, lines) = judged(&stage).pop().unwrap();
    let said = "The policy file has no mistakes";
    assert_eq!((commit, conclusion.as_deref(), title.as_str(), lines), (head, Some("success"), said, vec![]));

    // Asked for again, by itself or with all of wiz's, it is judged again.
    let check = stage.world.hub().control().check_runs(name).unwrap().pop().unwrap();
    let asked: [&dyn Fn(); 2] =
        [&|| wim.rerequest(name, check.id).unwrap(), &|| wim.rerequest_suite(name, check.suite).unwrap()];
    for ask in asked {
        ask();
        stage.quiet().await;
        let suites = stage.world.hub().control().repository(name).unwrap().check_suites;
        assert!(!suites[&check.suite].asked_again, "nobody has answered");
    }

    wim.write_file(name, "words", ("README.md", "# Words\n"), "Words").unwrap();
    wim.open_pull_request(name, ("words", "main"), "Words", "").unwrap();
    stage.quiet().await;
    assert_eq!(judged(&stage).len(), 3, "a pull request that leaves the rules alone is not judged");
    assert!(stage.repo.wiz_comments().unwrap().is_empty(), "a check is enough, #{pull}");
    stage.clear().await;
}

/// What wiz says on commits: the commit and the text.
fn remarks(stage: &Stage, repository: &str) -> Vec<(String, String)> {
    let repository = stage.world.hub().control().repository(repository).unwrap();
    let said = repository.commit_comments.into_iter();
    said.map(|said| (said.sha, said.body.split("\n\n<!-- wiz:").next().unwrap_or_default().to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn faulty_rules_that_nobody_reviewed_are_told_once_on_their_commit() {
    let stage = Stage::set(CHECKED, vec![]).await;
    let (maria, name) = (stage.person("maria"), stage.repo.full_name());
    let push = async |file: (&str, &str)| {
        let sha = maria.write_file(name, "main", file, "Push").unwrap();
        stage.quiet().await;
        sha
    };
    let faulty = format!(
        "{CHECKED}gate: '@octo'\nschedules:\n  - {{name: a, cron: '0 4 * * 1', verb: review, instructions: x}}\n"
    );
    let first = push((".github/wiz.yml", &faulty)).await;
    let (commit, text) = remarks(&stage, name).pop().unwrap();
    assert_eq!(commit, first);
    insta::assert_snapshot!(text.replace('\u{200b}', "␣"), @r"
    `.github/wiz.yml` has mistakes now, so wiz starts nothing that it speaks for until they are mended:

    - line 4: ``gate: unknown variant `@octo`; known are autonomous, supervised, human-required``
    - line 6: ``schedules: `review` reads a pull request, and a schedule has none; `ask` looks at the whole repository``

    `wiz config check FILE` says the same before you push.
    ");
    // Other files, and the same mistakes again, are no news; after a good file they are.
    push(("README.md", "# greeter, again\n")).await;
    push((".github/wiz.yml", &format!("{faulty}# a remark\n"))).await;
    assert_eq!(remarks(&stage, name).len(), 1);
    push((".github/wiz.yml", CHECKED)).await;
    let again = push((".github/wiz.yml", &faulty)).await;
    assert_eq!(remarks(&stage, name).pop().unwrap().0, again);
    push((".github/wiz.yml", CHECKED)).await;

    // What a pull request has shown is not told again once it is merged.
    maria.write_file(name, "rules", (".github/wiz.yml", "min_role: nobody\n"), "Rules").unwrap();
    let pull = maria.open_pull_request(name, ("rules", "main"), "Rules", "").unwrap();
    stage.quiet().await;
    assert_eq!(judged(&stage).len(), 1);
    maria.merge(name, pull, MergeMethod::Merge).unwrap();
    stage.quiet().await;
    assert_eq!(remarks(&stage, name).len(), 2);
    assert!(stage.repo.wiz_comments().unwrap().is_empty());
    let (_, other) = stage.journal().await;
    assert_eq!(other, Vec::<String>::new(), "what the journal has no name for");

    // The account's file speaks for every repository.
    let owner = name.split('/').next().unwrap().to_owned();
    let seed = tempfile::tempdir().unwrap();
    std::fs::write(seed.path().join("README.md"), "# Ours\n").unwrap();
    let path = Some(seed.path().to_owned());
    let home = NewRepository { owner, name: ".github".into(), seed: path, ..NewRepository::default() };
    let home = stage.world.hub().control().create_repository(&home).unwrap();
    stage.world.hub().control().add_to_installation(stage.installation(), &[&home.full_name]).unwrap();
    stage.world.hub().control().set_role(&home.full_name, "max", Role::Admin).unwrap();
    stage.quiet().await;
    stage.person("max").write_file(&home.full_name, "main", ("wiz.yml", "min_role: [\n"), "Oops").unwrap();
    stage.quiet().await;
    let (_, text) = remarks(&stage, &home.full_name).pop().unwrap();
    assert!(text.starts_with("`wiz.yml` has mistakes now"), "{text}");
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_and_the_account_lock_a_repository_cannot_loosen() {
    let server = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(server.path(), "budget_day: $9\nlocked: [budget_day]\n").unwrap();
    let settings = vec![("WIZ_POLICY_FILE", server.path().to_str().unwrap().to_owned())];
    let stage = Stage::set_for(settings, "min_role: triage\nbudget_day: $99\n", vec![]).await;
    let control = stage.world.hub().control();
    let owner = stage.repo.full_name().split('/').next().unwrap().to_owned();
    let home = NewRepository { owner: owner.clone(), name: ".github".into(), ..NewRepository::default() };
    let seed = tempfile::tempdir().unwrap();
    std::fs::write(seed.path().join("wiz.yml"), "min_role: maintain\nlocked: [min_role]\n").unwrap();
    let home = control.create_repository(&NewRepository { seed: Some(seed.path().to_owned()), ..home }).unwrap();
    control.add_to_installation(stage.installation(), &[&home.full_name]).unwrap();

    let issue = stage.issue("Greet");
    stage.say("wim", issue, "/wiz fix");
    stage.until_answers(issue, "needs the role **maintain**").await;

    stage.say("sam", issue, "/wiz config");
    let rules = stage.until_answers(issue, "The rules here").await;
    insta::assert_snapshot!(shown(&rules), @r"
    ### The rules here

    | key | value | from |
    | --- | --- | --- |
    | `image` | – | default |
    | `setup` | – | default |
    | `checks` | – | default |
    | `min_role` | `maintain` | the account; locked by the account; what this repository says would loosen it and is not followed |
    | `gate` | `supervised` | default |
    | `budget_run` | `$3.00` | default |
    | `budget_day` | `$9.00` | the server; locked by the server; what this repository says would loosen it and is not followed |
    | `protected_paths` | – | default |
    | `unprotected_paths` | – | default |
    | `allowed_paths` | – | default |
    | `model` | – | default |
    | `ci` | `answer own; 3 attempts; label wiz:ci; default branch ignore` | default |

    A key that a nearer file sets replaces the one below: `.github/wiz.yml` of this repository, `wiz.yml` of the account's repository `.github`, the server's file, wiz's own default.
    ");

    let head = stage.person("wim").write_file(
        stage.repo.full_name(),
        "rules",
        (".github/wiz.yml", "budget_run: $1\nmin_role: write\n"),
        "Other rules",
    );
    stage.person("wim").open_pull_request(stage.repo.full_name(), ("rules", "main"), "Other rules", "").unwrap();
    stage.quiet().await;
    let (commit, conclusion, title, lines) = judged(&stage).pop().unwrap();
    let said = "1 key that cannot be followed";
    assert_eq!((commit, conclusion.as_deref(), title.as_str(), lines), (head.unwrap(), Some("neutral"), said, vec![2]));

    control.set_role(&home.full_name, "max", Role::Admin).unwrap();
    stage.person("max").write_file(&home.full_name, "main", ("wiz.yml", "min_role: [\nlocked: yes\n"), "Oops").unwrap();
    stage.say("max", issue, "/wiz fix");
    let answer = stage.until_answers(issue, "has mistakes").await;
    insta::assert_snapshot!(shown(&answer), @r#"
    `wiz.yml` in this account's repository `.github` has mistakes, so I did nothing:

    - line 1: `min_role: invalid type: sequence, expected a string`
    - line 2: `locked: invalid type: string "yes", expected a sequence`
    "#);
    assert_eq!(stage.runs().await, 0);
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_starts_one_run_at_a_time_and_says_what_it_skips() {
    let title = "Scheduled work: nightly";
    let ideas = "Scheduled work: ideas";
    let health = "Scheduled work: health";
    let well = asked(&["Is it well?"], vec![answer("It greets, @octo.")]);
    let stage = Stage::set(CHECKED, vec![planner(title, &FILES), planner(ideas, &FILES), well]).await;
    let (maria, name) = (stage.person("maria"), stage.repo.full_name());
    let scheduled = format!(
        "{CHECKED}schedules:\n  - name: nightly\n    cron: '0 4 1 1 *'\n    timezone: Europe/Berlin\n    verb: fix\n    \
         instructions: Mend what is wrong.\n  - name: ideas\n    cron: '0 4 1 2 *'\n    verb: plan\n    result: issue\n    \
         instructions: Say what could be better.\n  - name: health\n    cron: '0 4 1 3 *'\n    verb: ask\n    result: issue\n    \
         instructions: Is it well?\n"
    );
    maria.write_file(name, "main", (".github/wiz.yml", &scheduled), "Work at night").unwrap();
    stage.quiet().await;
    assert_eq!(stage.schedules().await, ["health", "ideas", "nightly"]);

    stage.tick_was_due("nightly", "5 minutes").await;
    let tracking = tracking_issue(&stage, title).await;
    stage.until_says(tracking, "The plan is ready for approval").await;
    stage.until_text(tracking, "run 1 began").await;

    // The run waits for a person, so the next tick is skipped; a tick that was due long ago is not made up for.
    stage.tick_was_due("nightly", "4 minutes").await;
    stage.until_text(tracking, "skipped: run 1 was not over").await;
    stage.say("wim", tracking, "/wiz reject");
    stage.until_says(tracking, "rejected").await;
    stage.tick_was_due("nightly", "7 hours").await;
    stage.until_text(tracking, "too late afterwards").await;
    maria.close(name, tracking).unwrap();
    stage.tick_was_due("nightly", "3 minutes").await;
    stage.until_text(tracking, "this issue was closed").await;
    assert_eq!(stage.runs().await, 1);

    // What brings no pull request is said in the one issue, which a second tick finds again.
    stage.tick_was_due("ideas", "6 minutes").await;
    let said = tracking_issue(&stage, ideas).await;
    stage.until_says(said, "The plan is ready for approval").await;
    stage.until_text(said, "What comes of it is said here.").await;
    stage.say("wim", said, "/wiz reject");
    stage.until_says(said, "rejected").await;
    stage.tick_was_due("ideas", "5 minutes").await;
    stage.until_text(said, "run 3 began").await;
    stage.until_says(said, "The plan is ready for approval").await;
    let titled = stage.world.hub().control().repository(name).unwrap();
    assert_eq!(titled.issues.values().filter(|issue| issue.title == ideas).count(), 1);
    assert!(stage.repo.pulls().unwrap().is_empty());

    // A question is answered there, and to nobody.
    stage.tick_was_due("health", "5 minutes").await;
    let answered = tracking_issue(&stage, health).await;
    let said = stage.until_answers(answered, "It greets").await;
    insta::assert_snapshot!(shown(&said).replace('\u{200b}', "␣"), @r"
    It greets, @␣octo.

    <sub>Answered by a model that read the code and changed nothing.</sub>
    ");

    // A model that this server cannot call begins nothing.
    let nowhere = format!("{scheduled}model: nobody/nothing\n");
    maria.write_file(name, "main", (".github/wiz.yml", &nowhere), "Another model").unwrap();
    stage.quiet().await;
    stage.tick_was_due("health", "4 minutes").await;
    stage.until_text(answered, "skipped: the policy's `model:` cannot be used on this server").await;

    // A file with mistakes stops it, and so does one without the schedule.
    maria.write_file(name, "main", (".github/wiz.yml", "gate: sometimes\n"), "Oops").unwrap();
    stage.tick_was_due("nightly", "2 minutes").await;
    until("the tick is left out", PATIENCE, async || Ok((stage.ticks("faulty").await == 1).then_some(())))
        .await
        .unwrap();
    maria.write_file(name, "main", (".github/wiz.yml", CHECKED), "No more").unwrap();
    stage.quiet().await;
    assert_eq!(stage.schedules().await, Vec::<String>::new());
    assert_eq!(stage.runs().await, 4);
    let status = stage.status(tracking).unwrap();
    insta::assert_snapshot!(shown(&status), @r"
    ### Cancelled

    `/wiz fix` by wiz[bot] · Scheduled work: nightly · spent <money>, cap $3.00

    The plan was rejected. `/wiz retry` plans again.

    About Scheduled work: nightly.

    …

    **Next:** `/wiz retry` (go on), `/wiz fix` (start over)

    <sub>run 1 · model `anthropic/scripted`</sub>
    ");

    // One that comes back is asked for anew: the issue that somebody closed was of the former one.
    maria.write_file(name, "main", (".github/wiz.yml", &scheduled), "Once more").unwrap();
    stage.quiet().await;
    stage.tick_was_due("nightly", "1 minute").await;
    let anew = until("it has a new issue", PATIENCE, async || {
        let repository = stage.world.hub().control().repository(name)?;
        Ok(repository
            .issues
            .values()
            .find(|issue| issue.title == title && issue.number != tracking)
            .map(|it| it.number))
    });
    let anew = anew.await.unwrap();
    stage.until_text(anew, "run 5 began").await;
    stage.until_says(anew, "The plan is ready for approval").await;
    stage.clear().await;
}

/// The issue that wiz has made for a schedule.
pub async fn tracking_issue(stage: &Stage, title: &str) -> u64 {
    let control = stage.world.hub().control();
    let found = until("the schedule has an issue", PATIENCE, async || {
        let repository = control.repository(stage.repo.full_name())?;
        let mut own = repository.issues.values().filter(|issue| control.login(issue.user) == "wiz[bot]");
        Ok(own.find(|issue| issue.title == title).map(|issue| issue.number))
    });
    found.await.unwrap()
}
