//! The schema of a provider, as `terraform providers schema -json` prints it.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::{
    value::{Type, Value},
    wire::Message,
};

/// The schemas of one provider.
#[derive(Debug, Clone)]
pub(super) struct ProviderSchema {
    pub(super) provider: Schema,
    pub(super) resources: BTreeMap<String, Schema>,
    pub(super) data_sources: BTreeMap<String, Schema>,
}

/// The schema of a resource, of a data source, or of the provider itself.
#[derive(Debug, Clone)]
pub(super) struct Schema {
    pub(super) version: u64,
    pub(super) block: Block,
}

/// A block: attributes, and blocks in it.
#[derive(Debug, Clone, Default)]
pub(super) struct Block {
    pub(super) attributes: BTreeMap<String, Attribute>,
    pub(super) blocks: BTreeMap<String, NestedBlock>,
    is_deprecated: bool,
}

/// An attribute.
#[derive(Debug, Clone)]
pub(super) struct Attribute {
    pub(super) of: AttributeType,
    pub(super) is_computed: bool,
    /// Never shown by terraform, and never kept by the cloud.
    pub(super) is_sensitive: bool,
    /// Given at apply, and null in every plan and state.
    pub(super) is_write_only: bool,
    pub(super) is_required: bool,
    is_optional: bool,
    is_deprecated: bool,
}

/// What an attribute holds.
#[derive(Debug, Clone)]
pub(super) enum AttributeType {
    Plain(Type),
    /// Objects whose attributes have properties of their own.
    Nested(Nesting, BTreeMap<String, Attribute>),
}

/// A block in a block.
#[derive(Debug, Clone)]
pub(super) struct NestedBlock {
    pub(super) nesting: Nesting,
    pub(super) block: Block,
    min_items: u64,
    max_items: u64,
}

/// How many of something nested there are, and how they are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nesting {
    Single,
    Group,
    List,
    Set,
    Map,
}

/// A file that is no schema: the place in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the schema of a provider is not readable at `{0}`")]
pub struct SchemaError(String);

impl ProviderSchema {
    /// Reads the schemas of the one provider in a file.
    ///
    /// # Errors
    ///
    /// The file is none of `terraform providers schema -json`.
    pub(super) fn of_json(json: &Json, address: &str) -> Result<Self, SchemaError> {
        let provider = &json["provider_schemas"][address];
        let schemas = |key: &str| -> Result<BTreeMap<String, Schema>, SchemaError> {
            members(&provider[key])
                .map(|(name, json)| Ok((name.clone(), schema(json, name)?)))
                .collect()
        };
        Ok(Self {
            provider: schema(&provider["provider"], address)?,
            resources: schemas("resource_schemas")?,
            data_sources: schemas("data_source_schemas")?,
        })
    }
}

impl Block {
    /// Returns the type of the block's value.
    pub(super) fn implied_type(&self) -> Type {
        let blocks = self.blocks.iter().map(|(name, nested)| {
            let of = nested.nesting.of(nested.block.implied_type());
            (name.clone(), of)
        });
        Type::Object(attribute_types(&self.attributes).chain(blocks).collect())
    }

    /// An object of which nothing is set.
    pub(super) fn none(&self) -> Value {
        let attributes = self
            .attributes
            .keys()
            .map(|name| (name.clone(), Value::Null));
        let blocks = self
            .blocks
            .iter()
            .map(|(name, nested)| (name.clone(), nested.none()));
        Value::Members(attributes.chain(blocks).collect())
    }

    /// Returns a configuration with everything that is computed open where it gives nothing.
    pub(super) fn opened(&self, config: &Value) -> Value {
        let Value::Members(members) = config else {
            return config.clone();
        };
        let mut members = members.clone();
        for (name, member) in &mut members {
            let attribute = self.attributes.get(name);
            if member.is_null() && attribute.is_some_and(|attribute| attribute.is_computed) {
                *member = Value::UNKNOWN;
            }
        }
        Value::Members(members)
    }

    /// Whether an attribute has the same type in another block.
    pub(super) fn is_same(&self, name: &str, other: &Self) -> bool {
        match (self.attributes.get(name), other.attributes.get(name)) {
            (Some(ours), Some(theirs)) => ours.implied_type() == theirs.implied_type(),
            _ => false,
        }
    }

    /// Whether something in it is not shown by a cloud.
    pub(super) fn has_hidden(&self) -> bool {
        self.attributes.values().any(Attribute::has_hidden)
            || self.blocks.values().any(|nested| nested.block.has_hidden())
    }

    fn message(&self) -> Message {
        Message::default()
            .messages(2, attribute_messages(&self.attributes))
            .messages(
                3,
                self.blocks
                    .iter()
                    .map(|(name, nested)| nested.message(name)),
            )
            .number(6, self.is_deprecated.into())
    }
}

impl Attribute {
    /// Returns the type of the attribute's value.
    pub(super) fn implied_type(&self) -> Type {
        match &self.of {
            AttributeType::Plain(of) => of.clone(),
            AttributeType::Nested(nesting, attributes) => {
                nesting.of(Type::Object(attribute_types(attributes).collect()))
            }
        }
    }

    /// Whether the provider alone decides it.
    pub(super) fn is_read_only(&self) -> bool {
        self.is_computed && !self.is_optional
    }

    /// Whether a cloud does not show it: it is sensitive, or a set whose elements hold something sensitive.
    pub(super) fn is_hidden(&self) -> bool {
        let is_set = matches!(self.of, AttributeType::Nested(Nesting::Set, _));
        self.is_sensitive || self.is_write_only || (is_set && self.has_hidden())
    }

