//! The log: JSON for machines or text for people, on standard error.
//!
//! Fields have one name everywhere: `delivery`, `run`, `job`, `kind`, `repo`. They come from spans, so every line of a
//! job carries them.

use std::io::IsTerminal as _;

use clap::ValueEnum;
use tracing_subscriber::{EnvFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// How log lines look.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Format {
    Pretty,
    Json,
}

/// Filter used when `RUST_LOG` is unset.
const DEFAULT_FILTER: &str = "info,sqlx::postgres::notice=warn";

/// Installs the log for the process.
pub fn install(format: Format) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT_FILTER));
    let registry = tracing_subscriber::registry().with(filter);
    let layer =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let installed = match format {
        Format::Pretty => registry.with(layer.compact()).try_init(),
        Format::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
    drop(installed);
}
