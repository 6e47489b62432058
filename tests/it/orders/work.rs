//! What a coder must not do, work that does not succeed, and work that people stop.

use github_stand_in::control::MergeMethod;
use scripted_model::Fault;

use super::{
    scenes::{FILES, REPAIR, coder, planner, planner_of, repair, reviewer},
    stage::{CHECKED, Stage, shown},
};
use crate::support::redact::redact;

/// Nothing of these is published, and the run says why.
#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_published_is_named() {
    let secret = format!("{REPAIR}\necho 'TOKEN=ghp_{}' >> greet.sh", "q7Rk2mXv9LbT4wZs8JdN1cYp6HfA3gUe5BoK");
    let linked = format!("{REPAIR}\nln -s /etc/passwd greeting");
    let mut scenes = vec![];
    for (title, script) in
        [("A secret", secret.as_str()), ("A link", &linked), ("No test", "echo 'echo \"Hello, ${1:-you}\"' > greet.sh")]
    {
        scenes.extend([planner(title, &FILES), coder(title, script)]);
    }
    let stage = Stage::set(&format!("gate: autonomous\n{CHECKED}"), scenes).await;
    let issues = ["A secret", "A link", "No test"].map(|title| (title, stage.issue(title)));
    for (_, issue) in issues {
        stage.say("maria", issue, "/wiz fix");
        stage.quiet().await;
    }
    let mut said = Vec::new();
    for (title, issue) in issues {
        said.push(format!("{title}:\n{}", shown(&stage.until_says(issue, "### Failed").await)));
    }
    insta::assert_snapshot!(said.join("\n====\n"), @r"
    A secret:
    ### Failed

    `/wiz fix` by maria · A secret · spent <money>, cap $3.00

    The change cannot be published:
    - greet.sh: this looks like a GitHub token

    `/wiz retry` tries again, `/wiz revise …` changes the plan.

    About A secret.

    …

    **Next:** `/wiz retry` (try again), `/wiz fix …` (start over, with other words)

    <sub>run 1 · model `anthropic/scripted`</sub>
    ====
    A link:
    ### Failed

    `/wiz fix` by maria · A link · spent <money>, cap $3.00

    The change holds files that wiz will not publish:

    - greeting is a symbolic link; only plain files are taken

    `/wiz retry` lets the coder try again.

    About A link.

    …

    **Next:** `/wiz retry` (try again), `/wiz fix …` (start over, with other words)

    <sub>run 2 · model `anthropic/scripted`</sub>
    ====
    No test:
    ### Failed

    `/wiz fix` by maria · No test · spent <money>, cap $3.00

    The change does not meet the definition of done; the evidence is below. `/wiz retry` tries again, `/wiz revise …` changes the plan.

    About No test.

    …

    **Next:** `/wiz retry` (try again), `/wiz fix …` (start over, with other words)

    <sub>run 3 · model `anthropic/scripted`</sub>
    ");
    assert_eq!(stage.repo.git(&["branch", "--format=%(refname:short)"]).unwrap(), "main");
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_stops_at_once_and_goes_on_when_asked() {
    let stage = Stage::set(CHECKED, repair("Greet")).await;
    let issue = stage.issue("Greet nobody as well");
    let model = stage.world.model().unwrap();
    let asked = async |count: usize| {
        let more = async || Ok((model.requests().len() >= count).then_some(()));
        wiz_demo::until("the model was asked", super::stage::PATIENCE, more).await.unwrap();
    };
    model.fail_next(1, Fault::Silent);
    stage.say("maria", issue, "/wiz fix");
    asked(1).await;
    let shown = async || Ok(stage.status(issue).map(drop));
    wiz_demo::until("the run is shown", super::stage::PATIENCE, shown).await.unwrap();
    stage.say("maria", issue, "/wiz cancel\n/wiz cancel");
    stage.until_says(issue, "Cancelled").await;
    stage.world.until_no_box_is_left().await.unwrap();

    stage.say("maria", issue, "/wiz retry");
    stage.until_says(issue, "ready for approval").await;
    model.fail_next(1, Fault::Silent);
    let before = model.requests().len();
    stage.say("maria", issue, "/wiz approve");
    asked(before + 1).await;
    stage.say("maria", issue, "/wiz cancel");
    stage.until_says(issue, "Cancelled").await;
    stage.world.until_no_box_is_left().await.unwrap();
    assert_eq!(stage.repo.pulls().unwrap().len(), 0);
    stage.say("maria", issue, "/wiz retry");
    stage.until_says(issue, "is open").await;
    insta::assert_snapshot!(stage.talk(issue).await, @r"
    maria: /wiz fix  👀
    ----
    wiz: ### Pull request #2 is open

    `/wiz fix` by maria · Greet nobody as well · spent <money>, cap $3.00

    **Pull request:** [#2](http://github/octo/greeter/pull/2)

    About Greet.

    …

    **Next:** `/wiz cancel` (leave the pull request alone)

    <sub>run 1 · model `anthropic/scripted` · branch `wiz/run-1-greet-nobody-as-well`</sub>
    ----
    maria: /wiz cancel
    /wiz cancel  👀
    ----
    wiz: `/wiz cancel` does not fit now: run 1 was cancelled. `/wiz status` shows more.
    ----
    maria: /wiz retry  👀
    ----
    maria: /wiz approve  👀
    ----
    maria: /wiz cancel  👀
    ----
    maria: /wiz retry  👀
    ");
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_wiz_stops_and_is_silent_until_it_is_back() {
    let own = [("it greets", "sh greet.sh", "passes")];
    let mut scenes = vec![planner_of("Wait", &FILES, &own)];
    scenes.extend([planner_of("Busy", &FILES, &own), coder("Busy", "sleep 300"), reviewer("Busy")]);
    let stage = Stage::set(CHECKED, scenes).await;
    let (waits, busy) = (stage.issue("Wait"), stage.issue("Busy"));
    for issue in [waits, busy] {
        stage.say("maria", issue, "/wiz fix");
        stage.until_says(issue, "ready for approval").await;
    }
    stage.say("maria", busy, "/wiz approve");
    stage.until_says(busy, "Working").await;
    let control = stage.world.hub().control();
    control.set_suspended(stage.installation(), true).unwrap();
    stage.world.until_no_box_is_left().await.unwrap();
    stage.say("maria", waits, "/wiz approve");
    stage.quiet().await;
    assert!(stage.status(busy).unwrap().body.contains("### Working"), "nothing is written");
    control.set_suspended(stage.installation(), false).unwrap();
    insta::assert_snapshot!(shown(&stage.until_says(busy, "### Failed").await), @r"
    ### Failed

    `/wiz fix` by maria · Busy · spent <money>, cap $3.00

    wiz was suspended here while it was at work. Once it is back, `/wiz retry` goes on.

    About Busy.

    …

    **Next:** `/wiz retry` (try again), `/wiz fix …` (start over, with other words)

    <sub>run 2 · model `anthropic/scripted`</sub>
    ");
    stage.say("maria", waits, "/wiz reject");
    stage.until_says(waits, "Cancelled").await;

    control.uninstall(stage.installation()).unwrap();
    stage.quiet().await;
    stage.say("maria", waits, "/wiz status");
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setup_command_that_fails_is_shown_and_what_is_said_after_it_can_be_read() {
    let install = "for i in $(seq 300); do echo \"closes @octo#$i\"; done; exit 3";
    let stage = Stage::set(&format!("gate: autonomous\n{CHECKED}setup:\n  - '{install}'\n"), repair("Set up")).await;
    let issue = stage.issue("Set up");
    stage.say("maria", issue, "/wiz fix");
    let failed = stage.until_says(issue, "The setup command failed").await;
    assert!(failed.body.contains("@\u{200b}octo#\u{200b}300"), "{}", failed.body);
    let (before, shown_output) = failed.body.split_once("```text\n").unwrap();
    let (output, after) = shown_output.rsplit_once("```\n").unwrap();
    assert!(!output.contains("```"), "{}", failed.body);
    let (after, _) = after.split_once("<details>").unwrap();
    insta::assert_snapshot!(redact(&format!("{before}…\n{after}")), @r"
    ### Failed

    `/wiz fix` by maria · Set up · spent <money>, cap $3.00

    The setup command failed, so nothing after it would mean anything.

    …

    Once `setup:` in `.github/wiz.yml` is mended, `/wiz revise …` with a word about it plans again by the new rules.

    About Set up.

    **Plan** `<hash>`

    - [ ] **fix** Mend it *(failed)*

    **Done means**

    | | check | before | after |
    | --- | --- | --- | --- |
    | ⏳ | the greeting is tested<br>`sh tests/greet_test.sh` | must fail | must pass |

    **Gate** `autonomous`: work begins without an approval

    - the default here is autonomous

    **Next:** `/wiz retry` (try again), `/wiz fix …` (start over, with other words)
    ");
    stage.person("maria").write_file(stage.repo.full_name(), "main", (".github/wiz.yml", CHECKED), "No setup").unwrap();
    stage.say("maria", issue, "/wiz revise It needs no setup now.");
    stage.until_says(issue, "ready for approval").await;
    stage.say("maria", issue, &format!("/wiz approve {}", stage.plan_hash(issue)));
    stage.until_says(issue, "is open").await;
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_starts_under_a_faulty_policy() {
    let stage = Stage::set("checks:\n  - name: tests\n    run: make\ngate: autonomos\nbudget_runn: $3\n", vec![]).await;
    let issue = stage.issue("Greet nobody as well");
    stage.say("maria", issue, "/wiz fix");
    stage.quiet().await;
    stage.say("maria", issue, "/wiz help");
    stage.quiet().await;
    let talk = stage.talk(issue).await;
    insta::assert_snapshot!(talk.split("### What").next().unwrap(), @r"
    maria: /wiz fix
    ----
    wiz: `.github/wiz.yml` on the default branch has mistakes, so I did nothing:

    - line 4: ``gate: unknown variant `autonomos`; did you mean `autonomous`?``
    - line 5: ``unknown field `budget_runn`; did you mean `budget_run`?``
    ----
    maria: /wiz help
    ----
    wiz:
    ");
    let long = format!("{CHECKED}# {}\n", "x".repeat(70_000));
    stage.person("maria").write_file(stage.repo.full_name(), "main", (".github/wiz.yml", &long), "Long rules").unwrap();
    stage.say("maria", issue, "/wiz fix");
    stage.quiet().await;
    let talk = stage.talk(issue).await;
    insta::assert_snapshot!(talk.rsplit("----\n").next().unwrap(), @r"
    wiz: `.github/wiz.yml` on the default branch has mistakes, so I did nothing:

    - `the file is larger than 65536 bytes`
    ");
    assert_eq!(stage.runs().await, 0);
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_conversation_keeps_nothing_from_being_done_and_is_told_of_it_once_it_is_open() {
    let stage = Stage::set(&format!("gate: autonomous\n{CHECKED}"), repair("Greet")).await;
    let name = stage.repo.full_name().to_owned();
    let issue = stage.issue("Greet nobody as well");
    stage.person("maria").lock(&name, issue, Some("too heated")).unwrap();
    stage.say("maria", issue, "/wiz fix");
    let opened = async || {
        let checks = stage.repo.checks()?;
        Ok(checks.iter().any(|check| check.conclusion.as_deref() == Some("success")).then_some(()))
    };
    wiz_demo::until("the check run tells", super::stage::PATIENCE, opened).await.unwrap();
    stage.quiet().await;
    assert!(stage.repo.wiz_comments().unwrap().is_empty(), "nothing can be said there");
    stage.person("maria").unlock(&name, issue).unwrap();
    stage.until_says(issue, "is open").await;
    let pull = stage.repo.pulls().unwrap()[0].number;
    stage.person("maria").merge(&name, pull, MergeMethod::Merge).unwrap();
    stage.until_says(issue, "### Done").await;
    stage.clear().await;
}
