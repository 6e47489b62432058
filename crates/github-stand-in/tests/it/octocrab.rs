//! A real client reads every answer of the main flow strictly.

use octocrab::models::{CommentId, InstallationToken, checks::ListCheckRuns};
use octocrab::params::checks::{CheckRunConclusion, CheckRunStatus};
use octocrab::{Octocrab, params};
use serde_json::json;

use crate::harness::{KEY, World};

async fn client(world: &World) -> Octocrab {
    let key = jsonwebtoken::EncodingKey::from_rsa_pem(KEY.as_bytes()).unwrap();
    let builder = Octocrab::builder().base_uri(&world.github.url).unwrap().app(world.app.id.into(), key);
    let app = builder.build().unwrap();
    let installations = app.apps().installations().send().await.unwrap();
    assert_eq!(installations.items[0].id.0, world.installation);
    let path = format!("/app/installations/{}/access_tokens", world.installation);
    let token: InstallationToken = app.post(path, None::<&()>).await.unwrap();
    assert!(token.token.starts_with("ghs_"));
    app.installation(world.installation.into()).unwrap()
}

#[tokio::test]
async fn octocrab_reads_issues_comments_and_reactions() {
    let world = World::start().await;
    let client = client(&world).await;
    let issues = client.issues("acme", "widgets");
    let issue = issues.create("A title").body("A body").send().await.unwrap();
    assert_eq!(issue.user.login, "helper[bot]");
    assert_eq!(issues.get(issue.number).await.unwrap().title, "A title");
    let comment = issues.create_comment(issue.number, "hello").await.unwrap();
    issues.update_comment(comment.id, "hello again").await.unwrap();
    let comments = issues.list_comments(issue.number).send().await.unwrap();
    assert_eq!(comments.items[0].body.as_deref(), Some("hello again"));
    assert_eq!(comments.items[0].id, CommentId(comment.id.0));
    issues.create_reaction(issue.number, octocrab::models::reactions::ReactionContent::Eyes).await.unwrap();
    issues.create_comment_reaction(comment.id, octocrab::models::reactions::ReactionContent::Rocket).await.unwrap();
    issues.add_labels(issue.number, &["bug".to_owned()]).await.unwrap();
    issues.add_assignees(issue.number, &["ann"]).await.unwrap();
    let closed = issues.update(issue.number).state(octocrab::models::IssueState::Closed).send().await.unwrap();
    assert!(closed.closed_at.is_some());
    assert_eq!(issues.list().state(params::State::All).send().await.unwrap().items.len(), 1);
    world.assert_no_violations();
}

#[tokio::test]
async fn octocrab_reads_repositories_refs_pulls_and_checks() {
    let world = World::start().await;
    let client = client(&world).await;
    let repository = client.repos("acme", "widgets").get().await.unwrap();
    assert_eq!(repository.default_branch.as_deref(), Some("main"));
    let repos = client.repos("acme", "widgets");
    let contents = repos.get_content().path("src/lib.txt").r#ref("main").send().await.unwrap();
    assert!(contents.items[0].decoded_content().unwrap().starts_with("line 1\n"));
    let main = params::repos::Reference::Branch("main".to_owned());
    let reference = repos.get_ref(&main).await.unwrap();
    let octocrab::models::repos::Object::Commit { sha, .. } = reference.object else { panic!("a branch is a commit") };
    let topic = params::repos::Reference::Branch("topic".to_owned());
    repos.create_ref(&topic, &sha).await.unwrap();
    let made = repos.create_file("new.txt", "Add", "new").branch("topic").send().await.unwrap();
    let head = made.commit.sha.unwrap();
    assert_eq!(repos.list_commits().branch("topic").send().await.unwrap().items[0].sha, head);
    let pulls = client.pulls("acme", "widgets");
    let pull = pulls.create("Add", "topic", "main").body("Adds").send().await.unwrap();
    assert_eq!(pulls.get(pull.number).await.unwrap().head.sha, head);
    assert_eq!(pulls.list().head("acme:topic").send().await.unwrap().items.len(), 1);
    assert_eq!(pulls.list_files(pull.number).await.unwrap().items[0].filename, "new.txt");
    let checks = client.checks("acme", "widgets");
    let run = checks.create_check_run("tests", &head).status(CheckRunStatus::InProgress).send().await.unwrap();
    checks.update_check_run(run.id).conclusion(CheckRunConclusion::Success).send().await.unwrap();
    let commitish = params::repos::Commitish(head.clone());
    let listed: ListCheckRuns = checks.list_check_runs_for_git_ref(commitish).send().await.unwrap();
    assert_eq!(listed.check_runs[0].conclusion.as_deref(), Some("success"));
    let review = json!({ "event": "COMMENT", "body": "fine" });
    let path = format!("/repos/acme/widgets/pulls/{}/reviews", pull.number);
    let _review: octocrab::models::pulls::Review = client.post(path, Some(&review)).await.unwrap();
    let merged = pulls.merge(pull.number).method(params::pulls::MergeMethod::Squash).send().await.unwrap();
    assert!(merged.merged);
    let error = repos.create_ref(&topic, &sha).await.unwrap_err();
    let octocrab::Error::GitHub { source, .. } = error else { panic!("{error}") };
    assert_eq!((source.status_code.as_u16(), source.message.as_str()), (422, "Reference already exists"));
    world.assert_no_violations();
}
