//! The tools of a real box.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::tools::{COMMAND_S, MAX_COMMAND_S, ToolReply, Toolbox, bash_spec, edit_spec, read_spec, write_spec};
use crate::{
    limits::TOOL_OUTPUT_CHARS,
    llm::ToolSpec,
    sandbox::{Command, CommandEnd, CommandOutcome, FileText, OpenBox, SandboxError},
};

/// Lines shown when the model asks for no number.
const READ_LINES: u64 = 2_000;
/// Failures of the box itself in a row after which it counts as dead.
const BOX_FAILURES: u32 = 2;

/// What an agent may do with the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoxMode {
    /// No tools that write; commands still may, so the box's files must not be used afterwards.
    ReadOnly,
    Full,
}

/// The tools over one open box.
pub struct BoxToolbox<'a> {
    open_box: &'a OpenBox,
    mode: BoxMode,
    failures: AtomicU32,
}

impl<'a> BoxToolbox<'a> {
    /// Tools for this box.
    pub fn new(open_box: &'a OpenBox, mode: BoxMode) -> Self {
        Self { open_box, mode, failures: AtomicU32::new(0) }
    }

    async fn bash(&self, input: &Bash) -> Result<ToolReply, SandboxError> {
        let timeout_s = input.timeout_s.unwrap_or(COMMAND_S).clamp(1, MAX_COMMAND_S);
        let timeout = Duration::from_secs(timeout_s);
        let command = Command { script: input.command.clone(), timeout, env: Vec::new() };
        Ok(describe_outcome(&self.open_box.run(&command).await?))
    }

    async fn read(&self, input: &Read) -> Result<ToolReply, SandboxError> {
        let offset_lines = input.offset.unwrap_or(1).saturating_sub(1);
        let limit_lines = input.limit.unwrap_or(READ_LINES);
        let text = self.open_box.read(&input.path, Some(offset_lines), Some(limit_lines)).await?;
        Ok(ToolReply::Fine(numbered(&text)))
    }

    async fn edit(&self, input: &Edit) -> Result<ToolReply, SandboxError> {
        let edited = self.open_box.edit(&input.path, &input.old, &input.new, input.replace_all).await?;
        Ok(ToolReply::Fine(format!("replaced {} time(s)", edited.replacements)))
    }

    async fn write(&self, input: &Write) -> Result<ToolReply, SandboxError> {
        self.open_box.write(&input.path, input.content.as_bytes()).await?;
        Ok(ToolReply::Fine(format!("wrote {} bytes", input.content.len())))
    }

    /// What a failure means for the agent: its own mistake, or the end of the box.
    fn failed(&self, error: &SandboxError) -> ToolReply {
        let text = error.to_string();
        match error {
            SandboxError::PathRefused { .. }
            | SandboxError::NotFound { .. }
            | SandboxError::NotText { .. }
            | SandboxError::Edit(_)
            | SandboxError::TooLarge { .. }
            | SandboxError::Exhausted { .. } => {
                self.failures.store(0, Ordering::Relaxed);
                ToolReply::Failed(text)
            }
            SandboxError::Timeout { .. } | SandboxError::Runner { .. } => {
                if self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= BOX_FAILURES {
                    ToolReply::Dead(text)
                } else {
                    ToolReply::Failed(text)
                }
            }
            SandboxError::EngineUnavailable { .. }
            | SandboxError::ImageMissing { .. }
            | SandboxError::RunnerMissing { .. }
            | SandboxError::WallBroken { .. }
            | SandboxError::BadSpec { .. }
            | SandboxError::BoxDied { .. } => ToolReply::Dead(text),
        }
    }
}

#[async_trait]
impl Toolbox for BoxToolbox<'_> {
    fn specs(&self) -> Vec<ToolSpec> {
        match self.mode {
            BoxMode::ReadOnly => vec![bash_spec(), read_spec()],
            BoxMode::Full => vec![bash_spec(), read_spec(), edit_spec(), write_spec()],
        }
    }

    async fn call(&self, name: &str, input: &Value) -> ToolReply {
        let outcome = match name {
            "bash" => match parsed(input) {
                Ok(input) => self.bash(&input).await,
                Err(reply) => return reply,
            },
            "read" => match parsed(input) {
                Ok(input) => self.read(&input).await,
                Err(reply) => return reply,
            },
            "edit" => match parsed(input) {
                Ok(input) => self.edit(&input).await,
                Err(reply) => return reply,
            },
            "write" => match parsed(input) {
                Ok(input) => self.write(&input).await,
                Err(reply) => return reply,
            },
            unknown => return ToolReply::Malformed(format!("there is no tool {unknown:?}")),
        };
        match outcome {
            Ok(reply) => {
                self.failures.store(0, Ordering::Relaxed);
                reply
            }
            Err(error) => self.failed(&error),
        }
    }
}

