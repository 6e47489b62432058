//! The one program that wiz puts into a box. Static, so that it needs nothing in the image but a kernel.
//!
//! `wiz-runner keep <seconds>` is the box's first process: it reaps what others leave and ends, and the box with it,
//! when the box's time is over, even if wiz is gone. `wiz-runner serve` answers requests on its standard input
//! ([`serve`]): it runs commands ([`run`]), reads and changes files ([`files`], [`workspace`]), tells what it sees of
//! the walls ([`look`]) and exports changed files ([`export`], [`ignored`]).
//!
//! Commands run under the runner's own uid. They can kill it, which wiz notices; they must never be able to speak in
//! its name, so the process is not dumpable and its file not readable: nobody in the box can open its streams.

mod export;
mod files;
mod ignored;
mod keep;
mod look;
mod processes;
mod run;
mod serve;
mod spool;
mod workspace;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result =
        nix::sys::prctl::set_dumpable(false).map_err(std::io::Error::from).and_then(|()| match arguments[..] {
            ["keep", seconds] => keep::keep(seconds),
            ["serve"] => serve::serve(),
            _ => Err(std::io::Error::other("usage: wiz-runner keep <seconds> | wiz-runner serve")),
        });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            // Standard error is all there is to complain to; if it is closed, the exit code must do.
            drop(writeln!(std::io::stderr(), "wiz-runner: {error}"));
            ExitCode::FAILURE
        }
    }
}
