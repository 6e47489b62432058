//! App JWTs, installation tokens, permissions, roles.

use chrono::TimeDelta;
use github_stand_in::control::NewRepository;
use rsa::pkcs1::EncodeRsaPrivateKey;
use serde_json::{Value, json};

use crate::harness::{KEY, REPO, World, sign};

/// <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app>
#[tokio::test]
async fn an_app_jwt_is_checked() {
    let world = World::start().await;
    let now = chrono::Utc::now().timestamp();
    let id = world.app.id;
    let get = async |token: String| world.send("GET", "/app", &token, &Value::Null).await;
    assert_eq!(get(world.jwt()).await.expect(200)["slug"], "helper");
    // The app id does as issuer, too, as text and as number.
    get(sign(&json!({ "iss": id, "iat": now, "exp": now + 60 }), KEY)).await.expect(200);
    get(sign(&json!({ "iss": id.to_string(), "iat": now, "exp": now + 60 }), KEY)).await.expect(200);
    let other = rsa::RsaPrivateKey::new(&mut rand::thread_rng(), 2048).unwrap();
    let other = other.to_pkcs1_pem(rsa::pkcs1::LineEnding::LF).unwrap();
    for (claims, key, message) in [
        (json!({ "iss": id, "iat": now, "exp": now + 60 }), other.as_str(), "could not be decoded"),
        (json!({ "iss": id, "iat": now - 120, "exp": now - 60 }), KEY, "future time"),
        (json!({ "iss": id, "iat": now, "exp": now + 700 }), KEY, "too far in the future"),
        (json!({ "iss": id, "iat": now + 300, "exp": now + 500 }), KEY, "'Issued at' claim"),
        (json!({ "iss": id, "exp": now + 60 }), KEY, "'Issued at' claim"),
    ] {
        let answer = get(sign(&claims, key)).await.expect(401);
        let told = answer["message"].as_str().unwrap();
        assert!(told.contains(message), "{claims}: {told}");
    }
    // An installation token is no JWT.
    get(world.token().await).await.expect(401);
    get(String::new()).await.expect(401);
    world.assert_no_violations();
}

/// <https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app>
#[tokio::test]
async fn an_installation_token_is_narrowed_revoked_and_expires() {
    let world = World::start().await;
    let path = format!("/app/installations/{}/access_tokens", world.installation);
    let ask = async |body: Value| world.send("POST", &path, &world.jwt(), &body).await;
    let issues = format!("/repos/{REPO}/issues");
    let narrow = ask(json!({ "repositories": ["widgets"], "permissions": { "issues": "read" } })).await.expect(201);
    assert_eq!(narrow["permissions"], json!({ "issues": "read", "metadata": "read" }));
    assert_eq!(narrow["repositories"][0]["full_name"], REPO);
    let narrow = narrow["token"].as_str().unwrap();
    world.send("GET", &issues, narrow, &Value::Null).await.expect(200);
    let refused = world.send("POST", &issues, narrow, &json!({ "title": "no" })).await.expect(403);
    assert_eq!(refused["message"], "Resource not accessible by integration");
    world.send("GET", &format!("/repos/{REPO}/contents/README.md"), narrow, &Value::Null).await.expect(403);
    // More than was granted, and a repository outside the installation.
    ask(json!({ "permissions": { "administration": "write" } })).await.expect(422);
    ask(json!({ "repositories": ["unknown"] })).await.expect(422);
    world.send("POST", "/app/installations/1/access_tokens", &world.jwt(), &Value::Null).await.expect(404);

    let revoked = world.token().await;
    let mine = world.send("GET", "/installation/repositories", &revoked, &Value::Null).await.expect(200);
    assert_eq!((&mine["total_count"], &mine["repositories"][0]["full_name"]), (&json!(1), &json!(REPO)));
    world.send("DELETE", "/installation/token", &revoked, &Value::Null).await.expect(204);
    assert_eq!(world.send("GET", &issues, &revoked, &Value::Null).await.expect(401)["message"], "Bad credentials");

    let token = world.token().await;
    world.github.advance_clock(TimeDelta::minutes(59));
    world.send("GET", &issues, &token, &Value::Null).await.expect(200);
    world.github.advance_clock(TimeDelta::minutes(2));
    world.send("GET", &issues, &token, &Value::Null).await.expect(401);
    world.github.advance_clock(TimeDelta::minutes(-61));
    let token = world.token().await;
    world.github.expire_tokens();
    world.send("GET", &issues, &token, &Value::Null).await.expect(401);
    world.send("GET", &issues, "ghs_unknown", &Value::Null).await.expect(401);
    world.assert_no_violations();
}

