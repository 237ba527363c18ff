//! What `ptxsim run` tells, as text and as JSON.

use std::fmt::Write;

use serde::Serialize;
use tilewright::compare::Comparison;

use crate::Outcome;

/// How a run ended.
#[derive(Default, Serialize)]
pub(crate) struct Report {
    /// `match`, `differ`, `unusable` or `fault`.
    pub(crate) status: &'static str,
    /// The device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<String>,
    /// The buffers that were compared.
    pub(crate) buffers: Vec<BufferReport>,
    /// Milliseconds of each timed launch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) milliseconds: Vec<f64>,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<ErrorReport>,
}

/// How a buffer compares. Numbers that JSON does not know (NaN, infinities) are strings.
#[derive(Serialize)]
pub(crate) struct BufferReport {
    pub(crate) name: String,
    elements: usize,
    mismatches: usize,
    largest_error: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    worst: Option<MismatchReport>,
    #[serde(skip)]
    text: String,
}

#[derive(Serialize)]
struct MismatchReport {
    index: Vec<usize>,
    found: String,
    expected: String,
}

/// What is wrong, and where.
#[derive(Default, Serialize)]
pub(crate) struct ErrorReport {
    pub(crate) message: String,
    /// The line of the PTX or of the launch file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) block: Option<[u32; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) warp: Option<u32>,
    /// The lanes, lane 0 in the lowest bit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lanes: Option<u32>,
    /// The message with an excerpt of the file, for people.
    #[serde(skip)]
    pub(crate) shown: String,
}

impl BufferReport {
    pub(crate) fn new(name: &str, comparison: &Comparison) -> BufferReport {
        BufferReport {
            name: name.to_owned(),
            elements: comparison.elements,
            mismatches: comparison.mismatches,
            largest_error: comparison.largest_error,
            worst: comparison.worst.as_ref().map(|worst| MismatchReport {
                index: worst.index.clone(),
                found: worst.found.to_string(),
                expected: worst.expected.to_string(),
            }),
            text: comparison.to_string(),
        }
    }
}

impl ErrorReport {
    /// An error that is about no line of the PTX.
    pub(crate) fn plain(message: impl ToString) -> ErrorReport {
        let message = message.to_string();
        ErrorReport { shown: format!("error: {message}\n"), message, ..ErrorReport::default() }
    }
}

impl Report {
    pub(crate) fn outcome(&self) -> Outcome {
        match self.status {
            "match" => Outcome::Match,
            "differ" => Outcome::Differ,
            "fault" => Outcome::Fault,
            _ => Outcome::Unusable,
        }
    }

    pub(crate) fn json(&self) -> String {
        // The report holds no map with other keys than strings, so it always has a JSON form.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let width = self.buffers.iter().map(|buffer| buffer.name.len()).max().unwrap_or(0);
        for buffer in &self.buffers {
            let _ = writeln!(text, "{:width$}  {}", buffer.name, buffer.text);
        }
        if let Some(median) = self.median() {
            let samples = self.milliseconds.len();
            let _ = writeln!(text, "{median:.4} ms, the median of {samples} launches");
        }
        if let Some(device) = &self.device {
            let _ = writeln!(text, "{}: {device}", self.status);
        }
        text
    }

    fn median(&self) -> Option<f64> {
        let mut sorted = self.milliseconds.clone();
        sorted.sort_by(f64::total_cmp);
        let upper = *sorted.get(sorted.len() / 2)?;
        let lower = *sorted.get((sorted.len() - 1) / 2)?;
        Some((lower + upper) / 2.0)
    }
}
