//! Values on the wire: MessagePack as terraform's cty writes it, led by the type.
//!
//! What is known after apply is an extension value, whose bytes are given back as they came: terraform compares them. A number
//! is an integer, a float64, or decimal text when neither holds it exactly.

use std::collections::BTreeMap;

use super::value::{Number, Type, Value};

/// Values in values that are followed; schemas have a handful.
const DEEPEST: usize = 100;
/// What stands for a value of which nothing is known.
const UNKNOWN: [u8; 3] = [0xd4, 0, 0];

/// Why bytes are no value of a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MsgpackError {
    /// The bytes end too early.
    #[error("the value ends too early")]
    Short,
    /// More follows behind the value.
    #[error("{0} bytes follow behind the value")]
    Long(usize),
    /// Another kind of value than the type has.
    #[error("found a value that begins with {found:#04x}, expected {expected}")]
    Kind {
        /// The first byte.
        found: u8,
        /// What the type wants.
        expected: &'static str,
    },
    /// A text is not UTF-8, a number no number, a type no type.
    #[error("found what is not {0}")]
    Content(&'static str),
    /// An attribute that the object does not have.
    #[error("found an attribute `{0}`, which the type does not have")]
    Attribute(String),
    /// A tuple of the wrong length.
    #[error("found {found} elements, expected {expected}")]
    Length {
        /// How many there are.
        found: usize,
        /// How many the type has.
        expected: usize,
    },
    /// Values in values without an end.
    #[error("values lie too deep in each other")]
    Deep,
}

/// Reads a value of a type.
///
/// # Errors
///
/// The bytes are no such value.
pub(super) fn decode(bytes: &[u8], of: &Type) -> Result<Value, MsgpackError> {
    let mut reader = Reader {
        rest: bytes,
        depth: 0,
    };
    let value = reader.value(of)?;
    if reader.rest.is_empty() {
        Ok(value)
    } else {
        Err(MsgpackError::Long(reader.rest.len()))
    }
}

/// Writes a value.
pub(super) fn encode(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out, value);
    out
}

struct Reader<'b> {
    rest: &'b [u8],
    depth: usize,
}