#[derive(Deserialize)]
struct Bash {
    command: String,
    timeout_s: Option<u64>,
}

#[derive(Deserialize)]
struct Read {
    path: String,
    offset: Option<u64>,
    limit: Option<u64>,
}

#[derive(Deserialize)]
struct Edit {
    path: String,
    old: String,
    new: String,
    #[serde(default)]
    replace_all: bool,
}

#[derive(Deserialize)]
struct Write {
    path: String,
    content: String,
}

fn parsed<T: DeserializeOwned>(input: &Value) -> Result<T, ToolReply> {
    T::deserialize(input).map_err(|error| ToolReply::Malformed(error.to_string()))
}

/// The output, and a last line on how it ended.
fn describe_outcome(outcome: &CommandOutcome) -> ToolReply {
    let seconds = outcome.duration.as_secs_f64();
    let end = match outcome.end {
        CommandEnd::Exited(code) => format!("exit {code}, {seconds:.1} s"),
        CommandEnd::Signalled(signal) => format!("ended by signal {signal}, {seconds:.1} s"),
        CommandEnd::TimedOut => format!("killed after {seconds:.0} s; ask for more with timeout_s, or do less"),
        CommandEnd::Stopped => "stopped".to_owned(),
        CommandEnd::OutOfMemory => "killed: the box ran out of memory".to_owned(),
        CommandEnd::RunnerKilled => {
            "it killed the box's own runner; every process was ended and the output is lost".to_owned()
        }
    };
    let cleared = if outcome.cleared_processes {
        "\n[all background processes were ended before, as there were too many]"
    } else {
        ""
    };
    let output = outcome.output.text(TOOL_OUTPUT_CHARS - 500);
    let separator = if output.is_empty() || output.ends_with('\n') { "" } else { "\n" };
    let text = format!("{output}{separator}[{end}]{cleared}");
    if outcome.end.is_success() { ToolReply::Fine(text) } else { ToolReply::Failed(text) }
}

/// Lines as `cat -n` shows them, and where in the file they are when they are not all of it.
fn numbered(file: &FileText) -> String {
    let mut text = String::with_capacity(file.text.len() + file.text.len() / 8);
    let mut next = file.first_line;
    for line in file.text.lines() {
        text.push_str(&format!("{next}\t{line}\n"));
        next += 1;
    }
    if next == file.first_line {
        return format!("[no lines from {} on; the file has {}]", file.first_line, file.total_lines);
    }
    if file.cut || file.first_line > 1 || next <= file.total_lines {
        text.push_str(&format!("[lines {} to {} of {}]", file.first_line, next - 1, file.total_lines));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Output;

    #[test]
    fn a_command_is_told_with_its_end() {
        let outcome = |end, output: &str| CommandOutcome {
            end,
            output: Output { head: output.as_bytes().to_vec(), ..Output::default() },
            duration: Duration::from_millis(1_234),
            cleared_processes: false,
        };
        let fine = describe_outcome(&outcome(CommandEnd::Exited(0), "ok\n"));
        assert_eq!(fine, ToolReply::Fine("ok\n[exit 0, 1.2 s]".into()));
        let failed = describe_outcome(&outcome(CommandEnd::Exited(1), "no newline"));
        assert_eq!(failed, ToolReply::Failed("no newline\n[exit 1, 1.2 s]".into()));
        let late = describe_outcome(&outcome(CommandEnd::TimedOut, ""));
        assert_eq!(late, ToolReply::Failed("[killed after 1 s; ask for more with timeout_s, or do less]".into()));
    }

    #[test]
    fn lines_are_numbered_from_where_they_are() {
        let file =
            |text: &str, first_line, total_lines| FileText { text: text.into(), first_line, total_lines, cut: false };
        assert_eq!(numbered(&file("a\nb\n", 1, 2)), "1\ta\n2\tb\n");
        assert_eq!(numbered(&file("b\n", 2, 3)), "2\tb\n[lines 2 to 2 of 3]");
        assert_eq!(numbered(&file("", 9, 3)), "[no lines from 9 on; the file has 3]");
    }
}
