//! Reading a body within bounds: its own size, its time, and the memory all bodies share.
//!
//! A body has its share of the memory as it arrives, not as it announces itself: nothing is known yet of who sends it,
//! and a stranger that says much and sends little must not keep GitHub out.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header::CONTENT_LENGTH};
use http_body_util::BodyExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};

use crate::limits::WEBHOOK_BODY_BYTES;

/// Memory for all bodies that are being read or stored: ten of the largest, or thousands of the usual 10 to 30 KB.
const SHARED_BYTES: usize = 10 * WEBHOOK_BODY_BYTES;

/// A permit of the shared memory stands for this much.
const PERMIT_BYTES: usize = 1024;

/// Room made at once for a body that announces itself; more only for what has come.
const USUAL_BYTES: usize = 32 * 1024;

/// How long a body may wait for more memory, and how long it may take as a whole. Below the ten seconds GitHub waits.
const MEMORY_DEADLINE: Duration = Duration::from_secs(2);
const READ_DEADLINE: Duration = Duration::from_secs(6);

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFault {
    TooLarge,
    /// Too many bodies at once.
    NoMemory,
    /// It came too slowly, or its connection broke.
    Incomplete,
}

/// The memory that bodies share.
#[derive(Debug, Clone)]
pub(super) struct BodyMemory(Arc<Semaphore>);

/// A body and its share of the memory.
pub(super) struct HeldBody {
    pub(super) bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

impl Default for BodyMemory {
    fn default() -> Self {
        Self::of(SHARED_BYTES)
    }
}

impl BodyMemory {
    fn of(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / PERMIT_BYTES)))
    }

    /// Reads a body of at most [`WEBHOOK_BODY_BYTES`].
    pub(super) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<HeldBody, BodyFault> {
        let told: Option<usize> =
            headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()).and_then(|text| text.parse().ok());
        if told.is_some_and(|told| told > WEBHOOK_BODY_BYTES) {
            return Err(BodyFault::TooLarge);
        }
        time::timeout(READ_DEADLINE, self.collect(body, told)).await.unwrap_or(Err(BodyFault::Incomplete))
    }

    async fn collect(&self, mut body: Body, told: Option<usize>) -> Result<HeldBody, BodyFault> {
        let usual = told.unwrap_or_default().min(USUAL_BYTES);
        let (mut bytes, mut share) = (BytesMut::with_capacity(usual), None);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| BodyFault::Incomplete)?.into_data() else { continue };
            let length = bytes.len() + data.len();
            if length > WEBHOOK_BODY_BYTES {
                return Err(BodyFault::TooLarge);
            }
            self.grow(&mut share, length).await?;
            // Copied: a frame of one byte may keep a whole read buffer alive.
            bytes.extend_from_slice(&data);
        }
        Ok(HeldBody { bytes: bytes.freeze(), _share: share })
    }

    /// Makes the share large enough for so many bytes.
    async fn grow(&self, share: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> Result<(), BodyFault> {
        let held = share.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = bytes.div_ceil(PERMIT_BYTES).saturating_sub(held);
        if missing == 0 {
            return Ok(());
        }
        let permits = u32::try_from(missing).map_err(|_| BodyFault::TooLarge)?;
        let more = time::timeout(MEMORY_DEADLINE, Arc::clone(&self.0).acquire_many_owned(permits)).await;
        let Ok(Ok(more)) = more else { return Err(BodyFault::NoMemory) };
        match share {
            Some(share) => share.merge(more),
            None => *share = Some(more),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures::{StreamExt, stream};
    use tokio::task::{JoinSet, yield_now};

    use super::*;

    /// A body that sends this much and then nothing, nor its end.
    fn stalled(bytes: usize) -> Body {
        let sent = stream::iter([Ok::<_, std::io::Error>(vec![0; bytes])]);
        Body::from_stream(sent.chain(stream::pending()))
    }

    /// Starts reading bodies and waits until they hold so much of the memory.
    async fn read_until_held(memory: &BodyMemory, bodies: Vec<Body>, held_bytes: usize) -> JoinSet<()> {
        let before = memory.0.available_permits();
        let mut readers = JoinSet::new();
        for body in bodies {
            let memory = memory.clone();
            let told = HeaderMap::from_iter([(CONTENT_LENGTH, WEBHOOK_BODY_BYTES.into())]);
            readers.spawn(async move {
                assert!(memory.read(&told, body).await.is_err());
            });
        }
        while before - memory.0.available_permits() < held_bytes / PERMIT_BYTES {
            yield_now().await;
        }
        readers
    }

    #[tokio::test]
    async fn the_largest_body_is_read_and_one_byte_more_is_not() {
        let memory = BodyMemory::default();
        let headers = HeaderMap::new();
        let largest = memory.read(&headers, Body::from(vec![0; WEBHOOK_BODY_BYTES])).await.unwrap();
        assert_eq!(largest.bytes.len(), WEBHOOK_BODY_BYTES);
        let larger = memory.read(&headers, Body::from(vec![0; WEBHOOK_BODY_BYTES + 1])).await;
        assert_eq!(larger.err(), Some(BodyFault::TooLarge));
    }

    #[tokio::test]
    async fn a_body_in_pieces_is_put_together_and_holds_what_it_weighs() {
        let memory = BodyMemory::of(64 * PERMIT_BYTES);
        let pieces = stream::iter((0..5_u8).map(|n| Ok::<_, std::io::Error>(vec![n; 1000])));
        let held = memory.read(&HeaderMap::new(), Body::from_stream(pieces)).await.unwrap();
        let expected: Vec<u8> = (0..5_u8).flat_map(|n| vec![n; 1000]).collect();
        assert_eq!(held.bytes, expected);
        assert_eq!(memory.0.available_permits(), 64 - 5);
        drop(held);
        assert_eq!(memory.0.available_permits(), 64);
        assert_eq!(memory.read(&HeaderMap::new(), Body::empty()).await.unwrap().bytes, Bytes::new());
    }

    #[tokio::test]
    async fn slow_strangers_hold_what_they_have_sent_and_not_what_they_announce() {
        let memory = BodyMemory::of(2 * WEBHOOK_BODY_BYTES);
        let strangers = (0..200).map(|_| stalled(1)).collect();
        let readers = read_until_held(&memory, strangers, 200 * PERMIT_BYTES).await;
        let large = memory.read(&HeaderMap::new(), Body::from(vec![0; WEBHOOK_BODY_BYTES])).await;
        assert_eq!(large.unwrap().bytes.len(), WEBHOOK_BODY_BYTES);
        drop(readers);
    }

    #[tokio::test]
    async fn bodies_that_fill_the_memory_keep_others_out_until_they_are_dropped() {
        let memory = BodyMemory::of(16 * PERMIT_BYTES);
        let whole = memory.read(&HeaderMap::new(), Body::from(vec![0; 8 * PERMIT_BYTES])).await.unwrap();
        let readers = read_until_held(&memory, vec![stalled(8 * PERMIT_BYTES)], 8 * PERMIT_BYTES).await;
        let one_more = async || memory.read(&HeaderMap::new(), Body::from(vec![0])).await;
        assert_eq!(one_more().await.err(), Some(BodyFault::NoMemory));
        drop(whole);
        assert!(one_more().await.is_ok());
        drop(readers);
    }
}
