//! The fields of one column of a block: views of bytes that were checked to be there.

use crate::fault::{Fault, WRONG_LENGTH};

/// Where a field lies in the bytes of its block, or that it is NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: u32,
    length: u32,
}

impl Span {
    /// The span of a NULL.
    pub const NULL: Self = Self {
        start: 0,
        length: u32::MAX,
    };

    /// Make the span of a field; a block holds fewer bytes than `u32` counts.
    #[must_use]
    pub const fn new(start: u32, length: u32) -> Self {
        Self { start, length }
    }
}

/// The fields of one column, in the order of their rows.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Fields<'a> {
    /// View the `spans` of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8], spans: &'a [Span]) -> Self {
        Self { bytes, spans }
    }

    /// The bytes that all fields are views of.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// How many fields there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Go through the fields; a NULL is `None`.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = Option<&'a [u8]>> + use<'a> {
        let bytes = self.bytes;
        self.spans.iter().map(move |span| {
            if span.length == Span::NULL.length {
                return None;
            }
            let start = span.start as usize;
            Some(&bytes[start..start + span.length as usize])
        })
    }

    /// Go through the places of the fields in the bytes: their start and their length.
    #[inline]
    pub fn places(&self) -> impl Iterator<Item = Option<(usize, usize)>> + use<'a> {
        self.spans.iter().map(|span| {
            let place = (span.start as usize, span.length as usize);
            (span.length != Span::NULL.length).then_some(place)
        })
    }
}

/// Take a field that has exactly `N` bytes.
///
/// # Errors
/// If it has more or fewer.
#[inline]
pub fn exactly<const N: usize>(field: &[u8]) -> Result<[u8; N], Fault> {
    field.try_into().map_err(|_| WRONG_LENGTH)
}

/// Split the first `N` bytes off.
///
/// # Errors
/// If there are fewer.
#[inline]
pub fn leading<const N: usize>(field: &[u8]) -> Result<([u8; N], &[u8]), Fault> {
    field
        .split_first_chunk::<N>()
        .map(|(first, rest)| (*first, rest))
        .ok_or(WRONG_LENGTH)
}

/// Split a value off that its length stands before, as in ranges; there is no NULL.
///
/// # Errors
/// If fewer bytes are there than are announced.
pub fn measured(field: &[u8]) -> Result<(&[u8], &[u8]), Fault> {
    let (length, rest) = leading(field)?;
    let length = usize::try_from(i32::from_be_bytes(length)).map_err(|_| WRONG_LENGTH)?;
    rest.split_at_checked(length).ok_or(WRONG_LENGTH)
}
