use crate::fault::{FaultKind, Site};

/// A fault before it is known which instruction it belongs to.
#[derive(Debug)]
pub(crate) struct Raised {
    pub(crate) kind: FaultKind,
    /// The lanes concerned.
    pub(crate) lanes: u32,
    /// The instruction, where it is not the one that executes.
    pub(crate) site: Option<Site>,
}

pub(crate) type Outcome<T> = Result<T, Box<Raised>>;

impl Raised {
    pub(crate) fn new(kind: FaultKind, lanes: u32) -> Box<Self> {
        Box::new(Self { kind, lanes, site: None })
    }

    /// Something that PTX leaves undefined.
    pub(crate) fn undefined(what: impl Into<String>, lanes: u32) -> Box<Self> {
        Self::new(FaultKind::Undefined(what.into()), lanes)
    }
}
