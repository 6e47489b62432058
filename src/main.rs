//! The command line. Parsing, logging and exit codes live here; everything else is the library's.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = wiz::cli::Cli::parse();
    wiz::cli::log::install(cli.log_format);
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::warn!("another TLS provider was installed first");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "cannot start the runtime");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(cli.run()) {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