impl<'b> Reader<'b> {
    fn value(&mut self, of: &Type) -> Result<Value, MsgpackError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(MsgpackError::Deep);
        }
        let value = match self.peek()? {
            0xc0 => {
                self.byte()?;
                Ok(Value::Null)
            }
            0xc7..=0xc9 | 0xd4..=0xd8 => self.unknown(),
            _ => self.known(of),
        };
        self.depth -= 1;
        value
    }

    fn known(&mut self, of: &Type) -> Result<Value, MsgpackError> {
        match of {
            Type::Bool => match self.byte()? {
                0xc2 => Ok(Value::Bool(false)),
                0xc3 => Ok(Value::Bool(true)),
                found => Err(MsgpackError::Kind {
                    found,
                    expected: "a bool",
                }),
            },
            Type::Number => self.number().map(Value::Number),
            Type::String => Ok(Value::String(self.text()?.to_owned())),
            Type::List(element) => self.elements(element).map(Value::Elements),
            Type::Set(element) => {
                let mut elements = self.elements(element)?;
                elements.sort();
                Ok(Value::Elements(elements))
            }
            Type::Tuple(types) => self.tuple(types),
            Type::Map(element) => self.members(|_name| Some(element.as_ref())),
            Type::Object(attributes) => self.members(|name| attributes.get(name)),
            Type::Dynamic => self.dynamic(),
        }
    }

    /// An extension value. Its bytes are kept from the first on; the plain one is [`Value::UNKNOWN`].
    fn unknown(&mut self) -> Result<Value, MsgpackError> {
        let all = self.rest;
        let length = match self.byte()? {
            0xd4 => 1,
            0xd5 => 2,
            0xd6 => 4,
            0xd7 => 8,
            0xd8 => 16,
            0xc7 => self.length(1)?,
            0xc8 => self.length(2)?,
            _ => self.length(4)?,
        };
        self.take(length.saturating_add(1))?;
        let bytes = &all[..all.len() - self.rest.len()];
        if bytes == UNKNOWN {
            return Ok(Value::UNKNOWN);
        }
        Ok(Value::Unknown(bytes.to_vec()))
    }

    fn number(&mut self) -> Result<Number, MsgpackError> {
        let none = MsgpackError::Content("a number");
        let number = match self.peek()? {
            0xcb => {
                self.byte()?;
                Number::float(f64::from_be_bytes(self.array()?))
            }
            0xca => {
                self.byte()?;
                Number::float(f64::from(f32::from_be_bytes(self.array()?)))
            }
            0xa0..=0xbf | 0xd9..=0xdb => Number::decimal(self.text()?),
            _ => Some(self.integer()?),
        };
        number.ok_or(none)
    }

    fn integer(&mut self) -> Result<Number, MsgpackError> {
        Ok(match self.byte()? {
            small @ 0..=0x7f => Number::integer(small),
            negative @ 0xe0.. => Number::integer(negative as i8),
            0xcc => Number::integer(u8::from_be_bytes(self.array()?)),
            0xcd => Number::integer(u16::from_be_bytes(self.array()?)),
            0xce => Number::integer(u32::from_be_bytes(self.array()?)),
            0xcf => Number::integer(u64::from_be_bytes(self.array()?)),
            0xd0 => Number::integer(i8::from_be_bytes(self.array()?)),
            0xd1 => Number::integer(i16::from_be_bytes(self.array()?)),
            0xd2 => Number::integer(i32::from_be_bytes(self.array()?)),
            0xd3 => Number::integer(i64::from_be_bytes(self.array()?)),
            found => {
                return Err(MsgpackError::Kind {
                    found,
                    expected: "a number",
                });
            }
        })
    }

    fn text(&mut self) -> Result<&'b str, MsgpackError> {
        let length = match self.byte()? {
            short @ 0xa0..=0xbf => usize::from(short & 0x1f),
            0xd9 | 0xc4 => self.length(1)?,
            0xda | 0xc5 => self.length(2)?,
            0xdb | 0xc6 => self.length(4)?,
            found => {
                return Err(MsgpackError::Kind {
                    found,
                    expected: "a text",
                });
            }
        };
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|_no_text| MsgpackError::Content("UTF-8"))
    }

    fn elements(&mut self, of: &Type) -> Result<Vec<Value>, MsgpackError> {
        let length = self.array_length()?;
        // Collected one by one: a length that nothing follows must not ask for its memory.
        (0..length).map(|_index| self.value(of)).collect()
    }

    fn tuple(&mut self, types: &[Type]) -> Result<Value, MsgpackError> {
        let found = self.array_length()?;
        if found != types.len() {
            return Err(MsgpackError::Length {
                found,
                expected: types.len(),
            });
        }
        let elements = types.iter().map(|of| self.value(of));
        elements.collect::<Result<_, _>>().map(Value::Elements)
    }

    fn members<'t>(
        &mut self,
        type_of: impl Fn(&str) -> Option<&'t Type>,
    ) -> Result<Value, MsgpackError> {
        let length = match self.byte()? {
            few @ 0x80..=0x8f => usize::from(few & 0x0f),
            0xde => self.length(2)?,
            0xdf => self.length(4)?,
            found => {
                return Err(MsgpackError::Kind {
                    found,
                    expected: "a map",
                });
            }
        };
        let mut members = BTreeMap::new();
        for _index in 0..length {
            let name = self.text()?;
            let of = type_of(name).ok_or_else(|| MsgpackError::Attribute(name.to_owned()))?;
            members.insert(name.to_owned(), self.value(of)?);
        }
        Ok(Value::Members(members))
    }

    fn dynamic(&mut self) -> Result<Value, MsgpackError> {
        let found = self.array_length()?;
        if found != 2 {
            return Err(MsgpackError::Length { found, expected: 2 });
        }
        let written = self.text()?;
        let json = serde_json::from_str(written).ok();
        let of = json
            .as_ref()
            .and_then(Type::of_json)
            .ok_or(MsgpackError::Content("a type"))?;
        let value = Box::new(self.value(&of)?);
        Ok(Value::Dynamic {
            of: of.to_json().to_string(),
            value,
        })
    }

    fn array_length(&mut self) -> Result<usize, MsgpackError> {
        match self.byte()? {
            few @ 0x90..=0x9f => Ok(usize::from(few & 0x0f)),
            0xdc => self.length(2),
            0xdd => self.length(4),
            found => Err(MsgpackError::Kind {
                found,
                expected: "a list",
            }),
        }
    }

    fn length(&mut self, n_bytes: usize) -> Result<usize, MsgpackError> {
        let bytes = self.take(n_bytes)?;
        Ok(bytes
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte)))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], MsgpackError> {
        let (taken, left) = self.rest.split_first_chunk().ok_or(MsgpackError::Short)?;
        self.rest = left;
        Ok(*taken)
    }

    fn take(&mut self, length: usize) -> Result<&'b [u8], MsgpackError> {
        let (taken, left) = self
            .rest
            .split_at_checked(length)
            .ok_or(MsgpackError::Short)?;
        self.rest = left;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, MsgpackError> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn peek(&self) -> Result<u8, MsgpackError> {
        self.rest.first().copied().ok_or(MsgpackError::Short)
    }
}

fn write(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(0xc0),
        Value::Unknown(bytes) if bytes.is_empty() => out.extend(UNKNOWN),
        Value::Unknown(bytes) => out.extend(bytes),
        Value::Bool(value) => out.push(0xc2 + u8::from(*value)),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_text(out, text),
        Value::Elements(elements) => {
            head(out, elements.len(), 0x90, 0xdc);
            elements.iter().for_each(|element| write(out, element));
        }
        Value::Members(members) => {
            head(out, members.len(), 0x80, 0xde);
            for (name, member) in members {
                write_text(out, name);
                write(out, member);
            }
        }
        Value::Dynamic { of, value } => {
            out.push(0x92);
            // The type is bytes, not text.
            out.push(0xc6);
            out.extend((of.len() as u32).to_be_bytes());
            out.extend(of.as_bytes());
            write(out, value);
        }
    }
}

fn write_number(out: &mut Vec<u8>, number: &Number) {
    match number {
        Number::Decimal(text) => {
            if let Ok(integer) = text.parse::<i64>() {
                out.push(0xd3);
                out.extend(integer.to_be_bytes());
            } else {
                write_text(out, text);
            }
        }
        Number::Float(text) => match text.parse::<f64>() {
            Ok(float) => {
                out.push(0xcb);
                out.extend(float.to_be_bytes());
            }
            Err(_no_float) => write_text(out, text),
        },
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    match text.len() {
        length @ 0..=31 => out.push(0xa0 | length as u8),
        length => {
            out.push(0xdb);
            out.extend((length as u32).to_be_bytes());
        }
    }
    out.extend(text.as_bytes());
}

/// The head of a list or a map, by the first byte of few elements and of 16 bits of length.
fn head(out: &mut Vec<u8>, length: usize, few: u8, many: u8) {
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length @ 0..=15), _) => out.push(few | length),
        (_, Ok(length)) => {
            out.push(many);
            out.extend(length.to_be_bytes());
        }
        _ => {
            out.push(many + 1);
            out.extend((length as u32).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
