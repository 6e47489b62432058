//! The one lock around all state, and the bells that ring when it changes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{Notify, watch};

use crate::actions::perform_due;
use crate::rest::{ApiRequest, ApiResponse, serve};
use crate::store::{Outgoing, State};

/// State behind its lock. Work under the lock is short and never waits for the network.
#[derive(Debug)]
pub struct Engine {
    state: Mutex<State>,
    /// Rung when there may be something to deliver.
    pub mail: Notify,
    /// Rung when something scripted may have been planned.
    pub errands: Notify,
    finished: watch::Sender<u64>,
}

impl Engine {
    /// Wraps a state.
    pub fn new(state: State) -> Self {
        Self { state: Mutex::new(state), mail: Notify::new(), errands: Notify::new(), finished: watch::Sender::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on the state, then wakes the dispatcher.
    pub fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let result = work(&mut state);
        let planned = !state.agenda.is_empty();
        drop(state);
        self.mail.notify_one();
        if planned {
            self.errands.notify_one();
        }
        result
    }

    /// Answers a REST request.
    pub fn serve(&self, request: &ApiRequest) -> ApiResponse {
        self.with(|state| serve(state, request))
    }

    /// Deliveries that may go out now. One that is to be overtaken waits until enough others have been taken.
    pub fn take_mail(&self) -> Vec<Outgoing> {
        let mut state = self.lock();
        let mut ready: Vec<Outgoing> = Vec::new();
        let mut held: Vec<Outgoing> = Vec::new();
        for outgoing in std::mem::take(&mut state.outbox) {
            if outgoing.after > 0 {
                held.push(outgoing);
                continue;
            }
            ready.push(outgoing);
            for waiting in &mut held {
                waiting.after -= 1;
            }
            let (overtaken, still) = held.into_iter().partition(|waiting| waiting.after == 0);
            ready.extend::<Vec<_>>(overtaken);
            held = still;
        }
        state.outbox.extend(held);
        state.in_flight += ready.len();
        ready
    }

    /// Notes that a delivery is over.
    pub fn delivered(&self, record: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        record(&mut state);
        state.in_flight -= 1;
        drop(state);
        self.finished.send_modify(|count| *count += 1);
    }

    /// Does every scripted thing that is due, and tells when the next one is.
    pub fn perform_errands(&self) -> Option<Instant> {
        let next = perform_due(&mut self.lock());
        self.mail.notify_one();
        self.finished.send_modify(|count| *count += 1);
        next
    }

    /// Is nothing under way, apart from deliveries held back on purpose and stages that wait for a hand?
    pub fn settled(&self) -> bool {
        let state = self.lock();
        state.agenda.iter().all(|planned| planned.due.is_none())
            && state.in_flight == 0
            && state.outbox.iter().all(|outgoing| outgoing.after > 0)
    }

    /// Changes whenever a delivery is over.
    pub fn finished(&self) -> watch::Receiver<u64> {
        self.finished.subscribe()
    }
}
