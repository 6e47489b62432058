//! What a story took: time by stage, tokens, money, boxes. Printed at the end of the demo.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Result;

use crate::{Activity, Ending, Mark, World, store::ModelUse};

/// The figures of one story.
#[derive(Debug, Clone)]
pub struct Summary {
    /// What people waited for, from their side.
    pub waits: Vec<(&'static str, Duration)>,
    /// How long the run stayed in each state, by wiz's own record.
    pub stages: Vec<(String, Duration)>,
    pub models: ModelUse,
    pub engine: Activity,
    /// Requests to GitHub.
    pub calls_to_github: i64,
}

/// The waits people feel.
const WAITS: [(&str, Mark, Mark); 7] = [
    ("/wiz fix → 👀", Mark::Asked, Mark::Seen),
    ("/wiz fix → status comment", Mark::Asked, Mark::StatusShown),
    ("/wiz fix → plan", Mark::Asked, Mark::Planned),
    ("/wiz approve → pull request", Mark::Approved, Mark::PullRequestOpened),
    ("failing check → mended", Mark::CiFailed, Mark::CiMended),
    ("line comment → answered", Mark::Objected, Mark::Answered),
    ("merge → issue closed, all done", Mark::Merged, Mark::Done),
];

impl Summary {
    /// Gathers the figures after a story.
    pub async fn of(world: &World, ending: &Ending) -> Result<Self> {
        let store = world.store().await?;
        let told = |mark| ending.moments.iter().any(|moment| moment.mark == mark);
        let waits = WAITS.iter().filter(|(_, from, to)| told(*from) && told(*to));
        let waits = waits.map(|(name, from, to)| Ok((*name, ending.between(*from, *to)?)));
        Ok(Self {
            waits: waits.collect::<Result<_>>()?,
            stages: store.stage_times().await?,
            models: store.model_use().await?,
            engine: world.engine_activity()?,
            calls_to_github: store.calls_to_github().await?.iter().map(|(_, calls)| calls).sum(),
        })
    }

    /// As a table for a terminal.
    pub fn text(&self) -> String {
        let mut text = String::from("What people waited for\n");
        for (name, wait) in &self.waits {
            row(&mut text, name, &seconds(*wait));
        }
        text.push_str("\nTime by stage\n");
        for (name, stay) in &self.stages {
            row(&mut text, name, &seconds(*stay));
        }
        let ModelUse { calls, input_tokens, output_tokens, micro_dollars, duration_ms } = self.models;
        text.push_str("\nWhat it took\n");
        row(&mut text, "model calls", &format!("{calls}, {:.1} s in all", as_f64(duration_ms) / 1000.0));
        row(&mut text, "tokens", &format!("{input_tokens} in, {output_tokens} out"));
        row(&mut text, "price of the tokens", &format!("${:.4}", as_f64(micro_dollars) / 1e6));
        row(&mut text, "calls to GitHub", &self.calls_to_github.to_string());
        row(&mut text, "boxes", &self.engine.boxes.to_string());
        let egress = match self.engine.connected {
            0 => "none: no box had a network".to_owned(),
            some => format!("{some} boxes were on a network"),
        };
        row(&mut text, "egress", &egress);
        text
    }
}

fn row(text: &mut String, name: &str, value: &str) {
    // Writing to a string cannot fail.
    writeln!(text, "  {name:<32} {value}").ok();
}

fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        return format!("{:.0} ms", duration.as_secs_f64() * 1000.0);
    }
    format!("{:.1} s", duration.as_secs_f64())
}

#[expect(clippy::cast_precision_loss, reason = "a rounded figure for people")]
fn as_f64(value: i64) -> f64 {
    value as f64
}
