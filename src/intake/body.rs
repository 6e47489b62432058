//! Reading a body within bounds: its own size, its time, and the memory all bodies share.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header::CONTENT_LENGTH};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};

use crate::limits::WEBHOOK_BODY_BYTES;

/// Memory for all bodies that are being read or stored: ten of the largest, or thousands of the usual 10 to 30 KB.
const SHARED_BYTES: usize = 10 * WEBHOOK_BODY_BYTES;

/// A permit of the shared memory stands for this much.
const PERMIT_BYTES: usize = 1024;

/// How long a body may wait for memory, and then take to arrive. Together below the ten seconds GitHub waits.
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
    _share: OwnedSemaphorePermit,
}

impl Default for BodyMemory {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(SHARED_BYTES / PERMIT_BYTES)))
    }
}

impl BodyMemory {
    /// Reads a body of at most [`WEBHOOK_BODY_BYTES`]. One that does not tell its length counts as the largest.
    pub(super) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<HeldBody, BodyFault> {
        let told: Option<usize> =
            headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()).and_then(|text| text.parse().ok());
        let most = told.unwrap_or(WEBHOOK_BODY_BYTES);
        if most > WEBHOOK_BODY_BYTES {
            return Err(BodyFault::TooLarge);
        }
        let permits = u32::try_from(most.div_ceil(PERMIT_BYTES)).map_err(|_| BodyFault::TooLarge)?;
        let share = time::timeout(MEMORY_DEADLINE, Arc::clone(&self.0).acquire_many_owned(permits)).await;
        let Ok(Ok(share)) = share else { return Err(BodyFault::NoMemory) };
        let collected = time::timeout(READ_DEADLINE, Limited::new(body, WEBHOOK_BODY_BYTES).collect()).await;
        match collected {
            Ok(Ok(collected)) => Ok(HeldBody { bytes: collected.to_bytes(), _share: share }),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyFault::TooLarge),
            Ok(Err(_)) | Err(_) => Err(BodyFault::Incomplete),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    async fn bodies_that_fill_the_memory_keep_others_out_until_they_are_dropped() {
        let memory = BodyMemory::default();
        let (large, small) = (HeaderMap::new(), HeaderMap::from_iter([(CONTENT_LENGTH, 1.into())]));
        let mut held = Vec::new();
        for _ in 0..SHARED_BYTES / WEBHOOK_BODY_BYTES {
            held.push(memory.read(&large, Body::empty()).await.unwrap());
        }
        assert_eq!(memory.read(&small, Body::empty()).await.err(), Some(BodyFault::NoMemory));
        held.pop();
        assert!(memory.read(&small, Body::empty()).await.is_ok());
    }
}
