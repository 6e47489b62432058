//! Who is followed, who is refused, and who is not heard at all.

use github_stand_in::{control::NewApp, store::Level};
use secrecy::SecretString;
use wiz::{
    config::GitHubConfig,
    github::{GitHub, REQUIRED_PERMISSIONS, StickyComment},
    ids::{InstallationId, IssueNumber},
};

use super::stage::{CHECKED, Stage};

/// Comments as an App that has nothing to do with wiz.
async fn speak_as_another_app(stage: &Stage, issue: u64, text: &str) {
    let (hub, name) = (stage.world.hub(), stage.repo.full_name());
    let level = |level: &str| if level == "write" { Level::Write } else { Level::Read };
    let app = NewApp {
        slug: "other".into(),
        owner: "octo".into(),
        permissions: REQUIRED_PERMISSIONS.iter().map(|(name, it)| ((*name).to_owned(), level(it))).collect(),
        ..NewApp::default()
    };
    let app = hub.control().create_app(&app).unwrap();
    let installation = hub.control().install(app.id, &[name]).unwrap();
    let config = GitHubConfig {
        api_url: hub.url().parse().unwrap(),
        web_url: hub.url().parse().unwrap(),
        app_id: app.id,
        private_key: SecretString::from(app.private_key_pem),
        webhook_secrets: vec![],
    };
    let other = GitHub::new(&config).unwrap().installation(InstallationId(i64::try_from(installation).unwrap()));
    let comment = StickyComment {
        repository: &name.parse().unwrap(),
        issue: IssueNumber(i64::try_from(issue).unwrap()),
        body: text,
        is_it: &|_| false,
        since: None,
    };
    other.find_or_create_comment(&comment).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_once_and_bots_are_not_heard() {
    let stage = Stage::set(CHECKED, vec![]).await;
    let (first, second) = (stage.issue("the first"), stage.issue("the second"));
    for text in ["/wiz fix\n/wiz cancel", "/wiz fix --max $9", "/wiz fxi"] {
        stage.say("sam", first, text);
        stage.quiet().await;
    }
    stage.say("tess", first, "/wiz frobnicate");
    stage.say("sam", second, "/wiz approve");
    insta::assert_snapshot!(stage.talk(first).await, @r"
    sam: /wiz fix
    /wiz cancel  👎
    ----
    wiz: sam may not use `/wiz fix` here: it needs the role **write** in this repository.
    ----
    sam: /wiz fix --max $9
    ----
    sam: /wiz fxi
    ----
    tess: /wiz frobnicate  👎
    ----
    wiz: tess may not use `/wiz` here: it needs the role **write** in this repository.
    ");
    insta::assert_snapshot!(stage.talk(second).await, @r"
    sam: /wiz approve  👎
    ----
    wiz: sam may not use `/wiz approve` here: it needs the role **write** in this repository.
    ");

    // The issue's author may ask, although they may not order.
    let third = stage.issue("the third");
    stage.say("sam", third, "/wiz status");
    stage.quiet().await;
    stage.say("sam", third, "/wiz help");
    stage.quiet().await;
    insta::assert_snapshot!(stage.talk(third).await, @r"
    sam: /wiz status
    ----
    wiz: There is no run here that `/wiz status` could mean. `/wiz fix` on an issue starts one.
    ----
    sam: /wiz help
    ----
    wiz: ### What wiz understands

    | command | what it does |
    | --- | --- |
    | `/wiz fix [flags] [instructions]` | Plan the change, and after approval make it and open a pull request. |
    | `/wiz feature [flags] [instructions]` | Add something new: its tests fail before and pass after. |
    | `/wiz test [flags] [instructions]` | Add tests only: no other file changes. |
    | `/wiz docs [flags] [instructions]` | Change documentation only. |
    | `/wiz refactor [flags] [instructions]` | Change the form of the code: what passes before must pass after. |
    | `/wiz review [flags] [instructions]` | Read a pull request, forks included, and say what is wrong with it; nothing is changed. |
    | `/wiz plan [flags] [instructions]` | Plan the change, and wait for approval whatever the repository's gate is. |
    | `/wiz ask [flags] question` | Answer a question about the code, where it was asked. |
    | `/wiz approve [HASH\|scope]` | Approve the plan with this hash, or the one shown now; `scope`: files beyond it. |
    | `/wiz revise instructions` | Say what to change about the plan. |
    | `/wiz answer NUMBER\|words` | Answer wiz's question, by an option's number or in your own words. |
    | `/wiz reject [reason]` | Turn the plan down and end the run. |
    | `/wiz retry` | Try again from where the run failed. |
    | `/wiz cancel` | Stop the run. |
    | `/wiz pause` | Let the run rest: no work, no box, no money. |
    | `/wiz resume` | Go on with a run that rests, where it stopped. |
    | `/wiz status` | Say what the run is doing. |
    | `/wiz budget [+$2]` | Say what the run has spent, or let it spend more. |
    | `/wiz config` | Show the rules that hold here, and where they come from. |
    | `/wiz ci [on\|off]` | Say whether failing checks of this pull request are answered, or switch that. |
    | `/wiz remember [words]` | Tell every later run of this repository; without words, list what was told. |
    | `/wiz forget NUMBER` | Take one of these notes back. |
    | `/wiz undo` | Take back what the run did on GitHub, as far as that goes. |
    | `/wiz selftest` | Try every part of wiz on this repository, and say what is missing. |
    | `/wiz help` | Show this list. |
    | `--max $2` | The most this run may spend; never above the repository's own cap. |
    | `--model NAME` | The model to use, if the server offers it. |
    | `--base BRANCH` | The branch to start from and to open the pull request against; the rules still come from the default branch. |
    | `--draft` | Open the pull request as a draft. |
    | `--plan auto\|ask` | `ask` waits for approval of the plan; `auto` does not, where the repository's gate allows it. |

    A command starts a line of its own, outside quotes and code. Instructions may go on in the paragraphs below it. Put `--` before instructions that contain words starting with `--`.
    ");
    assert_eq!(stage.runs().await, 0);

    // Another App speaks, and a person edits wiz's own words.
    let fourth = stage.issue("the fourth");
    speak_as_another_app(&stage, fourth, "/wiz fix").await;
    assert_eq!(stage.talk(fourth).await, "other[bot]: /wiz fix");
    let denial = stage.until_answers(second, "may not use").await;
    let edited = format!("/wiz fix\n\n{}", denial.body);
    stage.person("maria").edit_comment(stage.repo.full_name(), denial.id, &edited).unwrap();
    stage.quiet().await;
    assert_eq!(stage.runs().await, 0);
    stage.clear().await;
}
