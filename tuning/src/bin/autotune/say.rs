//! Lines for people. Where nobody takes them (a closed pipe, a full disk) they are lost, and the
//! work goes on: what counts is in files and in the exit code.

use std::fmt::Arguments;
use std::io::Write;

/// Prints a line.
macro_rules! say {
    ($($text:tt)*) => { $crate::say::line(&mut std::io::stdout(), format_args!($($text)*)) };
}

/// Prints a line where errors go.
macro_rules! complain {
    ($($text:tt)*) => { $crate::say::line(&mut std::io::stderr(), format_args!($($text)*)) };
}

pub(crate) use {complain, say};

pub(crate) fn line(to: &mut dyn Write, text: Arguments<'_>) {
    let _ = writeln!(to, "{text}");
}
