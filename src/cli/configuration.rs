//! `wiz config check FILE` and `wiz config schema`: policy files without a server.

use std::{
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Subcommand, ValueEnum};

use crate::policy::{self, Layer, PolicyFault};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say what is wrong with a policy file, line by line; exit code 1 if anything is.
    Check {
        /// The file; `-` for standard input.
        file: PathBuf,
        /// Whose file it is to be.
        #[arg(long, value_enum, default_value_t = Place::Repository)]
        layer: Place,
    },
    /// Print the JSON Schema of policy files, for editors.
    Schema,
}

/// Where a policy file may lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Place {
    /// `.github/wiz.yml` of a repository.
    Repository,
    /// `wiz.yml` in an account's repository `.github`.
    Organisation,
    /// The file that `WIZ_POLICY_FILE` names.
    Server,
}

impl From<Place> for Layer {
    fn from(place: Place) -> Self {
        match place {
            Place::Repository => Self::Repository,
            Place::Organisation => Self::Organisation,
            Place::Server => Self::Server,
        }
    }
}

pub(super) fn configuration(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check { file, layer } => check(file, (*layer).into()),
        Command::Schema => {
            write!(std::io::stdout(), "{}", policy::schema())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn check(file: &Path, layer: Layer) -> anyhow::Result<ExitCode> {
    let text = read(file)?;
    let mut out = std::io::stdout();
    match policy::parse_layer(layer, &text) {
        Ok(_) => {
            writeln!(out, "{}: no mistakes", file.display())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(faults) => {
            write!(out, "{}", listed(file, &faults))?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Most bytes read; a longer file is refused by its size anyway.
const READ_BYTES: u64 = 1024 * 1024;

pub(super) fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    let source: Box<dyn std::io::Read> = if file == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(file).with_context(|| format!("cannot open {}", file.display()))?)
    };
    source.take(READ_BYTES).read_to_end(&mut text).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text)
}

/// One line for each mistake, as compilers and editors read them.
pub(super) fn listed(file: &Path, faults: &[PolicyFault]) -> String {
    let line = |fault: &PolicyFault| {
        format!("{}:{}: {}\n", file.display(), fault.line.max(1), super::printable(&fault.message))
    };
    faults.iter().map(line).collect()
}
