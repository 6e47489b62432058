//! Stores deliveries that arrive at the same time with one statement and one commit.
//!
//! A commit waits for the disk, so while some are under way the next deliveries gather, and share the next. A lone
//! delivery waits for nobody.

use anyhow::Result;
use futures::future::join_all;
use sqlx::PgPool;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::store::{self, NewDelivery, Stored};

/// Deliveries that may wait for the writer. Each waits in its request, which has a deadline of its own.
const WAITING_DELIVERIES: usize = 1_024;

/// Statements under way at once. A busy database gives each connection the same share, so with only one here accepting
/// would come after the jobs of earlier deliveries.
const STATEMENTS: usize = 4;

/// Most deliveries stored together; more would make the first wait for the last.
const BATCH_DELIVERIES: usize = 64;

/// Most bytes stored together. One statement may not exceed a gigabyte, and a body is at most 25 MiB.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// A delivery whose request waits.
struct Waiting {
    delivery: NewDelivery,
    answer: oneshot::Sender<Result<Stored, NotStored>>,
}

/// The delivery is not in the database; why is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotStored;

/// The requests' end. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Inbox(mpsc::Sender<Waiting>);

/// The database's end.
#[derive(Debug)]
pub struct Writer {
    pool: PgPool,
    waiting: Mutex<mpsc::Receiver<Waiting>>,
}

/// Both ends.
pub(super) fn inbox(pool: PgPool) -> (Inbox, Writer) {
    let (sender, waiting) = mpsc::channel(WAITING_DELIVERIES);
    (Inbox(sender), Writer { pool, waiting: Mutex::new(waiting) })
}

impl Inbox {
    /// Stores a delivery with its job; returns when it is on disk.
    pub(super) async fn store(&self, delivery: NewDelivery) -> Result<Stored, NotStored> {
        let (answer, stored) = oneshot::channel();
        self.0.send(Waiting { delivery, answer }).await.map_err(|_| NotStored)?;
        stored.await.unwrap_or(Err(NotStored))
    }
}

impl Writer {
    /// Writes until every request has been answered and none can come any more.
    pub async fn run(self) -> Result<()> {
        join_all((0..STATEMENTS).map(|_| self.write_in_turn())).await;
        Ok(())
    }

    async fn write_in_turn(&self) {
        loop {
            let mut gathered = Vec::new();
            if self.waiting.lock().await.recv_many(&mut gathered, BATCH_DELIVERIES).await == 0 {
                return;
            }
            while !gathered.is_empty() {
                let batch: Vec<Waiting> = gathered.drain(..together(&gathered)).collect();
                write(&self.pool, batch).await;
            }
        }
    }
}

/// How many of the first deliveries fit into one statement: at least one.
fn together(gathered: &[Waiting]) -> usize {
    let mut bytes = 0;
    let fits = gathered.iter().take_while(|waiting| {
        bytes += waiting.delivery.body.len();
        bytes <= BATCH_BYTES
    });
    fits.count().max(1)
}

async fn write(pool: &PgPool, batch: Vec<Waiting>) {
    let (deliveries, answers): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|waiting| (waiting.delivery, waiting.answer)).unzip();
    let outcomes = match store::store(pool, &deliveries).await {
        Ok(stored) => stored.into_iter().map(Ok).collect(),
        Err(error) => {
            tracing::error!(deliveries = deliveries.len(), "cannot store deliveries: {error:#}");
            vec![Err(NotStored); deliveries.len()]
        }
    };
    for (answer, outcome) in answers.into_iter().zip(outcomes) {
        // A request that was given up has nobody to tell; GitHub sends its delivery again and learns that it is known.
        let _gone = answer.send(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ids::DeliveryId, intake::payload::Encoding};

    fn waiting(bytes: usize) -> Waiting {
        let delivery = NewDelivery {
            id: DeliveryId(uuid::Uuid::nil()),
            event: "push".to_owned(),
            encoding: Encoding::Json,
            body: vec![0; bytes].into(),
            hook_id: None,
            target_type: None,
            target_id: None,
            secret_index: 0,
        };
        Waiting { delivery, answer: oneshot::channel().0 }
    }

    #[test]
    fn large_deliveries_are_written_alone_and_small_ones_together() {
        let of = |sizes: &[usize]| together(&sizes.iter().map(|bytes| waiting(*bytes)).collect::<Vec<_>>());
        assert_eq!(of(&[25 << 20, 1]), 1);
        assert_eq!(of(&[1, 25 << 20]), 1);
        assert_eq!(of(&[4 << 20, 4 << 20, 1]), 2);
        assert_eq!(of(&[14_333; 64]), 64);
    }
}
