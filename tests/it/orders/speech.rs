//! How a command is written, where it may stand, and how often it is heard.

use github_stand_in::{
    control::Verdict,
    faults::{DeliveryFault, DeliveryFaultKind},
};

use super::stage::{CHECKED, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_read_as_its_writer_means_it() {
    let stage = Stage::set(CHECKED, vec![]).await;
    let name = stage.repo.full_name();
    let faulty = stage.issue("faulty commands");
    for text in ["/wiz fxi the greeting", "/wiz fix --max lots", "/wiz fix --mxa $2", "/wiz approve it", "/wiz revise"]
    {
        stage.say("maria", faulty, text);
        stage.quiet().await;
    }
    insta::assert_snapshot!(stage.talk(faulty).await, @r"
    maria: /wiz fxi the greeting
    ----
    wiz: I could not read that: `fxi` is not a command; did you mean `fix`?

    ```text
    <output>
    ```

    `/wiz help` lists everything.
    ----
    maria: /wiz fix --max lots
    ----
    wiz: I could not read that: `--max` needs a value: an amount such as `$2` or `$0.50`

    ```text
    <output>
    ```

    `/wiz help` lists everything.
    ----
    maria: /wiz fix --mxa $2
    ----
    wiz: I could not read that: `--mxa` is not a flag; did you mean `--max`?

    ```text
    <output>
    ```

    `/wiz help` lists everything.
    ----
    maria: /wiz approve it
    ----
    wiz: I could not read that: `approve` takes at least the first 8 digits of the plan's hash and no further words, so it was not run

    ```text
    <output>
    ```

    `/wiz help` lists everything.
    ----
    maria: /wiz revise
    ----
    wiz: I could not read that: `revise` needs words that say what to change

    ```text
    <output>
    ```

    `/wiz help` lists everything.
    ");

    let quoted = stage.issue("quoted commands");
    let hidden =
        "> /wiz fix\n\n`/wiz fix`\n\n    /wiz fix\n\n```\n/wiz fix\n```\n<!--\n/wiz fix\n-->\nsay /wiz fix, or /wizard";
    stage.say("maria", quoted, hidden);
    assert_eq!(stage.talk(quoted).await, format!("maria: {hidden}"));

    let edited = stage.issue("edited commands");
    let comment = stage.say("maria", edited, "/wiz status\n/wiz cancel");
    stage.quiet().await;
    for text in ["/wiz status\n/wiz cancel\nreally", "/wiz status\n/wiz reject\n/wiz cancel", "/wiz revise it"] {
        stage.person("maria").edit_comment(name, comment, text).unwrap();
        stage.quiet().await;
    }
    insta::assert_snapshot!(stage.talk(edited).await, @r"
    maria: /wiz revise it  👀
    ----
    wiz: There is no run here that `/wiz status` could mean. `/wiz fix` on an issue starts one.

    There is no run here that `/wiz cancel` could mean. `/wiz fix` on an issue starts one.
    ----
    wiz: There is no run here that `/wiz reject` could mean. `/wiz fix` on an issue starts one.
    ----
    wiz: There is no run here that `/wiz revise` could mean. `/wiz fix` on an issue starts one.
    ");

    // Once more by GitHub's button, and twice by GitHub's mistake.
    let repeated = stage.issue("repeated commands");
    stage.world.hub().control().add_delivery_fault(DeliveryFault {
        event: Some("issue_comment".into()),
        kind: DeliveryFaultKind::Duplicate,
        times: 1,
    });
    stage.say("maria", repeated, "/wiz status");
    stage.quiet().await;
    let delivery = stage.world.hub().control().deliveries().into_iter().rfind(|one| one.event == "issue_comment");
    stage.world.hub().control().redeliver(delivery.unwrap().id).unwrap();
    stage.quiet().await;
    insta::assert_snapshot!(stage.talk(repeated).await, @r"
    maria: /wiz status
    ----
    wiz: There is no run here that `/wiz status` could mean. `/wiz fix` on an issue starts one.
    ");
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_may_stand_wherever_people_write() {
    let stage = Stage::set(CHECKED, vec![]).await;
    let name = stage.repo.full_name();
    let maria = stage.person("maria");
    let issue = maria.open_issue(name, "asked in the issue", "Hello!\n\n/wiz status").unwrap();
    stage.quiet().await;
    insta::assert_snapshot!(stage.talk(issue).await, @r"
    the text: Hello!

    /wiz status
    ----
    wiz: There is no run here that `/wiz status` could mean. `/wiz fix` on an issue starts one.
    ");
    maria.edit_issue(name, issue, "Hello!\n\n/wiz status\n\n/wiz help").unwrap();
    assert_eq!(stage.talk(issue).await.matches("wiz: ").count(), 2);

    maria.write_file(name, "other", ("greet.sh", "echo \"Hi, $1\"\n"), "Say hi").unwrap();
    let pull = maria.open_pull_request(name, ("other", "main"), "Say hi", "Short.\n\n/wiz fix").unwrap();
    stage.quiet().await;
    stage.say("maria", pull, "/wiz plan");
    stage.quiet().await;
    maria.review(name, pull, Verdict::Comment, "/wiz retry").unwrap();
    stage.quiet().await;
    maria.comment_on_line(name, pull, ("greet.sh", 1), "/wiz status").unwrap();
    insta::assert_snapshot!(stage.talk(pull).await, @r"
    the text: Short.

    /wiz fix  👀
    ----
    wiz: Say what to change: `/wiz fix …` with a few words, or comment on the lines in a review with `/wiz fix`.
    ----
    maria: /wiz plan
    ----
    wiz: On a pull request I plan nothing: `/wiz fix …` says what to change in it, and a plan starts from an issue.
    ----
    wiz: There is no run here that `/wiz retry` could mean. `/wiz fix` on an issue starts one.
    ----
    wiz: There is no run here that `/wiz status` could mean. `/wiz fix` on an issue starts one.
    ");

    let closed = stage.issue("closed already");
    maria.close(name, closed).unwrap();
    stage.say("maria", closed, "/wiz fix it anyway");
    insta::assert_snapshot!(stage.talk(closed).await, @r"
    maria: /wiz fix it anyway
    ----
    wiz: This issue is closed, so I did not start. Reopen it and comment `/wiz fix` again.
    ");
    assert_eq!(stage.runs().await, 0);
    stage.clear().await;
}
