//! The header of a `.npy` file: `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`.

use std::io::Read;

use super::{ElementType, Error};

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// The longest header taken. NumPy itself refuses to evaluate more than 10,000 characters.
const LONGEST: usize = 10_000;
/// NumPy pads the header so that the data begins at a multiple of this.
const ALIGNMENT: usize = 64;
/// The most dimensions that NumPy gives an array.
const MOST_DIMENSIONS: usize = 64;

/// What the header tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The type of the array's elements.
    pub element: ElementType,
    /// The array's extents, outermost first.
    pub shape: Vec<usize>,
}

impl Header {
    /// Reads a header, and leaves the reader at the first byte of the data.
    ///
    /// # Errors
    /// [`Error::Format`] where it is no header of versions 1 to 3, or of an array that is not supported.
    pub fn read(reader: &mut impl Read) -> Result<Header, Error> {
        let start: [u8; 8] = exactly(reader)?;
        if &start[..6] != MAGIC {
            return Err(Error::Format("it does not begin as an .npy file does".into()));
        }
        let length = match start[6] {
            1 => u16::from_le_bytes(exactly(reader)?).into(),
            2 | 3 => u32::from_le_bytes(exactly(reader)?) as usize,
            other => {
                return Err(Error::Format(format!("version {other}, where 1, 2 and 3 are known")));
            }
        };
        if length > LONGEST {
            return Err(Error::Format(format!(
                "a header of {length} bytes, where {LONGEST} are allowed"
            )));
        }
        let mut text = vec![0; length];
        reader.read_exact(&mut text).map_err(truncated)?;
        let text = std::str::from_utf8(&text)
            .map_err(|_| Error::Format("a header that is not UTF-8".into()))?;
        Dictionary { rest: text }.header()
    }

    /// The header as version 1 writes it.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let order = if self.element.size == 1 { '|' } else { '<' };
        let ElementType { kind, size } = self.element;
        let extents: String = self.shape.iter().map(|extent| format!("{extent}, ")).collect();
        // A tuple of one keeps its comma.
        let extents =
            if self.shape.len() == 1 { extents.trim() } else { extents.trim_end_matches(", ") };
        let mut text = format!(
            "{{'descr': '{order}{kind}{size}', 'fortran_order': False, 'shape': ({extents}), }}"
        );
        let prefix = MAGIC.len() + 4;
        while !(prefix + text.len() + 1).is_multiple_of(ALIGNMENT) {
            text.push(' ');
        }
        text.push('\n');
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes
    }

    /// Bytes of the data.
    ///
    /// # Errors
    /// [`Error::Format`] where they exceed 64 bits.
    pub fn bytes(&self) -> Result<u64, Error> {
        let extents = self.shape.iter().map(|&extent| extent as u64);
        extents
            .chain([self.element.size as u64])
            .try_fold(1u64, u64::checked_mul)
            .ok_or_else(|| Error::Format(format!("its size overflows: {}", self.arithmetic())))
    }

    /// How the size comes about: `2 × 3 × 4`.
    pub(super) fn arithmetic(&self) -> String {
        let factors = self.shape.iter().chain([&self.element.size]);
        factors.map(usize::to_string).collect::<Vec<_>>().join(" × ")
    }
}

fn exactly<const N: usize>(reader: &mut impl Read) -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes).map_err(truncated)?;
    Ok(bytes)
}

fn truncated(error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => Error::Format("it ends within its header".into()),
        _ => Error::Io(error),
    }
}

/// Reads the Python dictionary of the header, of which only what NumPy writes is taken.
struct Dictionary<'t> {
    rest: &'t str,
}

