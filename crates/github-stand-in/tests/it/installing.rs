//! The manifest flow, and what happens to an installation.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::{REPO, World, sign};

fn manifest(world: &World) -> Value {
    json!({
        "name": "Wonder Bot", "url": "https://example.com",
        "hook_attributes": { "url": world.hook_url }, "redirect_url": "http://127.0.0.1:1/setup/done?x=1",
        "setup_url": "http://127.0.0.1:1/installed", "public": false,
        "default_permissions": { "issues": "write", "contents": "write" }, "default_events": ["issues"],
    })
}

fn code(address: &str) -> String {
    let url = url::Url::parse(address).unwrap();
    url.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned()
}

/// <https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest>
#[tokio::test]
async fn an_app_is_registered_from_a_manifest() {
    let world = World::start().await;
    let ann = world.github.act_as("ann").unwrap();
    let text = manifest(&world).to_string();
    let address = ann.register_app(Some("acme"), &text, "s3cret").unwrap();
    assert!(address.starts_with("http://127.0.0.1:1/setup/done?x=1&code=") && address.ends_with("&state=s3cret"));
    let path = format!("/app-manifests/{}/conversions", code(&address));
    let app = world.send("POST", &path, "", &Value::Null).await.expect(201);
    assert_eq!((&app["slug"], &app["owner"]["login"]), (&json!("wonder-bot"), &json!("acme")));
    for member in ["id", "pem", "webhook_secret", "client_id", "client_secret", "html_url"] {
        assert!(!app[member].is_null(), "{member}");
    }
    world.send("POST", &path, "", &Value::Null).await.expect(404);
    let now = chrono::Utc::now().timestamp();
    let jwt =
        sign(&json!({ "iss": app["id"].to_string(), "iat": now - 60, "exp": now + 300 }), app["pem"].as_str().unwrap());
    assert_eq!(world.send("GET", "/app", &jwt, &Value::Null).await.expect(200)["name"], "Wonder Bot");
    assert_eq!(world.send("GET", "/app/installations", &jwt, &Value::Null).await.expect(200), json!([]));
    world.send("GET", &format!("/repos/{REPO}/installation"), &jwt, &Value::Null).await.expect(404);
    assert!(world.github.act_as("rita").unwrap().install_app("wonder-bot", &[REPO]).is_err());
    let back = ann.install_app("wonder-bot", &[REPO]).unwrap();
    assert!(back.contains("installation_id=") && back.ends_with("setup_action=install"), "{back}");
    world.send("GET", &format!("/repos/{REPO}/installation"), &jwt, &Value::Null).await.expect(200);
    world.settle().await;
    world.assert_no_violations();
}

#[tokio::test]
async fn a_bad_manifest_is_complained_of_and_a_code_ages() {
    let world = World::start().await;
    let ann = world.github.act_as("ann").unwrap();
    let complaint = |change: Value| {
        let mut manifest = manifest(&world);
        manifest.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        format!("{:#}", ann.register_app(None, &manifest.to_string(), "").unwrap_err())
    };
    assert!(
        complaint(json!({ "default_events": ["workflow_run"] })).contains("Default events unsupported: workflow_run")
    );
    assert!(complaint(json!({ "default_events": ["installation"] })).contains("unsupported: installation"));
    assert!(complaint(json!({ "name": "x".repeat(35) })).contains("34"));
    assert!(complaint(json!({ "redirect_url": "nowhere" })).contains("no address"));
    assert!(complaint(json!({ "name": "helper" })).contains("exists"));
    let address = ann.register_app(None, &manifest(&world).to_string(), "").unwrap();
    world.github.advance_clock(TimeDelta::minutes(61));
    world.send("POST", &format!("/app-manifests/{}/conversions", code(&address)), "", &Value::Null).await.expect(404);
    world.assert_no_violations();
}

/// The page: a form with the manifest, one button, a redirect.
#[tokio::test]
async fn the_page_registers_too() {
    let world = World::start().await;
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let post = async |path: &str, form: &[(&str, &str)]| {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = client.post(format!("{}{path}", world.github.url)).header("cookie", "stand_in_user=ann");
        request.header("content-type", "application/x-www-form-urlencoded").body(body).send().await.unwrap()
    };
    let text = manifest(&world).to_string();
    let page = post("/organizations/acme/settings/apps/new?state=abc", &[("manifest", &text)]).await;
    let page = page.text().await.unwrap();
    assert!(page.contains("Create GitHub App for acme") && page.contains("Wonder Bot"), "{page}");
    let form = [("manifest", text.as_str()), ("name", "Chosen Name"), ("state", "abc"), ("organization", "acme")];
    let redirect = post("/settings/apps/create", &form).await;
    assert_eq!(redirect.status(), 303);
    assert!(redirect.headers()["location"].to_str().unwrap().contains("state=abc"));
    let bad = post("/settings/apps/new", &[("manifest", "{}")]).await;
    assert_eq!(bad.status(), 422);
    let page = world.send("GET", "/apps/chosen-name/installations/new", "", &Value::Null).await;
    assert!(String::from_utf8_lossy(&page.bytes).contains(REPO));
    let installed = post("/apps/chosen-name/installations", &[("repository", REPO)]).await;
    assert!(installed.headers()["location"].to_str().unwrap().contains("installation_id="));
    world.settle().await;
    world.assert_no_violations();
}

/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#installation>
#[tokio::test]
async fn an_installation_changes() {
    let world = World::start().await;
    let told = async || {
        world.settle().await;
        let all = world.github.deliveries();
        all.last().map(|one| format!("{}.{}", one.event, one.action.clone().unwrap_or_default())).unwrap()
    };
    world
        .github
        .change_app(world.app.id, [("issues".to_owned(), github_stand_in::store::Level::Read)].into(), &["issues"])
        .unwrap();
    // Old permissions hold until the new ones are accepted.
    world.token_with(&["contents"]).await;
    world.github.accept_permissions(world.installation).unwrap();
    assert_eq!(told().await, "installation.new_permissions_accepted");
    let path = format!("/app/installations/{}", world.installation);
    world.send("PUT", &format!("{path}/suspended"), &world.jwt(), &Value::Null).await.expect(204);
    assert_eq!(told().await, "installation.suspend");
    world.send("POST", &format!("{path}/access_tokens"), &world.jwt(), &Value::Null).await.expect(403);
    world.send("DELETE", &format!("{path}/suspended"), &world.jwt(), &Value::Null).await.expect(204);
    world.github.remove_from_installation(world.installation, &[REPO]).unwrap();
    assert_eq!(told().await, "installation_repositories.removed");
    let listed = world.send("GET", "/installation/repositories", &world.token().await, &Value::Null).await.expect(200);
    assert_eq!(listed["total_count"], 0);
    world.send("DELETE", &path, &world.jwt(), &Value::Null).await.expect(204);
    assert_eq!(told().await, "installation.deleted");
    world.send("GET", &path, &world.jwt(), &Value::Null).await.expect(404);
    world.assert_no_violations();
}
