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
    let talk = stage.talk(third).await;
    let (status, help) = talk.split_once("----\nsam: /wiz help").unwrap();
    insta::assert_snapshot!(status, @r"
    sam: /wiz status
    ----
    wiz: There is no run here that `/wiz status` could mean. `/wiz fix` on an issue starts one.
    ");
    let listed = |command: &&str| help.contains(&format!("\n| `/wiz {command}"));
    let commands = ["fix [flags] [instructions]`", "approve [HASH\\|scope]`", "undo`", "help`"];
    assert!(help.starts_with("\n----\nwiz: ### What wiz understands\n") && commands.iter().all(listed), "{help}");
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
