//! What `ptxas -v` prints, read back.

use std::fmt::{self, Write};

use super::{Error, Tool};

/// What the assembler says of a module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// One for every entry and every function that was compiled on its own, in the order printed.
    pub entries: Vec<EntryReport>,
    /// Its warnings, such as wgmma instructions that it had to serialize.
    pub warnings: Vec<Message>,
}

/// What the assembler says of one entry. Byte counts are per thread unless said otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryReport {
    /// The entry's name.
    pub name: String,
    /// 32-bit registers a thread.
    pub registers: u32,
    /// Local memory of the call frame, in bytes.
    pub stack_bytes: u32,
    /// Bytes written by spills.
    pub spill_store_bytes: u32,
    /// Bytes read back by spills.
    pub spill_load_bytes: u32,
    /// Static shared memory of a block, in bytes.
    pub shared_bytes: u32,
    /// Named barriers of a block.
    pub barriers: u32,
}

impl EntryReport {
    /// Bytes that spills move, stores and loads together.
    pub fn spill_bytes(&self) -> u32 {
        self.spill_store_bytes.saturating_add(self.spill_load_bytes)
    }
}

/// One message of the assembler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The line of the PTX text, from 1, where the message names one.
    pub line: Option<u32>,
    /// What it says.
    pub text: String,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl Report {
    /// Reads what `ptxas -v` printed on success.
    pub(super) fn parse(output: &str) -> Result<Report, Error> {
        let mut report = Report::default();
        for line in output.lines() {
            if let Some(message) = message_of(line, "warning").or_else(|| advice(line)) {
                report.warnings.push(message);
            } else if let Some(name) = quoted_after(line, "Compiling entry function") {
                report.entries.push(EntryReport { name: name.to_owned(), ..Default::default() });
            } else if let Some(name) = line.split("Function properties for ").nth(1) {
                // A function that is called, not inlined, has properties but no "Compiling" line.
                if report.entries.last().is_none_or(|entry| entry.name != name) {
                    report
                        .entries
                        .push(EntryReport { name: name.to_owned(), ..Default::default() });
                }
            } else if let Some(entry) = report.entries.last_mut() {
                read_figures(line, entry)?;
            }
        }
        Ok(report)
    }

    /// The report of the entry named `name`.
    pub fn entry(&self, name: &str) -> Option<&EntryReport> {
        self.entries.iter().find(|entry| entry.name == name)
    }
}

/// Reads a line of comma-separated figures such as `Used 255 registers, used 1 barriers`.
fn read_figures(line: &str, entry: &mut EntryReport) -> Result<(), Error> {
    let line = line.strip_prefix("ptxas info    : ").unwrap_or(line);
    for figure in line.split(',') {
        let figure = figure.trim().trim_start_matches("Used ").trim_start_matches("used ");
        let Some((number, what)) = figure.split_once(' ') else { continue };
        let place = match what {
            "registers" => &mut entry.registers,
            "bytes stack frame" => &mut entry.stack_bytes,
            "bytes spill stores" => &mut entry.spill_store_bytes,
            "bytes spill loads" => &mut entry.spill_load_bytes,
            "bytes smem" => &mut entry.shared_bytes,
            "barriers" => &mut entry.barriers,
            _ => continue,
        };
        *place = number.parse().map_err(|_| Error::Output {
            tool: Tool::Ptxas,
            reason: format!("expected a number of {what}, found {number:?}"),
        })?;
    }
    Ok(())
}

/// The text between the single quotes that follow `after`.
fn quoted_after<'t>(line: &'t str, after: &str) -> Option<&'t str> {
    line.split_once(after)?.1.split('\'').nth(1)
}

/// Reads `ptxas FILE, line N; KIND   : TEXT` or `ptxas KIND   : TEXT`.
fn message_of(line: &str, kind: &str) -> Option<Message> {
    let (head, text) = line.split_once(" : ")?;
    let (place, found) = head.trim_end().rsplit_once([' ', ';'])?;
    if found != kind {
        return None;
    }
    let line = place.rsplit_once(", line ").and_then(|(_, n)| n.trim_end_matches(';').parse().ok());
    Some(Message { line, text: text.trim().to_owned() })
}

/// A numbered message of the kind "info", such as
/// `(C7510) Potential Performance Loss: wgmma.mma_async instructions are serialized`.
fn advice(line: &str) -> Option<Message> {
    message_of(line, "info").filter(|message| message.text.starts_with("(C"))
}

/// The messages for which a run was refused.
pub(super) fn refusals(output: &str) -> Vec<Message> {
    output
        .lines()
        .filter_map(|line| message_of(line, "error").or_else(|| message_of(line, "fatal")))
        .collect()
}

/// The text of [`Error::Refused`]: the first messages, or all that was printed where none was read.
pub(super) fn refusal(tool: &Tool, messages: &[Message], output: &str) -> String {
    const SHOWN: usize = 8;
    let mut text = format!("{tool} refused its input:");
    if messages.is_empty() {
        let _ = write!(text, " {}", output.trim());
    }
    for message in messages.iter().take(SHOWN) {
        let _ = write!(text, "\n  {message}");
    }
    if messages.len() > SHOWN {
        let _ = write!(text, "\n  and {} more", messages.len() - SHOWN);
    }
    text
}
