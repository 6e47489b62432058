//! Figures and how they are shown: a median, how far the samples lie apart, what it is to be held against, and the
//! settings under which it was measured.

use std::fmt::Write as _;
use std::time::Duration;

/// What a figure counts, and so how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Milliseconds,
    /// 1,048,576 bytes.
    Mebibytes,
    PerSecond,
    Count,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Milliseconds if value >= 1000.0 => format!("{:.2} s", value / 1000.0),
            Self::Milliseconds if value >= 10.0 => format!("{value:.0} ms"),
            Self::Milliseconds => format!("{value:.1} ms"),
            Self::Mebibytes => format!("{value:.1} MB"),
            Self::PerSecond => format!("{value:.0} /s"),
            Self::Count => format!("{value:.0}"),
        }
    }
}

/// Samples of one figure.
#[derive(Debug, Clone)]
pub struct Figure {
    unit: Unit,
    samples: Vec<f64>,
}

impl Figure {
    /// Keeps samples, which may be none.
    pub fn new(unit: Unit, samples: impl IntoIterator<Item = f64>) -> Self {
        let mut samples: Vec<f64> = samples.into_iter().collect();
        samples.sort_by(f64::total_cmp);
        Self { unit, samples }
    }

    /// Durations as milliseconds.
    pub fn times(samples: impl IntoIterator<Item = Duration>) -> Self {
        Self::new(Unit::Milliseconds, samples.into_iter().map(|sample| sample.as_secs_f64() * 1000.0))
    }

    /// The sample in the middle; of an even number, the lower of the two. None without samples.
    pub fn median(&self) -> Option<f64> {
        self.samples.get(self.samples.len().checked_sub(1)? / 2).copied()
    }

    /// The median, with the least and the greatest sample.
    pub fn text(&self) -> String {
        let (Some(median), [least, .., greatest]) = (self.median(), self.samples.as_slice()) else {
            return self.median().map_or_else(|| "not measured".to_owned(), |median| self.unit.show(median));
        };
        let show = |value| self.unit.show(value);
        format!("{:<9} ({}–{})", show(median), show(*least), show(*greatest))
    }

    /// How many times the other's median this median is.
    pub fn ratio_to(&self, other: &Self) -> Option<f64> {
        let other = other.median().filter(|median| *median > 0.0)?;
        self.median().map(|median| median / other)
    }
}

/// What is printed, in the order of measuring.
#[derive(Debug, Default)]
pub struct Table(String);

impl Table {
    /// Begins a part, with the settings that all its figures share.
    pub fn part(&mut self, title: &str, settings: &str) {
        self.line(format_args!("\n{title}\n  {settings}"));
    }

    /// One figure, and what is held against it.
    pub fn row(&mut self, what: &str, figure: &Figure, beside: &str) {
        self.line(format_args!("  {what:<50} {:<28} {beside}", figure.text()));
    }

    /// A sentence instead of a figure.
    pub fn note(&mut self, text: &str) {
        self.line(format_args!("  {text}"));
    }

    /// As text for a terminal.
    pub fn text(&self) -> &str {
        &self.0
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        writeln!(self.0, "{line}").ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_a_sample_from_the_middle() {
        let median = |samples: &[f64]| Figure::new(Unit::PerSecond, samples.iter().copied()).median();
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[4.0]), Some(4.0));
        assert_eq!(median(&[9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median(&[9.0, 1.0, 5.0, 7.0]), Some(5.0));
    }

    #[test]
    fn figures_are_shown_with_their_range_and_set_in_relation() {
        let eyes = Figure::times([250, 1500, 9].map(Duration::from_millis));
        assert_eq!(eyes.text(), "250 ms    (9.0 ms–1.50 s)");
        assert_eq!(Figure::new(Unit::Mebibytes, [31.25]).text(), "31.2 MB");
        assert_eq!(Figure::new(Unit::Mebibytes, []).text(), "not measured");
        let half = Figure::times([Duration::from_millis(500)]);
        assert_eq!(eyes.ratio_to(&half), Some(0.5));
        assert_eq!(eyes.ratio_to(&Figure::times([])), None);
    }
}
