//! One runner's stream: many requests at once over one pair of pipes.

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::mpsc,
    task::JoinSet,
    time::timeout,
};
use wiz_runner::{
    frame::{self, Decoder},
    protocol::{Reply, Request, Tagged},
};

use super::SandboxError;

/// Replies of one request that may wait to be taken; only an export has more than one.
const WAITING_REPLIES: usize = 16;

/// Longest time to hand a request to the engine; a runner that reads nothing is dead.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);

/// Where a runner's bytes come from and go to.
pub struct Pipes {
    /// The runner's standard output.
    pub output: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>,
    /// The runner's standard input.
    pub input: Input,
}

type Input = Pin<Box<dyn AsyncWrite + Send>>;
type Answer = (Reply, Vec<u8>);
type WaitingMap = HashMap<u64, mpsc::Sender<Answer>>;
/// `None` once the runner's output has ended: nobody may begin to wait then.
type Waiting = Arc<Mutex<Option<WaitingMap>>>;
/// `None` once a frame was written only in part, because its sender gave up: what followed would make no sense.
type SharedInput = Arc<tokio::sync::Mutex<Option<Input>>>;

/// Why a request got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamError {
    /// The runner has ended, or spoke what is no frame.
    Lost,
    /// No answer came in time.
    Timeout,
    /// The request is too large for a frame.
    TooLarge(String),
}

impl StreamError {
    /// The error for a caller who was `doing` this and cannot try again.
    pub fn into_error(self, doing: &'static str) -> SandboxError {
        match self {
            Self::Lost => SandboxError::BoxDied { reason: format!("its runner ended while it was to {doing}") },
            Self::Timeout => SandboxError::Timeout { doing },
            Self::TooLarge(what) => SandboxError::TooLarge { what },
        }
    }
}

/// A runner that listens. Dropping it ends the runner.
pub struct RunnerStream {
    next_id: AtomicU64,
    input: SharedInput,
    waiting: Waiting,
    stops: mpsc::UnboundedSender<u64>,
    /// Held for its drop, which ends the two tasks.
    _tasks: JoinSet<()>,
}

impl RunnerStream {
    /// Takes over the pipes of a runner that has just been started.
    pub fn new(pipes: Pipes) -> Self {
        let waiting: Waiting = Arc::new(Mutex::new(Some(WaitingMap::new())));
        let input = Arc::new(tokio::sync::Mutex::new(Some(pipes.input)));
        let (stops, stop_ids) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(hand_out(pipes.output, Arc::clone(&waiting)));
        tasks.spawn(send_stops(stop_ids, Arc::clone(&input)));
        // Ids name files in the box, so a runner started later must not begin again at 1.
        let start = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
        let next_id = AtomicU64::new(u64::try_from(start).unwrap_or(0));
        Self { next_id, input, waiting, stops, _tasks: tasks }
    }

    /// Sends a request and gives back what its replies will come through.
    pub async fn ask(&self, request: Request, body: &[u8]) -> Result<Replies<'_>, StreamError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let stop_when_dropped = matches!(request, Request::Run(_));
        let bytes = frame::encode(&Tagged { id, what: request }, body)
            .map_err(|error| StreamError::TooLarge(error.to_string()))?;
        let (sender, receiver) = mpsc::channel(WAITING_REPLIES);
        lock(&self.waiting).as_mut().ok_or(StreamError::Lost)?.insert(id, sender);
        let replies = Replies { stream: self, id, receiver, stop_when_dropped };
        let sent = timeout(SEND_TIMEOUT, write(&self.input, &bytes)).await;
        match sent {
            Ok(Ok(())) => Ok(replies),
            Ok(Err(_)) => Err(StreamError::Lost),
            Err(_) => Err(StreamError::Timeout),
        }
    }

    /// Sends a request and waits for its one reply. A fault of the runner is a reply here.
    pub async fn answer(&self, request: Request, body: &[u8], wait: Duration) -> Result<Answer, StreamError> {
        self.ask(request, body).await?.next(wait).await
    }

    /// Like [`RunnerStream::answer`] for callers who cannot try again: every failure is an error.
    pub async fn demand(
        &self,
        request: Request,
        body: &[u8],
        wait: Duration,
        doing: &'static str,
    ) -> Result<Answer, SandboxError> {
        match self.answer(request, body, wait).await.map_err(|error| error.into_error(doing))? {
            (Reply::Failed(fault), _) => Err(fault.into()),
            answer => Ok(answer),
        }
    }
}

/// The replies of one request.
pub struct Replies<'a> {
    stream: &'a RunnerStream,
    id: u64,
    receiver: mpsc::Receiver<Answer>,
    stop_when_dropped: bool,
}

impl Replies<'_> {
    /// The next reply.
    pub async fn next(&mut self, wait: Duration) -> Result<Answer, StreamError> {
        match timeout(wait, self.receiver.recv()).await {
            Ok(Some(answer)) => {
                self.stop_when_dropped = false;
                Ok(answer)
            }
            Ok(None) => Err(StreamError::Lost),
            Err(_) => Err(StreamError::Timeout),
        }
    }
}