impl<'t> Dictionary<'t> {
    fn header(mut self) -> Result<Header, Error> {
        let (mut element, mut order, mut shape) = (None, None, None);
        self.expect('{')?;
        while !self.take('}') {
            let key = self.string()?;
            self.expect(':')?;
            let fresh = match key {
                "descr" => element.replace(self.element()?).is_none(),
                "fortran_order" => order.replace(self.boolean()?).is_none(),
                "shape" => shape.replace(self.tuple()?).is_none(),
                _ => return Err(Error::Format(format!("an unknown key {key:?} in its header"))),
            };
            if !fresh {
                return Err(Error::Format(format!("the key {key:?} twice in its header")));
            }
            if !self.take(',') {
                self.expect('}')?;
                break;
            }
        }
        if !self.rest.trim().is_empty() {
            return Err(self.unexpected("the end of the header"));
        }
        let missing = |key| Error::Format(format!("no {key:?} in its header"));
        let shape = shape.ok_or_else(|| missing("shape"))?;
        if order.ok_or_else(|| missing("fortran_order"))? && shape.len() > 1 {
            let advice = "save numpy.ascontiguousarray of it";
            return Err(Error::Format(format!("Fortran order, where C order is needed; {advice}")));
        }
        Ok(Header { element: element.ok_or_else(|| missing("descr"))?, shape })
    }

    fn unexpected(&self, expected: &str) -> Error {
        let found: String = self.rest.trim_start().chars().take(20).collect();
        Error::Format(format!("expected {expected} in its header, found {found:?}"))
    }

    fn take(&mut self, token: char) -> bool {
        match self.rest.trim_start().strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: char) -> Result<(), Error> {
        if self.take(token) { Ok(()) } else { Err(self.unexpected(&format!("{token:?}"))) }
    }

    fn string(&mut self) -> Result<&'t str, Error> {
        for quote in ['\'', '"'] {
            if self.take(quote) {
                let end =
                    self.rest.find(quote).ok_or_else(|| self.unexpected("a closing quote"))?;
                let (text, rest) = self.rest.split_at(end);
                self.rest = &rest[1..];
                return Ok(text);
            }
        }
        Err(self.unexpected("a string"))
    }

    fn boolean(&mut self) -> Result<bool, Error> {
        let rest = self.rest.trim_start();
        for (name, value) in [("True", true), ("False", false)] {
            if let Some(rest) = rest.strip_prefix(name) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err(self.unexpected("True or False"))
    }

    fn tuple(&mut self) -> Result<Vec<usize>, Error> {
        let mut extents = Vec::new();
        self.expect('(')?;
        while !self.take(')') {
            let rest = self.rest.trim_start();
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let extent = rest[..digits].parse().map_err(|_| self.unexpected("an extent"))?;
            self.rest = &rest[digits..];
            extents.push(extent);
            if extents.len() > MOST_DIMENSIONS {
                let problem = format!("more than {MOST_DIMENSIONS} dimensions");
                return Err(Error::Format(problem));
            }
            if !self.take(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(extents)
    }

    fn element(&mut self) -> Result<ElementType, Error> {
        let text = self.string()?;
        let unsupported = |why: &str| Error::Format(format!("elements of type {text:?}{why}"));
        let mut letters = text.chars();
        let (order, kind, size) = (letters.next(), letters.next(), letters.as_str());
        let (Some(order), Some(kind @ ('f' | 'i' | 'u'))) = (order, kind) else {
            let why = ": floats, integers and unsigned integers are known; save bf16 as uint16 \
                       and 8-bit floats as uint8, with .view";
            return Err(unsupported(why));
        };
        let size = match (kind, size) {
            ('i' | 'u', "1") => 1,
            (_, "2") => 2,
            (_, "4") => 4,
            (_, "8") => 8,
            _ => return Err(unsupported(": elements have 1, 2, 4 or 8 bytes")),
        };
        match order {
            '<' => Ok(ElementType { kind, size }),
            '|' if size == 1 => Ok(ElementType { kind, size }),
            '>' if size == 1 => Ok(ElementType { kind, size }),
            '>' => Err(unsupported(" are big-endian, where little-endian is needed")),
            _ => Err(unsupported(": the byte order must be '<'")),
        }
    }
}
