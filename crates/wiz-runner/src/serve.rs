//! Reads requests from standard input, does each on a thread of its own, and writes replies to standard output.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use wiz_runner::{
    frame::{self, Decoder, Frame},
    protocol::{Fault, Reply, Request, Tagged},
};

use crate::{export, files, look, processes, run};

/// Most requests at work at once; a command whose background process holds its pipe counts too.
const MAX_IN_FLIGHT: usize = 64;

/// Answers requests until standard input ends.
pub fn serve() -> io::Result<()> {
    let shared = Arc::new(Shared::default());
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; 256 * 1024];
    let mut stdin = io::stdin().lock();
    loop {
        let read = stdin.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        decoder.push(buffer.get(..read).unwrap_or_default());
        while let Some(frame) = decoder.next_frame().map_err(io::Error::other)? {
            take(&shared, frame)?;
        }
    }
}

/// What the threads of one runner share.
#[derive(Default)]
struct Shared {
    /// Held while one frame is written, so that frames never mix.
    output: Mutex<()>,
    /// The stop flags of requests at work.
    in_flight: Mutex<HashMap<u64, Arc<AtomicBool>>>,
}

impl Shared {
    fn reply(&self, id: u64, reply: Reply, body: &[u8]) -> io::Result<()> {
        let bytes = frame::encode(&Tagged { id, what: reply }, body).map_err(io::Error::other)?;
        let _turn = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stdout = io::stdout().lock();
        stdout.write_all(&bytes)?;
        stdout.flush()
    }

    fn begin(&self, id: u64) -> Option<Arc<AtomicBool>> {
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        if in_flight.len() >= MAX_IN_FLIGHT {
            return None;
        }
        let stop = Arc::new(AtomicBool::new(false));
        in_flight.insert(id, Arc::clone(&stop));
        Some(stop)
    }

    fn end(&self, id: u64) {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    fn stop(&self, id: u64) {
        if let Some(stop) = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner).get(&id) {
            stop.store(true, Ordering::Relaxed);
        }
    }
}

/// Starts the work of one request. What must work in a box without a free process is done here, on no new thread.
fn take(shared: &Arc<Shared>, frame: Frame) -> io::Result<()> {
    let Tagged { id, what } = frame.header::<Tagged<Request>>().map_err(io::Error::other)?;
    match what {
        Request::Ping => return shared.reply(id, Reply::Pong, &frame.body),
        Request::KillAll => return shared.reply(id, Reply::Killed { left: processes::kill_all() }, &[]),
        Request::Stop { target } => {
            shared.stop(target);
            return shared.reply(id, Reply::Done, &[]);
        }
        Request::Look
        | Request::Run(_)
        | Request::Read { .. }
        | Request::Write { .. }
        | Request::Edit { .. }
        | Request::Load { .. }
        | Request::KeepManifest
        | Request::GiveManifest
        | Request::Export { .. } => {}
    }
    let Some(stop) = shared.begin(id) else {
        return shared.reply(id, Reply::Failed(Fault::Exhausted { what: "requests in flight".into() }), &[]);
    };
    let work = Arc::new(Work { id, request: what, body: frame.body, stop });
    let start = |cleared_processes| {
        let (shared, work) = (Arc::clone(shared), Arc::clone(&work));
        thread::Builder::new().spawn(move || {
            // A reply that cannot be written means that wiz is gone, and the end of the input follows.
            drop(answer(&shared, &work, cleared_processes));
            shared.end(work.id);
        })
    };
    let started = start(false).or_else(|_| {
        processes::kill_all();
        start(true)
    });
    if let Err(error) = started {
        shared.end(id);
        return shared.reply(id, Reply::Failed(Fault::Exhausted { what: format!("processes ({error})") }), &[]);
    }
    Ok(())
}

/// A request at work.
struct Work {
    id: u64,
    request: Request,
    body: Vec<u8>,
    stop: Arc<AtomicBool>,
}

fn answer(shared: &Shared, work: &Work, cleared_processes: bool) -> io::Result<()> {
    let Work { id, request, body, stop } = work;
    let id = *id;
    let done = |result: Result<(), Fault>| match result {
        Ok(()) => shared.reply(id, Reply::Done, &[]),
        Err(fault) => shared.reply(id, Reply::Failed(fault), &[]),
    };
    match request {
        Request::Ping | Request::KillAll | Request::Stop { .. } => done(Ok(())),
        Request::Look => shared.reply(id, Reply::Looked(look::look()), &[]),
        Request::Run(request) => match run::run(id, request, stop) {
            Ok(mut finished) => {
                finished.ran.cleared_processes |= cleared_processes;
                shared.reply(id, Reply::Ran(finished.ran), &finished.output)?;
                if let Some(lingering) = finished.lingering {
                    run::drain(lingering);
                }
                Ok(())
            }
            Err(fault) => done(Err(fault)),
        },
        Request::Read { path, offset_lines, limit_lines } => match files::read(path, *offset_lines, *limit_lines) {
            Ok((reply, text)) => shared.reply(id, reply, text.as_bytes()),
            Err(fault) => done(Err(fault)),
        },
        Request::Write { path } => done(files::write(path, body)),
        Request::Edit { path, old_bytes, replace_all } => match files::edit(path, body, *old_bytes, *replace_all) {
            Ok(replacements) => shared.reply(id, Reply::Edited { replacements }, &[]),
            Err(fault) => done(Err(fault)),
        },
        Request::Load { files } => done(files::load(files, body)),
        Request::KeepManifest => done(files::keep_manifest(body)),
        Request::GiveManifest => match files::give_manifest() {
            Ok(bytes) => shared.reply(id, Reply::Manifest, &bytes),
            Err(fault) => done(Err(fault)),
        },
        Request::Export { limits } => {
            let send = |record: &wiz_runner::protocol::Record| {
                shared.reply(id, Reply::Record(record.header()), &record.content)
            };
            match export::export(body, limits, &send) {
                Ok(records) => shared.reply(id, Reply::Exported { records }, &[]),
                Err(fault) => done(Err(fault)),
            }
        }
    }
}