impl Drop for Replies<'_> {
    fn drop(&mut self) {
        if let Some(waiting) = lock(&self.stream.waiting).as_mut() {
            waiting.remove(&self.id);
        }
        if self.stop_when_dropped {
            // A closed channel means that the runner is gone, and the command with it.
            self.stream.stops.send(self.id).ok();
        }
    }
}

/// Takes frames from the runner and hands each to whoever waits for its id, until the stream ends or makes no sense.
async fn hand_out(mut output: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>, waiting: Waiting) {
    let mut decoder = Decoder::default();
    'stream: while let Some(Ok(bytes)) = output.next().await {
        decoder.push(&bytes);
        loop {
            let frame = match decoder.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%error, "a runner's stream makes no sense");
                    break 'stream;
                }
            };
            let Ok(Tagged { id, what }) = frame.header::<Tagged<Reply>>() else {
                tracing::warn!("a runner's reply makes no sense");
                break 'stream;
            };
            let sender = lock(&waiting).as_ref().and_then(|waiting| waiting.get(&id).cloned());
            if let Some(sender) = sender {
                // Nobody waits any more: the reply is of no use.
                sender.send((what, frame.body)).await.ok();
            }
        }
    }
    // Dropping the senders tells everybody who waits that the runner is gone.
    lock(&waiting).take();
}

/// Ends commands whose callers have gone away.
async fn send_stops(mut ids: mpsc::UnboundedReceiver<u64>, input: SharedInput) {
    while let Some(target) = ids.recv().await {
        let Ok(bytes) = frame::encode(&Tagged { id: 0, what: Request::Stop { target } }, &[]) else { continue };
        if !matches!(timeout(SEND_TIMEOUT, write(&input, &bytes)).await, Ok(Ok(()))) {
            return;
        }
    }
}

async fn write(input: &tokio::sync::Mutex<Option<Input>>, bytes: &[u8]) -> io::Result<()> {
    let mut shared = input.lock().await;
    let mut input = shared.take().ok_or(io::ErrorKind::BrokenPipe)?;
    input.write_all(bytes).await?;
    input.flush().await?;
    *shared = Some(input);
    Ok(())
}

fn lock(waiting: &Waiting) -> std::sync::MutexGuard<'_, Option<WaitingMap>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The error for a reply that does not answer the request.
pub fn strange_reply(reply: &Reply) -> SandboxError {
    if let Reply::Failed(fault) = reply {
        return fault.clone().into();
    }
    let kind: String = format!("{reply:?}").chars().take(80).collect();
    SandboxError::Runner { what: format!("it gave a reply of another kind: {kind}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A runner that answers each request after the next one has come, so that replies arrive out of order.
    async fn swapping_runner(wire: tokio::io::DuplexStream) {
        use tokio::io::AsyncReadExt as _;
        let (mut read, mut write) = tokio::io::split(wire);
        let (mut decoder, mut held) = (Decoder::default(), None);
        let mut buffer = [0; 1024];
        while let Ok(count @ 1..) = read.read(&mut buffer).await {
            decoder.push(&buffer[..count]);
            while let Some(frame) = decoder.next_frame().unwrap() {
                let id = frame.header::<Tagged<Request>>().unwrap().id;
                let reply = frame::encode(&Tagged { id, what: Reply::Pong }, &frame.body).unwrap();
                match held.take() {
                    None => held = Some(reply),
                    Some(first) => {
                        write.write_all(&reply).await.unwrap();
                        write.write_all(&first).await.unwrap();
                    }
                }
            }
        }
    }

    fn stream_to(wire: tokio::io::DuplexStream) -> RunnerStream {
        let (read, write) = tokio::io::split(wire);
        let output = tokio_util::io::ReaderStream::new(read);
        RunnerStream::new(Pipes { output: Box::pin(output), input: Box::pin(write) })
    }

    #[tokio::test]
    async fn replies_find_their_requests_and_the_end_is_told_to_all() {
        let (ours, theirs) = tokio::io::duplex(4096);
        let mut tasks = JoinSet::new();
        tasks.spawn(swapping_runner(theirs));
        let stream = stream_to(ours);
        let wait = Duration::from_secs(5);
        let (one, two) =
            tokio::join!(stream.answer(Request::Ping, b"one", wait), stream.answer(Request::Ping, b"two", wait));
        assert_eq!(one, Ok((Reply::Pong, b"one".to_vec())));
        assert_eq!(two, Ok((Reply::Pong, b"two".to_vec())));
        let alone = stream.answer(Request::Ping, b"", wait);
        tasks.abort_all();
        assert_eq!(alone.await, Err(StreamError::Lost));
    }

    #[tokio::test]
    async fn noise_from_the_runner_ends_the_stream() {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let stream = stream_to(ours);
        theirs.write_all(b"exit code: 0\nexit code: 0\n").await.unwrap();
        assert_eq!(stream.answer(Request::Ping, b"", Duration::from_secs(5)).await, Err(StreamError::Lost));
    }
}
