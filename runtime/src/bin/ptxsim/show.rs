//! Errors with the lines of PTX that they are about.

use std::fmt::Write;
use std::io::IsTerminal;
use std::path::Path;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report,
};
use tilewright::ptx::Span;

/// The most problems of one text that are shown.
const SHOWN: usize = 10;

/// Shows `problems` of the PTX `text`, which was read from `path`.
pub(crate) fn problems(path: &Path, text: &str, problems: &[(Span, String)]) -> String {
    let mut shown = String::new();
    for (span, message) in problems.iter().take(SHOWN) {
        shown += &excerpt(path, text, *span, message);
    }
    if problems.len() > SHOWN {
        let _ = writeln!(shown, "and {} more", problems.len() - SHOWN);
    }
    shown
}

/// Shows one message, and the place it is about.
pub(crate) fn excerpt(path: &Path, text: &str, span: Span, message: &str) -> String {
    let Span { line, column } = span;
    let name = path.display().to_string();
    let headline = match (line, column) {
        (0, _) => format!("{name}: {message}"),
        (line, 0) => format!("{name}:{line}: {message}"),
        (line, column) => format!("{name}:{line}:{column}: {message}"),
    };
    let mut diagnostic = MietteDiagnostic::new(headline);
    if let Some((offset, length)) = place(text, span) {
        diagnostic = diagnostic.with_label(LabeledSpan::underline(offset..offset + length));
    }
    let report = Report::new(diagnostic).with_source_code(NamedSource::new(name, text.to_owned()));
    let theme = match std::io::stderr().is_terminal() {
        true => GraphicalTheme::unicode(),
        false => GraphicalTheme::unicode_nocolor(),
    };
    let mut shown = String::new();
    let handler = GraphicalReportHandler::new_themed(theme).with_width(200).with_links(false);
    if handler.render_report(&mut shown, report.as_ref()).is_err() {
        shown = format!("{report}\n");
    }
    shown
}

/// The byte offset and length of the word at `span`: of the whole line, where no column is known.
fn place(text: &str, span: Span) -> Option<(usize, usize)> {
    let line_index = (span.line as usize).checked_sub(1)?;
    let mut start = 0;
    for _ in 0..line_index {
        start += text[start..].find('\n')? + 1;
    }
    let line = text[start..].lines().next().unwrap_or("");
    let Some(column) = (span.column as usize).checked_sub(1) else {
        let indent = line.len() - line.trim_start().len();
        return Some((start + indent, line.trim().len()));
    };
    let before: usize = line.chars().take(column).map(char::len_utf8).sum();
    let rest = &line[before..];
    let word =
        rest.find(|c: char| c.is_whitespace() || ",;[]{}()".contains(c)).unwrap_or(rest.len());
    Some((start + before, word))
}
