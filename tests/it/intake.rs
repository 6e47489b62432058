//! The webhook endpoint through the whole router: what is accepted, what is refused, and what is stored.

use std::time::Duration;

use axum::{Router, body::Body};
use futures::stream;
use hmac::{Hmac, Mac};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use sha2::Sha256;
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;
use wiz::{
    ids::DeliveryId,
    intake::{self, Intake},
    queue::{Claim, Doorbell, WorkerSettings, claim, register},
    web::{self, database_check},
};

use crate::support::database::TestDatabase;

const SECRET: &str = "a secret for the tests";
const OLD_SECRET: &str = "the secret before that one";
const BODY: &[u8] = br#"{"zen":"Keep it logically awesome."}"#;

#[expect(clippy::disallowed_methods, reason = "a router is all that a test holds, and its writer ends with it")]
fn app(pool: &PgPool) -> Router {
    let (intake, writer) = Intake::new(pool.clone(), &[SECRET.into(), OLD_SECRET.into()], Doorbell::default());
    tokio::spawn(writer.run());
    web::router(intake, vec![database_check(pool.clone())])
}

fn sign(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap().chain_update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// A delivery that would be accepted; each test spoils what it is about.
struct Delivery {
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Delivery {
    fn new(body: &[u8]) -> Self {
        let headers = vec![
            ("x-hub-signature-256", sign(SECRET, body)),
            ("x-github-event", "ping".into()),
            ("x-github-delivery", Uuid::new_v4().to_string()),
            ("content-type", "application/json".into()),
        ];
        Self { headers, body: body.to_vec() }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self = self.without(name);
        self.headers.push((name, value.into()));
        self
    }

    fn without(mut self, name: &'static str) -> Self {
        self.headers.retain(|(header, _)| *header != name);
        self
    }

    fn id(&self) -> DeliveryId {
        self.headers.iter().find(|(name, _)| *name == "x-github-delivery").unwrap().1.parse().unwrap()
    }

    fn request(&self) -> Request<Body> {
        self.request_with(Body::from(self.body.clone()))
    }

    fn request_with(&self, body: Body) -> Request<Body> {
        let mut request = Request::post("/webhooks/github");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        request.body(body).unwrap()
    }
}

/// The status and the one line that says why.
async fn answer(app: &Router, request: Request<Body>) -> (u16, String) {
    let answer = app.clone().oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn count(pool: &PgPool) -> (i64, i64) {
    sqlx::query_as("select (select count(*) from delivery), (select count(*) from job)").fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn a_signed_delivery_is_stored_raw_with_one_triage_job() {
    let db = TestDatabase::new().await;
    let delivery = Delivery::new(BODY)
        .with("x-github-hook-id", "17")
        .with("x-github-hook-installation-target-type", "integration")
        .with("x-github-hook-installation-target-id", "1234");
    assert_eq!(answer(&app(&db.pool), delivery.request()).await, (202, r#"{"status":"accepted"}"#.into()));
    let row: (String, Vec<u8>, Option<i64>, Option<String>, Option<i64>, i16) =
        sqlx::query_as("select event, body, hook_id, target_type, target_id, secret_index from delivery where id = $1")
            .bind(delivery.id())
            .fetch_one(&db.pool)
            .await
            .unwrap();
    assert_eq!(row, ("ping".into(), BODY.to_vec(), Some(17), Some("integration".into()), Some(1234), 0));
    let (kind, payload, state): (String, serde_json::Value, String) =
        sqlx::query_as("select kind, payload, state::text from job").fetch_one(&db.pool).await.unwrap();
    let id = delivery.id().to_string();
    assert_eq!((kind.as_str(), state.as_str()), ("triage", "ready"));
    assert_eq!(payload, serde_json::json!({ "delivery": id }));
}

#[tokio::test]
async fn every_refusal_has_its_status_and_reason_and_stores_nothing() {
    let db = TestDatabase::new().await;
    let app = app(&db.pool);
    let good = || Delivery::new(BODY);
    let form = || Delivery::new(b"other=1").with("content-type", "application/x-www-form-urlencoded");
    let sha1 = format!("sha1={}", "ab".repeat(20));
    let cases = [
        ("no signature", good().without("x-hub-signature-256")),
        ("SHA-1 only", good().without("x-hub-signature-256").with("x-hub-signature", sha1.clone())),
        ("SHA-1 in the header", good().with("x-hub-signature-256", sha1)),
        ("cut signature", good().with("x-hub-signature-256", &sign(SECRET, BODY)[..70])),
        ("another body's signature", good().with("x-hub-signature-256", sign(SECRET, b"{}"))),
        ("another secret", good().with("x-hub-signature-256", sign("not the secret at all", BODY))),
        ("all wrong", good().with("x-hub-signature-256", sign("x", BODY)).without("x-github-event")),
        ("no event", good().without("x-github-event")),
        ("no event name", good().with("x-github-event", "Ping!")),
        ("no delivery", good().without("x-github-delivery")),
        ("no GUID", good().with("x-github-delivery", "1234")),
        ("not JSON", Delivery::new(b"zen")),
        ("empty", Delivery::new(b"")),
        ("form without payload", form()),
    ];
    let mut found = String::new();
    for (name, delivery) in cases {
        let (status, reason) = answer(&app, delivery.request()).await;
        found += &format!("{name}: {status} {reason}\n");
    }
    insta::assert_snapshot!(found, @r#"
    no signature: 401 {"error":"X-Hub-Signature-256 must be sha256= and 64 hexadecimal digits; set a webhook secret"}
    SHA-1 only: 401 {"error":"X-Hub-Signature-256 must be sha256= and 64 hexadecimal digits; set a webhook secret"}
    SHA-1 in the header: 401 {"error":"X-Hub-Signature-256 must be sha256= and 64 hexadecimal digits; set a webhook secret"}
    cut signature: 401 {"error":"X-Hub-Signature-256 must be sha256= and 64 hexadecimal digits; set a webhook secret"}
    another body's signature: 401 {"error":"the signature does not fit the body; is the webhook secret the one wiz has?"}
    another secret: 401 {"error":"the signature does not fit the body; is the webhook secret the one wiz has?"}
    all wrong: 401 {"error":"the signature does not fit the body; is the webhook secret the one wiz has?"}
    no event: 400 {"error":"X-GitHub-Event must name the event"}
    no event name: 400 {"error":"X-GitHub-Event must name the event"}
    no delivery: 400 {"error":"X-GitHub-Delivery must be a GUID"}
    no GUID: 400 {"error":"X-GitHub-Delivery must be a GUID"}
    not JSON: 400 {"error":"the payload is not JSON"}
    empty: 400 {"error":"the payload is not JSON"}
    form without payload: 400 {"error":"the form has no field `payload`"}
    "#);
    assert_eq!(count(&db.pool).await, (0, 0));
}

#[tokio::test]
async fn a_body_over_25_mib_is_refused_told_or_not() {
    let db = TestDatabase::new().await;
    let app = app(&db.pool);
    let too_large = (413, r#"{"error":"the body is over 25 MiB"}"#.to_owned());
    let told = Delivery::new(BODY).with("content-length", (25 * 1024 * 1024 + 1).to_string());
    let never_read = Body::from_stream(stream::poll_fn(|_| -> std::task::Poll<Option<Result<Vec<u8>, String>>> {
        panic!("the body was read")
    }));
    assert_eq!(answer(&app, told.request_with(never_read)).await, too_large);
    let chunks = stream::iter((0..26).map(|_| Ok::<_, String>(vec![b' '; 1024 * 1024])));
    assert_eq!(answer(&app, Delivery::new(BODY).request_with(Body::from_stream(chunks))).await, too_large);
    assert_eq!(count(&db.pool).await, (0, 0));
}

#[tokio::test]
async fn nothing_is_read_for_a_request_without_a_signature() {
    let db = TestDatabase::new().await;
    let unsigned = Delivery::new(BODY).without("x-hub-signature-256");
    let never_read = Body::from_stream(stream::poll_fn(|_| -> std::task::Poll<Option<Result<Vec<u8>, String>>> {
        panic!("the body was read")
    }));
    assert_eq!(answer(&app(&db.pool), unsigned.request_with(never_read)).await.0, 401);
}

/// Each would be let in by what it says: a signature of the right form, and the largest length there is.
#[tokio::test]
async fn strangers_that_announce_much_and_send_little_keep_nobody_out() {
    const STRANGERS: usize = 50;
    let db = TestDatabase::new().await;
    let app = app(&db.pool);
    let (begun, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let mut strangers = JoinSet::new();
    for _ in 0..STRANGERS {
        let (app, begun) = (app.clone(), begun.clone());
        let mut sent = false;
        let drip = Body::from_stream(stream::poll_fn(move |_| {
            if sent {
                // Asked for more, so the first byte has its memory.
                begun.send(()).ok();
                return std::task::Poll::Pending;
            }
            sent = true;
            std::task::Poll::Ready(Some(Ok::<_, String>(b"{".to_vec())))
        }));
        let most = 25 * 1024 * 1024;
        let request = Delivery::new(BODY).with("content-length", most.to_string()).request_with(drip);
        strangers.spawn(async move { app.oneshot(request).await.unwrap().status() });
    }
    for _ in 0..STRANGERS {
        heard.recv().await.unwrap();
    }
    assert_eq!(answer(&app, Delivery::new(BODY).request()).await.0, 202);
    assert_eq!(count(&db.pool).await, (1, 1));
    strangers.shutdown().await;
}

#[tokio::test]
async fn in_a_storm_of_builds_a_command_is_worked_next() {
    let db = TestDatabase::new().await;
    let app = app(&db.pool);
    for event in ["workflow_run", "push", "check_run", "workflow_run", "issue_comment", "pull_request"] {
        assert_eq!(answer(&app, Delivery::new(BODY).with("x-github-event", event).request()).await.0, 202);
    }
    let worker = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
    let mut order = Vec::new();
    let wanted = Claim { limit: 1, after_tenant: 0, priority_up_to: i16::MAX, silence: Duration::from_secs(35) };
    while let Some((job, _)) = claim(&db.pool, worker, wanted).await.unwrap().pop() {
        let id: DeliveryId = job.payload["delivery"].as_str().unwrap().parse().unwrap();
        order.push(intake::load(&mut db.pool.acquire().await.unwrap(), id).await.unwrap().unwrap().event);
        assert_eq!(job.max_attempts, intake::TRIAGE_ATTEMPTS);
    }
    assert_eq!(order, ["issue_comment", "check_run", "pull_request", "workflow_run", "push", "workflow_run"]);
}

#[tokio::test]
async fn a_known_delivery_is_answered_200_and_changes_nothing() {
    let db = TestDatabase::new().await;
    let app = app(&db.pool);
    let delivery = Delivery::new(BODY);
    assert_eq!(answer(&app, delivery.request()).await.0, 202);
    let known = (200, r#"{"status":"this delivery is known"}"#.to_owned());
    assert_eq!(answer(&app, delivery.request()).await, known);
    // Even when its job has long been done.
    sqlx::query("delete from job").execute(&db.pool).await.unwrap();
    assert_eq!(answer(&app, delivery.request()).await, known);
    assert_eq!(count(&db.pool).await, (1, 0));
}

#[tokio::test]
async fn identical_deliveries_at_the_same_time_make_one_job() {
    let db = TestDatabase::new().await;
    let app = app(&db.pool);
    for _ in 0..10 {
        let delivery = Delivery::new(BODY);
        let requests = (0..6).map(|_| answer(&app, delivery.request()));
        let mut statuses: Vec<u16> =
            futures::future::join_all(requests).await.into_iter().map(|(status, _)| status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 200, 200, 200, 200, 202]);
    }
    assert_eq!(count(&db.pool).await, (10, 10));
}

#[tokio::test]
async fn an_unknown_event_is_stored_like_any_other() {
    let db = TestDatabase::new().await;
    let delivery = Delivery::new(BODY).with("x-github-event", "invented_tomorrow");
    assert_eq!(answer(&app(&db.pool), delivery.request()).await.0, 202);
    assert_eq!(count(&db.pool).await, (1, 1));
}

#[tokio::test]
async fn a_form_is_stored_raw_and_read_unpacked() {
    let db = TestDatabase::new().await;
    let form: Vec<u8> =
        [b"payload=".to_vec(), url::form_urlencoded::byte_serialize(BODY).collect::<String>().into()].concat();
    let delivery = Delivery::new(&form).with("content-type", "application/x-www-form-urlencoded");
    assert_eq!(answer(&app(&db.pool), delivery.request()).await.0, 202);
    let mut connection = db.pool.acquire().await.unwrap();
    let loaded = intake::load(&mut connection, delivery.id()).await.unwrap().unwrap();
    assert_eq!((loaded.event.as_str(), loaded.payload.as_slice()), ("ping", BODY));
    assert_eq!(intake::load(&mut connection, DeliveryId(Uuid::new_v4())).await.unwrap(), None);
}

#[tokio::test]
async fn a_rotated_secret_is_accepted_and_told_apart() {
    let db = TestDatabase::new().await;
    let delivery = Delivery::new(BODY).with("x-hub-signature-256", sign(OLD_SECRET, BODY));
    assert_eq!(answer(&app(&db.pool), delivery.request()).await.0, 202);
    let index: i16 = sqlx::query_scalar("select secret_index from delivery").fetch_one(&db.pool).await.unwrap();
    assert_eq!(index, 1);
}

#[tokio::test]
async fn without_its_database_a_delivery_is_refused_so_that_github_can_send_it_again() {
    let nowhere = PgPoolOptions::new()
        .acquire_timeout(Duration::from_millis(100))
        .connect_lazy("postgres://nobody@127.0.0.1:1/none")
        .unwrap();
    let app = app(&nowhere);
    let refused = r#"{"error":"the delivery could not be stored; redeliver later"}"#;
    assert_eq!(answer(&app, Delivery::new(BODY).request()).await, (503, refused.into()));
    let ready = answer(&app, Request::get("/readyz").body(Body::empty()).unwrap()).await;
    assert_eq!(ready.0, 503);
    assert!(ready.1.contains(r#""detail":"the database does not answer""#), "{}", ready.1);
    assert_eq!(answer(&app, Request::get("/healthz").body(Body::empty()).unwrap()).await.0, 200);
}

#[tokio::test]
async fn editors_get_the_schema_of_policy_files_that_the_documents_publish() {
    let db = TestDatabase::new().await;
    let request = Request::get("/schema/wiz.json").body(Body::empty()).unwrap();
    let response = app(&db.pool).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/schema+json");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert!(body == include_str!("../../docs/wiz.schema.json"), "{body:?}");
}

#[tokio::test]
async fn other_pages_and_methods_are_refused_in_json() {
    let db = TestDatabase::new().await;
    let app = app(&db.pool);
    let mut found = String::new();
    for (method, path) in [
        ("GET", "/webhooks/github"),
        ("PUT", "/webhooks/github"),
        ("GET", "/nowhere"),
        ("POST", "/healthz"),
        ("GET", "/healthz"),
    ] {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let (status, body) = answer(&app, request).await;
        found += &format!("{method} {path}: {status} {body}\n");
    }
    insta::assert_snapshot!(found, @r#"
    GET /webhooks/github: 405 {"error":"this page takes another method"}
    PUT /webhooks/github: 405 {"error":"this page takes another method"}
    GET /nowhere: 404 {"error":"there is no such page"}
    POST /healthz: 405 {"error":"this page takes another method"}
    GET /healthz: 200 {"alive":true}
    "#);
    let ready = app.clone().oneshot(Request::get("/readyz").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(ready.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_server_finishes_what_it_has_begun_before_it_stops() {
    let db = TestDatabase::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let mut server = JoinSet::new();
    server.spawn(web::serve(listener, app(&db.pool), shutdown.clone()));
    let mut client = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /webhooks/github HTTP/1.1\r\nhost: wiz\r\nconnection: close\r\nx-hub-signature-256: {}\r\n\
         x-github-event: ping\r\nx-github-delivery: {}\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        sign(SECRET, BODY),
        Uuid::new_v4(),
        BODY.len()
    );
    client.write_all(head.as_bytes()).await.unwrap();
    // Asked for the body, so the request has begun.
    let mut asked = [0; 25];
    client.read_exact(&mut asked).await.unwrap();
    assert_eq!(asked.as_slice(), b"HTTP/1.1 100 Continue\r\n\r\n");
    shutdown.cancel();
    client.write_all(BODY).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 202 Accepted"), "{answer}");
    server.join_next().await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    assert_eq!(count(&db.pool).await, (1, 1));
}