/// <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#404-not-found-for-an-existing-resource>
#[tokio::test]
async fn what_the_grant_does_not_reach_is_hidden_or_refused() {
    let world = World::start().await;
    for (name, private) in [("hidden", true), ("open", false)] {
        let new = NewRepository { owner: "acme".into(), name: name.into(), private, ..NewRepository::default() };
        world.github.create_repository(&new).unwrap();
    }
    let token = world.token().await;
    let issue = json!({ "title": "hello" });
    world.send("GET", "/repos/acme/hidden", &token, &Value::Null).await.expect(404);
    world.send("POST", "/repos/acme/hidden/issues", &token, &issue).await.expect(404);
    world.send("GET", "/repos/acme/open", &token, &Value::Null).await.expect(200);
    world.send("POST", "/repos/acme/open/issues", &token, &issue).await.expect(403);
    world.send("GET", "/repos/acme/open", "", &Value::Null).await.expect(200);
    world.send("POST", "/repos/acme/open/issues", "", &issue).await.expect(401);
    world.send("GET", &format!("/repos/{REPO}"), "", &Value::Null).await.expect(404);
    // Taken out of the installation, the repository is out of tokens made before.
    world.github.remove_from_installation(world.installation, &[REPO]).unwrap();
    world.send("GET", &format!("/repos/{REPO}"), &token, &Value::Null).await.expect(404);
    world.github.add_to_installation(world.installation, &[REPO]).unwrap();
    world.send("GET", &format!("/repos/{REPO}"), &token, &Value::Null).await.expect(200);
    world.github.set_suspended(world.installation, true).unwrap();
    world.send("GET", &format!("/repos/{REPO}"), &token, &Value::Null).await.expect(403);
    world.github.set_suspended(world.installation, false).unwrap();
    world.github.uninstall(world.installation).unwrap();
    world.send("GET", &format!("/repos/{REPO}"), &token, &Value::Null).await.expect(401);
    world.assert_no_violations();
}

/// <https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user>: `permission`
/// folds maintain and triage, `role_name` does not.
#[tokio::test]
async fn permissions_tell_role_and_folded_role() {
    let world = World::start().await;
    let token = world.token().await;
    world.github.create_user("stranger").unwrap();
    world.github.create_user("mia").unwrap();
    world.github.set_role(REPO, "mia", github_stand_in::store::Role::Maintain).unwrap();
    for (login, permission, role) in [
        ("ann", "admin", "admin"),
        ("mia", "write", "maintain"),
        ("tom", "read", "triage"),
        ("rita", "read", "read"),
        ("stranger", "none", "none"),
        ("acme", "admin", "admin"),
    ] {
        let path = format!("/repos/{REPO}/collaborators/{login}/permission");
        let answer = world.send("GET", &path, &token, &Value::Null).await.expect(200);
        assert_eq!((&answer["permission"], &answer["role_name"]), (&json!(permission), &json!(role)), "{login}");
    }
    let path = format!("/repos/{REPO}/collaborators/nobody/permission");
    world.send("GET", &path, &token, &Value::Null).await.expect(404);
    let bot = world.send("GET", "/users/helper%5Bbot%5D", &token, &Value::Null).await.expect(200);
    assert_eq!((&bot["id"], &bot["type"]), (&json!(world.app.bot_id), &json!("Bot")));
    world.assert_no_violations();
}

#[tokio::test]
async fn an_app_finds_its_installations() {
    let world = World::start().await;
    let jwt = world.jwt();
    let list = world.send("GET", "/app/installations", &jwt, &Value::Null).await.expect(200);
    assert_eq!(list[0]["id"], world.installation);
    let path = format!("/app/installations/{}", world.installation);
    let one = world.send("GET", &path, &jwt, &Value::Null).await.expect(200);
    assert_eq!((&one["account"]["login"], &one["target_type"]), (&json!("acme"), &json!("Organization")));
    let by_repository = format!("/repos/{REPO}/installation");
    assert_eq!(world.send("GET", &by_repository, &jwt, &Value::Null).await.expect(200)["id"], world.installation);
    world.send("GET", "/app/hook/config", &jwt, &Value::Null).await.expect(200);
    world.assert_no_violations();
}

/// <https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api#user-agent> and rate limits.
#[tokio::test]
async fn common_headers_are_githubs() {
    let world = World::start().await;
    let token = world.token().await;
    let path = format!("/repos/{REPO}");
    let first = world.send("GET", &path, &token, &Value::Null).await;
    assert_eq!(first.header("x-ratelimit-limit"), "5000");
    let left: u32 = first.header("x-ratelimit-remaining").parse().unwrap();
    assert!(!first.header("x-github-request-id").is_empty());
    let tag = first.header("etag").to_owned();
    let second = world.send_with("GET", &path, &token, (&Value::Null, &[("if-none-match", &tag)])).await;
    assert_eq!((second.status, second.bytes.len()), (304, 0));
    assert_eq!(second.header("x-ratelimit-remaining").parse::<u32>().unwrap(), left, "a 304 is free");
    world.github.act_as("ann").unwrap().open_issue(REPO, "new", "").unwrap();
    let third = world.send_with("GET", &path, &token, (&Value::Null, &[("if-none-match", &tag)])).await;
    assert_eq!(third.status, 200);
    let old = world.send_with("GET", &path, &token, (&Value::Null, &[("x-github-api-version", "2019-01-01")])).await;
    assert_eq!(old.status, 400);
    world.send_with("GET", &path, &token, (&Value::Null, &[("user-agent", "")])).await.expect(403);
    world.send("GET", "/rate_limit", &token, &Value::Null).await.expect(200);
    world.assert_no_violations();
}
