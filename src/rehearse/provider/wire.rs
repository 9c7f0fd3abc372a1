//! The wire format of Protocol Buffers, as far as the messages of terraform's plugin protocol need it.

/// Numbers that a varint may take.
const LONGEST_VARINT: usize = 10;

/// A message that is being written: its fields in the order in which they are added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Message(Vec<u8>);

impl Message {
    /// Adds bytes, or the bytes of a text; empty ones too, as an element of a repeated field may be.
    pub(super) fn bytes(mut self, field: u32, value: &[u8]) -> Self {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    /// Adds a text unless it is empty, which is what a missing one means.
    pub(super) fn text(self, field: u32, value: &str) -> Self {
        if value.is_empty() {
            return self;
        }
        self.bytes(field, value.as_bytes())
    }

    /// Adds a number unless it is 0, which is what a missing one means.
    pub(super) fn number(mut self, field: u32, value: u64) -> Self {
        if value != 0 {
            self.varint(u64::from(field) << 3);
            self.varint(value);
        }
        self
    }

    /// Adds a message.
    pub(super) fn message(self, field: u32, value: &Self) -> Self {
        self.bytes(field, &value.0)
    }

    /// Adds an entry of a map from texts to messages.
    pub(super) fn entry(self, field: u32, key: &str, value: &Self) -> Self {
        self.message(field, &Self::default().text(1, key).message(2, value))
    }

    /// Adds each message of a repeated field.
    pub(super) fn messages(self, field: u32, values: impl IntoIterator<Item = Self>) -> Self {
        values
            .into_iter()
            .fold(self, |message, value| message.message(field, &value))
    }

    /// Returns what was written.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The message says that it is longer than it is.
    #[error("the message ends in the middle of a field")]
    Short,
    /// A kind of field that Protocol Buffers do not have.
    #[error("the message has a field of kind {0}, which there is not")]
    Kind(u8),
    /// A number of more than 64 bits.
    #[error("the message has a number of more than 64 bits")]
    Number,
    /// Bytes that should be a text.
    #[error("field {0} of the message is not UTF-8")]
    Text(u32),
}

/// The fields of a message that was received.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields<'b> {
    bytes: Vec<(u32, &'b [u8])>,
    numbers: Vec<(u32, u64)>,
}

impl<'b> Fields<'b> {
    /// Reads a message.
    ///
    /// # Errors
    ///
    /// It is not one.
    pub(super) fn read(mut rest: &'b [u8]) -> Result<Self, WireError> {
        let mut fields = Self::default();
        while !rest.is_empty() {
            let tag = varint(&mut rest)?;
            let field = u32::try_from(tag >> 3).map_err(|_too_big| WireError::Number)?;
            match (tag & 7) as u8 {
                0 => fields.numbers.push((field, varint(&mut rest)?)),
                1 => drop(take(&mut rest, 8)?),
                2 => {
                    let length =
                        usize::try_from(varint(&mut rest)?).map_err(|_too_big| WireError::Short)?;
                    fields.bytes.push((field, take(&mut rest, length)?));
                }
                5 => drop(take(&mut rest, 4)?),
                other => return Err(WireError::Kind(other)),
            }
        }
        Ok(fields)
    }

    /// Returns a field's bytes, none when it is missing; the last wins, as the format wants.
    pub(super) fn bytes(&self, field: u32) -> &'b [u8] {
        let found = self.bytes.iter().rev().find(|(number, _)| *number == field);
        found.map_or(&[], |(_, bytes)| bytes)
    }

    /// Returns a field's text, an empty one when it is missing.
    ///
    /// # Errors
    ///
    /// It is not UTF-8.
    pub(super) fn text(&self, field: u32) -> Result<&'b str, WireError> {
        std::str::from_utf8(self.bytes(field)).map_err(|_no_text| WireError::Text(field))
    }

    /// Returns a field that is a message, an empty one when it is missing.
    ///
    /// # Errors
    ///
    /// It is not a message.
    pub(super) fn message(&self, field: u32) -> Result<Self, WireError> {
        Self::read(self.bytes(field))
    }
}

fn varint(rest: &mut &[u8]) -> Result<u64, WireError> {
    let mut value = 0_u64;
    for index in 0..LONGEST_VARINT {
        let byte = take(rest, 1)?[0];
        let bits = u64::from(byte & 0x7f);
        if index == LONGEST_VARINT - 1 && bits > 1 {
            return Err(WireError::Number);
        }
        value |= bits << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(WireError::Number)
}

fn take<'b>(rest: &mut &'b [u8], length: usize) -> Result<&'b [u8], WireError> {
    let (taken, left) = rest.split_at_checked(length).ok_or(WireError::Short)?;
    *rest = left;
    Ok(taken)
}

#[cfg(test)]
mod tests;
