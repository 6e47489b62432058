//! `wiz setup` as a person meets it: an address in the terminal, a page, GitHub, and a file at the end.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{Path as UrlPath, State},
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::post,
};
use github_stand_in::{Options, StandIn, control::NewRepository, store::Level};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    net::TcpListener,
    process::Child,
    task::JoinSet,
};

use super::{Ended, KEY_FILE, run, wiz};
use crate::support::database::TestDatabase;

const PATIENCE: Duration = Duration::from_secs(120);

/// What GitHub was asked to exchange.
type Codes = Arc<Mutex<Vec<String>>>;

/// GitHub's side of the end of a registration: a code is good once.
async fn convert(State(codes): State<Codes>, UrlPath(code): UrlPath<String>) -> Response {
    let mut codes = codes.lock().unwrap();
    if code == "old" || codes.contains(&code) {
        return (StatusCode::NOT_FOUND, Json(json!({ "message": "Not Found" }))).into_response();
    }
    codes.push(code);
    let registered = json!({
        "id": 4711, "slug": "octo-wiz", "html_url": "https://github.com/apps/octo-wiz", "client_id": "Iv1.x",
        "client_secret": "unused", "webhook_secret": "whsec-0123456789", "pem": std::fs::read_to_string(KEY_FILE).unwrap(),
    });
    (StatusCode::CREATED, Json(registered)).into_response()
}

/// A GitHub that only exchanges codes.
async fn hub() -> (String, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/api/v3/app-manifests/{code}/conversions", post(convert));
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, router.with_state(Codes::default())).await.unwrap() });
    (url, server)
}

/// A page that waits, and the address that the terminal shows.
async fn begin(data_dir: &Path, more: &[&str]) -> (Child, String) {
    let listen: &[&str] = if more.contains(&"--listen") { &[] } else { &["--listen", "127.0.0.1:0"] };
    let arguments = [&["setup"], listen, more].concat();
    let environment = [("WIZ_DATA_DIR", data_dir.to_str().unwrap()), ("WIZ_PUBLIC_URL", "https://wiz.example.com")];
    let mut child = wiz(&arguments, &environment).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut is_told = false;
    let address = async {
        loop {
            let line = lines.next_line().await.unwrap().expect("wiz ended before it showed an address");
            is_told |= line == "Open this page in a browser to register the App:";
            if let Some(address) = line.trim().strip_prefix("http://") {
                return format!("http://{address}");
            }
        }
    };
    let address = tokio::time::timeout(PATIENCE, address).await.unwrap();
    assert!(is_told, "the address says what it is for");
    child.stderr = Some(lines.into_inner().into_inner());
    (child, address)
}

async fn end(child: Child) -> Ended {
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// What stands between two marks of a page.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    page.split_once(from).and_then(|(_, rest)| rest.split_once(to)).unwrap_or_else(|| panic!("{from} in {page}")).0
}

/// Goes through the page up to the code, and gives the state and the manifest that went to GitHub.
async fn choose(address: &str, server: &str) -> (String, String) {
    let client = wiz_demo::http_client(PATIENCE).unwrap();
    let page = client.get(address).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("value=\"https://wiz.example.com\""), "{page}");
    let (url, token) = address.split_once("?token=").unwrap();
    let form = [
        ("token", token),
        ("server", server),
        ("organisation", "octo"),
        ("name", "octo \"wiz\""),
        ("public_url", "https://wiz.example.com"),
    ];
    let sent = client.post(url).form(&form).send().await.unwrap();
    assert_eq!(sent.status(), 200);
    assert_eq!(sent.headers()["cache-control"], "no-store");
    let page = sent.text().await.unwrap();
    let action = between(&page, "action=\"", "\"").to_owned();
    let (page_of_github, state) = action.split_once("?state=").unwrap();
    assert_eq!(page_of_github, format!("{server}/organizations/octo/settings/apps/new"));
    let sent = between(&page, "name=\"manifest\" value=\"", "\"").replace("&quot;", "\"");
    let manifest: serde_json::Value = serde_json::from_str(&sent).unwrap();
    assert_eq!(manifest["name"], "octo \"wiz\"");
    assert_eq!(manifest["hook_attributes"]["url"], "https://wiz.example.com/webhooks/github");
    let own = url.strip_suffix("/setup").unwrap();
    assert_eq!(manifest["redirect_url"], format!("{own}/setup/registered"));
    (state.to_owned(), sent)
}

/// The first fault that a command tells, without the time and the rest.
fn fault(told: &str) -> String {
    let found = |mark: &str| told.lines().find(|line| line.contains(mark));
    let line = found("  - ").or_else(|| found(" ERROR ")).unwrap_or(told);
    line.rsplit_once(" ERROR ").map_or(line, |(_, told)| told).trim().to_owned()
}