    /// Whether it or something in it is not shown by a cloud.
    fn has_hidden(&self) -> bool {
        let inside = match &self.of {
            AttributeType::Nested(_, attributes) => attributes.values().any(Self::has_hidden),
            AttributeType::Plain(_) => false,
        };
        self.is_sensitive || self.is_write_only || inside
    }

    fn message(&self, name: &str) -> Message {
        let message = Message::default().text(1, name);
        let message = match &self.of {
            AttributeType::Plain(of) => message.text(2, &of.to_json().to_string()),
            AttributeType::Nested(nesting, attributes) => message.message(
                10,
                &Message::default()
                    .messages(1, attribute_messages(attributes))
                    .number(3, nesting.number()),
            ),
        };
        message
            .number(4, self.is_required.into())
            .number(5, self.is_optional.into())
            .number(6, self.is_computed.into())
            .number(7, self.is_sensitive.into())
            .number(9, self.is_deprecated.into())
            .number(11, self.is_write_only.into())
    }
}

impl NestedBlock {
    /// The value when there is no such block.
    pub(super) fn none(&self) -> Value {
        match self.nesting {
            Nesting::Single => Value::Null,
            Nesting::Group => self.block.none(),
            Nesting::List | Nesting::Set => Value::Elements(Vec::new()),
            Nesting::Map => Value::Members(BTreeMap::new()),
        }
    }

    fn message(&self, name: &str) -> Message {
        Message::default()
            .text(1, name)
            .message(2, &self.block.message())
            .number(3, self.nesting.number())
            .number(4, self.min_items)
            .number(5, self.max_items)
    }
}

impl Schema {
    /// Writes it as the protocol does.
    pub(super) fn message(&self) -> Message {
        Message::default()
            .number(1, self.version)
            .message(2, &self.block.message())
    }
}

impl Nesting {
    fn of_json(json: &Json) -> Option<Self> {
        match json.as_str()? {
            "single" => Some(Self::Single),
            "group" => Some(Self::Group),
            "list" => Some(Self::List),
            "set" => Some(Self::Set),
            "map" => Some(Self::Map),
            _ => None,
        }
    }

    fn of(self, object: Type) -> Type {
        match self {
            Self::Single | Self::Group => object,
            Self::List => Type::List(Box::new(object)),
            Self::Set => Type::Set(Box::new(object)),
            Self::Map => Type::Map(Box::new(object)),
        }
    }

    /// The protocol's number, which is the same for attributes and for blocks.
    fn number(self) -> u64 {
        match self {
            Self::Single => 1,
            Self::List => 2,
            Self::Set => 3,
            Self::Map => 4,
            Self::Group => 5,
        }
    }
}

fn attribute_types(
    attributes: &BTreeMap<String, Attribute>,
) -> impl Iterator<Item = (String, Type)> {
    attributes
        .iter()
        .map(|(name, attribute)| (name.clone(), attribute.implied_type()))
}

fn attribute_messages(attributes: &BTreeMap<String, Attribute>) -> impl Iterator<Item = Message> {
    attributes
        .iter()
        .map(|(name, attribute)| attribute.message(name))
}

fn schema(json: &Json, place: &str) -> Result<Schema, SchemaError> {
    let version = json["version"].as_u64();
    Ok(Schema {
        version: version.ok_or_else(|| SchemaError(format!("{place}.version")))?,
        block: block(&json["block"], place)?,
    })
}

fn block(json: &Json, place: &str) -> Result<Block, SchemaError> {
    let json = json
        .as_object()
        .ok_or_else(|| SchemaError(place.to_owned()))?;
    Ok(Block {
        attributes: attributes(json.get("attributes"), place)?,
        blocks: members(json.get("block_types").unwrap_or(&Json::Null))
            .map(|(name, json)| {
                let place = format!("{place}.{name}");
                let nesting = Nesting::of_json(&json["nesting_mode"]);
                let nested = NestedBlock {
                    nesting: nesting.ok_or_else(|| SchemaError(place.clone()))?,
                    block: block(&json["block"], &place)?,
                    min_items: json["min_items"].as_u64().unwrap_or(0),
                    max_items: json["max_items"].as_u64().unwrap_or(0),
                };
                Ok((name.clone(), nested))
            })
            .collect::<Result<_, _>>()?,
        is_deprecated: flag(json, "deprecated"),
    })
}

fn attributes(
    json: Option<&Json>,
    place: &str,
) -> Result<BTreeMap<String, Attribute>, SchemaError> {
    members(json.unwrap_or(&Json::Null))
        .map(|(name, json)| {
            let place = format!("{place}.{name}");
            Ok((name.clone(), attribute(json, &place)?))
        })
        .collect()
}

fn attribute(json: &Json, place: &str) -> Result<Attribute, SchemaError> {
    let wrong = || SchemaError(place.to_owned());
    let json = json.as_object().ok_or_else(wrong)?;
    let of = match json.get("nested_type") {
        Some(nested) => AttributeType::Nested(
            Nesting::of_json(&nested["nesting_mode"]).ok_or_else(wrong)?,
            attributes(nested.get("attributes"), place)?,
        ),
        None => {
            let of = json.get("type").and_then(Type::of_json);
            AttributeType::Plain(of.ok_or_else(wrong)?)
        }
    };
    Ok(Attribute {
        of,
        is_computed: flag(json, "computed"),
        is_sensitive: flag(json, "sensitive"),
        is_write_only: flag(json, "write_only"),
        is_required: flag(json, "required"),
        is_optional: flag(json, "optional"),
        is_deprecated: flag(json, "deprecated"),
    })
}

fn flag(json: &Map<String, Json>, name: &str) -> bool {
    json.get(name).and_then(Json::as_bool).unwrap_or(false)
}

fn members(json: &Json) -> impl Iterator<Item = (&String, &Json)> {
    json.as_object().into_iter().flatten()
}
