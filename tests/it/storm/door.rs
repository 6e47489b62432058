//! The door between GitHub and wiz: it holds back what GitHub delivers until the test lets it through, in its own order and
//! to as many processes as there are.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use futures::{StreamExt as _, stream};
use github_stand_in::store::Delivery;
use http::{HeaderMap, StatusCode};
use tokio::{net::TcpListener, task::JoinSet};
use wiz_demo::http_client;

use super::PATIENCE;

/// Deliveries on their way at the same time: as many as GitHub might have, and so few that they stay in order by and large.
const AT_ONCE: usize = 16;
const AT_ONCE_IN_ORDER: usize = 4;

/// One of so many live deliveries comes twice.
const TWICE_ONE_IN: usize = 7;

/// One delivery as it goes over the wire.
#[derive(Debug, Clone)]
pub struct Sent {
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Sent {
    pub fn of(delivery: &Delivery) -> Self {
        let headers = delivery.request_headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Self { headers, body: delivery.payload.to_string().into_bytes() }
    }

    /// The same body as another event of another id. The signature is over the body, so it holds.
    pub fn renamed(&self, event: &str) -> Self {
        let mut other = self.clone();
        for (name, value) in &mut other.headers {
            match name.as_str() {
                "X-GitHub-Event" => event.clone_into(value),
                "X-GitHub-Delivery" => *value = uuid::Uuid::new_v4().to_string(),
                _ => {}
            }
        }
        other
    }

    pub fn guid(&self) -> &str {
        let (_, guid) = self.headers.iter().find(|(name, _)| name == "X-GitHub-Delivery").unwrap();
        guid
    }
}

struct Passage {
    client: reqwest::Client,
    /// The processes behind the door, once it is open.
    behind: Mutex<Vec<String>>,
    passed: AtomicUsize,
}

/// The door. Closed when dropped.
pub struct Door {
    pub url: String,
    passage: Arc<Passage>,
    _server: JoinSet<()>,
}

impl Door {
    /// A door that is shut: GitHub's deliveries are answered and go no further.
    pub async fn shut() -> Self {
        let passage = Arc::new(Passage {
            client: http_client(PATIENCE).unwrap(),
            behind: Mutex::default(),
            passed: AtomicUsize::new(0),
        });
        let router = Router::new().route("/", post(pass)).with_state(Arc::clone(&passage));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, passage, _server: server }
    }

    /// Lets everything through from now on, to these processes in turn.
    pub fn open(&self, processes: &[String]) {
        *self.passage.behind.lock().unwrap() =
            processes.iter().map(|process| format!("{process}/webhooks/github")).collect();
    }

    /// Brings what was held back, in this order and so many at a time. Every one must be accepted.
    pub async fn bring(&self, deliveries: &[Sent], in_order: bool) {
        let behind = self.passage.behind.lock().unwrap().clone();
        let one = async |(at, sent): (usize, &Sent)| {
            let status = self.passage.hand_over(&behind[at % behind.len()], &sent.headers, sent.body.clone()).await;
            assert!(status.is_success(), "{status}");
        };
        let at_once = if in_order { AT_ONCE_IN_ORDER } else { AT_ONCE };
        stream::iter(deliveries.iter().enumerate()).for_each_concurrent(at_once, one).await;
    }
}

impl Passage {
    async fn hand_over(&self, to: &str, headers: &[(String, String)], body: Vec<u8>) -> StatusCode {
        let mut request = self.client.post(to).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.send().await.unwrap().status()
    }
}

/// What GitHub delivers while the door is open: each process gets its share, and some of it comes twice.
async fn pass(State(passage): State<Arc<Passage>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let behind = passage.behind.lock().unwrap().clone();
    if behind.is_empty() {
        return StatusCode::ACCEPTED;
    }
    let headers: Vec<(String, String)> = headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("x-") || name.as_str() == "content-type")
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let count = passage.passed.fetch_add(1, Ordering::Relaxed);
    if behind.len() > 1 && count % TWICE_ONE_IN == 0 {
        passage.hand_over(&behind[(count + 1) % behind.len()], &headers, body.to_vec()).await;
    }
    passage.hand_over(&behind[count % behind.len()], &headers, body.to_vec()).await
}