async fn come_back(address: &str, query: &str) -> (u16, String) {
    let client = wiz_demo::http_client(PATIENCE).unwrap();
    let url = address.split_once("/setup").unwrap().0;
    let answer = client.get(format!("{url}/setup/registered?{query}")).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_registered_once_and_serve_finds_it() {
    let (server, _hub) = hub().await;
    let data = TempDir::new().unwrap();
    let (child, address) = begin(data.path(), &[]).await;

    // Strangers see nothing, and nobody brings a code that was not asked for here.
    let client = wiz_demo::http_client(PATIENCE).unwrap();
    let url = address.split_once('?').unwrap().0.to_owned();
    for token in ["", "?token=", "?token=guess"] {
        assert_eq!(client.get(format!("{url}{token}")).send().await.unwrap().status(), 403, "{token}");
    }
    let forged = client.post(&url).form(&[("token", "guess"), ("name", "wiz")]).send().await.unwrap();
    assert_eq!(forged.status(), 403);
    let token = address.split_once("?token=").unwrap().1;
    let bad = [("token", token), ("server", "nowhere"), ("name", "wiz"), ("public_url", "https://wiz.example.com")];
    let bad = client.post(&url).form(&bad).send().await.unwrap();
    assert_eq!(bad.status(), 422);
    assert!(bad.text().await.unwrap().contains("address must be like"));
    assert_eq!(come_back(&address, "code=abc&state=").await.0, 403, "nobody is on GitHub's page");
    choose(&address, &server).await;
    assert_eq!(come_back(&address, "code=abc&state=guess").await.0, 403);

    // Each way back is good once; an old code says so.
    let (state, _) = choose(&address, &server).await;
    assert_eq!(come_back(&address, &format!("code=&state={state}")).await.0, 400);
    assert_eq!(come_back(&address, &format!("code=abc&state={state}")).await.0, 403, "it was used");
    let (state, _) = choose(&address, &server).await;
    let (status, page) = come_back(&address, &format!("code=old&state={state}")).await;
    assert!(status == 502 && page.contains("good for one hour and for one use"), "{status} {page}");
    let (state, _) = choose(&address, &server).await;
    let (status, page) = come_back(&address, &format!("code=new1&state={state}")).await;
    assert!(status == 200 && page.contains("https://github.com/apps/octo-wiz/installations/new"), "{status} {page}");
    assert!(!page.contains("whsec") && !page.contains("PRIVATE KEY"), "no secret on a page");

    let ended = end(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let file = data.path().join("github-app.json");
    let shown = |text: &str| text.replace(data.path().to_str().unwrap(), "/data");
    insta::assert_snapshot!(shown(&ended.out), @"The App is registered. Its credentials are in /data/github-app.json, which wiz reads by itself.");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    // Configured: the page refuses, and every other command reads the file unless the environment says otherwise.
    let directory = ("WIZ_DATA_DIR", data.path().to_str().unwrap());
    let again = run(&["setup"], &[directory]).await;
    assert_eq!(again.code, Some(1), "{again:?}");
    insta::assert_snapshot!(fault(&shown(&again.err)), @"wiz: an App is registered already, in /data/github-app.json; remove /data/github-app.json to register another one");
    let faults = run(&["serve"], &[directory]).await.err;
    assert!(faults.contains("WIZ_MODEL is not set") && !faults.contains("WIZ_GITHUB"), "{faults}");
    let faults = run(&["serve"], &[directory, ("WIZ_GITHUB_APP_ID", "many")]).await.err;
    assert!(faults.contains("WIZ_GITHUB_APP_ID must be a number"), "{faults}");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let faults = run(&["serve"], &[directory]).await.err;
    insta::assert_snapshot!(fault(&shown(&faults)), @"- /data/github-app.json holds the App's key and can be read by others: chmod 600 /data/github-app.json");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&file, "{").unwrap();
    let faults = run(&["serve"], &[directory]).await.err;
    insta::assert_snapshot!(fault(&shown(&faults)), @"- /data/github-app.json is damaged: remove it and run `wiz setup` again, or set the variables yourself");
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let faults = run(&["serve"], &[directory]).await.err;
    insta::assert_snapshot!(fault(&shown(&faults)), @"- /data/github-app.json: cannot be read: Is a directory (os error 21)");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_printed_for_a_secret_store_and_no_file_is_left() {
    let (server, _hub) = hub().await;
    let data = TempDir::new().unwrap();
    let configured = run(&["setup"], &[("WIZ_GITHUB_APP_ID", "1")]).await;
    assert_eq!(configured.code, Some(1));
    let elsewhere = run(&["setup", "--print", "--listen", "192.0.2.1:1"], &[]).await;
    insta::assert_snapshot!(fault(&elsewhere.err), @"wiz: cannot listen on 192.0.2.1:1: Cannot assign requested address (os error 99)");
    insta::assert_snapshot!(fault(&configured.err), @"wiz: WIZ_GITHUB_APP_ID names an App already; unset it to register another one");
    let (child, address) = begin(data.path(), &["--print"]).await;
    let (state, _) = choose(&address, &server).await;
    assert_eq!(come_back(&address, &format!("code=c0de&state={state}")).await.0, 200);
    let ended = end(child).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
    let printed: Vec<(&str, &str)> = ended.out.lines().filter_map(|line| line.split_once('=')).collect();
    let names: Vec<&str> = printed.iter().map(|(name, _)| *name).collect();
    insta::assert_snapshot!(names.join(" "), @"WIZ_GITHUB_APP_ID WIZ_GITHUB_PRIVATE_KEY WIZ_GITHUB_WEBHOOK_SECRETS WIZ_GITHUB_API_URL WIZ_GITHUB_URL WIZ_PUBLIC_URL");
    // What was printed is what wiz takes.
    let faults = run(&["serve"], &printed).await.err;
    assert!(faults.contains("WIZ_MODEL is not set") && !faults.contains("WIZ_GITHUB"), "{faults}");
}

/// GitHub gives the key once: what cannot be kept is found out before, and what could not be after all is printed.
#[tokio::test(flavor = "multi_thread")]
async fn no_key_is_lost_for_a_directory_that_takes_none() {
    let (server, _hub) = hub().await;
    let data = TempDir::new().unwrap();
    let (file, directory) = (data.path().join("file"), data.path().join("later"));
    std::fs::write(&file, "").unwrap();
    let refused = run(&["setup", "--listen", "127.0.0.1:0"], &[("WIZ_DATA_DIR", file.to_str().unwrap())]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let shown = |text: &str| text.replace(data.path().to_str().unwrap(), "/data");
    insta::assert_snapshot!(fault(&shown(&refused.err)), @"wiz: cannot create /data/file: File exists (os error 17)");
    assert!(!refused.err.contains("Open this page"), "{refused:?}");

    let (child, address) = begin(&directory, &[]).await;
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0, "the trial has left nothing");
    std::fs::remove_dir(&directory).unwrap();
    std::fs::write(&directory, "").unwrap();
    let (state, _) = choose(&address, &server).await;
    let (status, page) = come_back(&address, &format!("code=c0de&state={state}")).await;
    assert!(status == 200 && page.contains("The terminal says where its key is"), "{status} {page}");
    let ended = end(child).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let last = ended.err.lines().rfind(|line| !line.is_empty()).unwrap_or_default();
    insta::assert_snapshot!(shown(last), @"The App is registered, but its credentials could not be kept (cannot create /data/later: File exists (os error 17)). They are printed, as GitHub gives them only once: put them into wiz's environment.");
    for wanted in ["WIZ_GITHUB_APP_ID=4711\n", "WIZ_GITHUB_WEBHOOK_SECRETS=whsec-0123456789\n"] {
        assert!(ended.out.contains(wanted), "{}", ended.out);
    }
}

/// GitHub sends people back to where their browser found the page, wherever it listens.
#[tokio::test(flavor = "multi_thread")]
async fn people_come_back_to_the_address_that_their_browser_knows() {
    let (server, _hub) = hub().await;
    let data = TempDir::new().unwrap();
    let (mut child, address) = begin(data.path(), &["--print", "--listen", "0.0.0.0:0"]).await;
    let port = between(&address, "http://THIS-MACHINE:", "/");
    let address = address.replace("THIS-MACHINE", "127.0.0.1");
    choose(&address, &server).await;
    let (url, token) = address.split_once("?token=").unwrap();
    let client = wiz_demo::http_client(PATIENCE).unwrap();
    let form = [("token", token), ("server", &server), ("name", "wiz"), ("public_url", "https://wiz.example.com")];
    let at = async |host: &str| client.post(url).header("host", host).form(&form).send().await.unwrap();
    let page = at("wiz.lan").await.text().await.unwrap();
    assert!(page.contains("http://wiz.lan/setup/registered"), "{page}");
    for host in ["wiz.lan/elsewhere", "a@wiz.lan", ""] {
        assert_eq!(at(host).await.status(), 400, "{host:?} on {port}");
    }
    child.kill().await.unwrap();

    let (mut child, address) = begin(data.path(), &["--print", "--url", "http://wiz.lan:4000"]).await;
    assert!(address.starts_with("http://wiz.lan:4000/setup?token="), "{address}");
    child.kill().await.unwrap();
    let directory = ("WIZ_DATA_DIR", data.path().to_str().unwrap());
    let refused = run(&["setup", "--url", "https://wiz.lan/page"], &[directory]).await;
    insta::assert_snapshot!(fault(&refused.err), @"wiz: --url must be like https://wiz.example.com, without a path; this is https://wiz.lan/page");
}

/// The whole way on a GitHub that reads the manifest, makes the key and asks for it afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn github_registers_the_app_and_knows_it_by_what_was_kept() {
    let github = StandIn::start(Options::default()).await.unwrap();
    github.create_organization("octo").unwrap();
    github.create_user("maria").unwrap();
    let maria = github.act_as("maria").unwrap();
    let data = TempDir::new().unwrap();
    let (child, address) = begin(data.path(), &[]).await;

    // Too late for the first code, and another visit's code is not this one's.
    let (late, manifest) = choose(&address, &github.url).await;
    let back = maria.register_app(Some("octo"), &manifest.replace("octo \\\"wiz\\\"", "octo late"), &late).unwrap();
    github.advance_clock(chrono::TimeDelta::minutes(61));
    let (_, query) = back.split_once('?').unwrap();
    let (status, page) = come_back(&address, query).await;
    github.advance_clock(chrono::TimeDelta::minutes(-61));
    assert!(status == 502 && page.contains("good for one hour and for one use"), "{status} {page}");
    let (state, manifest) = choose(&address, &github.url).await;
    let back = maria.register_app(Some("octo"), &manifest, &state).unwrap();
    let own = address.split_once("/setup").unwrap().0;
    assert!(back.starts_with(&format!("{own}/setup/registered?code=")), "{back}");
    let (_, query) = back.split_once('?').unwrap();
    assert_eq!(come_back(&address, &query.replace(&state, &late)).await.0, 403);
    let (status, page) = come_back(&address, query).await;
    assert!(status == 200 && page.contains("/installations/new"), "{status} {page}");
    assert_eq!(end(child).await.code, Some(0));
    let over = wiz_demo::http_client(PATIENCE).unwrap().get(&address).send().await;
    assert!(over.is_err(), "nobody serves the page any more: {over:?}");

    // What was kept is what GitHub knows, and all that wiz needs of it.
    let database = TestDatabase::new().await;
    let environment = [
        ("WIZ_DATA_DIR", data.path().to_str().unwrap()),
        ("DATABASE_URL", database.url.as_str()),
        ("WIZ_MODEL", "anthropic/claude-sonnet-4-5"),
        ("ANTHROPIC_API_KEY", "no key at all"),
    ];
    let told = run(&["doctor"], &environment).await.out;
    let of_github: Vec<&str> = told.lines().filter(|line| line.starts_with("github")).collect();
    insta::assert_snapshot!(of_github.join("\n"), @"github         ok: App octo--wiz- as octo--wiz-[bot], installed in 0 place(s) with all 7 permissions");
    assert_eq!(github.violations(), []);

    // What an owner has yet to grant, and an App that GitHub does not know.
    let kept = std::fs::read_to_string(data.path().join("github-app.json")).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
    let app = kept["WIZ_GITHUB_APP_ID"].as_str().unwrap().parse().unwrap();
    let name = github.create_repository(&NewRepository {
        owner: "octo".into(),
        name: "greeter".into(),
        ..NewRepository::default()
    });
    let few = [("issues".to_owned(), Level::Write), ("metadata".to_owned(), Level::Read)].into();
    github.change_app(app, few, &["issues"]).unwrap();
    github.install(app, &[&name.unwrap().full_name]).unwrap();
    let lacking = run(&["doctor"], &environment).await.out;
    let unknown = run(&["doctor"], &[&environment[..], &[("WIZ_GITHUB_APP_ID", "999999")]].concat()).await.out;
    let installation = github.control().installations().last().unwrap().id.to_string();
    let told = [lacking, unknown].map(|told| {
        let line = told.lines().find(|line| line.starts_with("github")).unwrap();
        let line = line.replace(&github.url, "http://github").replace(&installation, "<id>");
        line.split(" (request").next().unwrap().to_owned()
    });
    insta::assert_snapshot!(told.join("\n"), @r"
    github         FAILED: App octo--wiz- is known, but an owner must act: octo has not granted actions: write, checks: write, contents: write, pull_requests: write, statuses: read, see http://github/settings/installations/<id>
    github         FAILED: GitHub does not know this App: check WIZ_GITHUB_APP_ID and the private key: GET /app: 404 Integration not found
    ");
}
