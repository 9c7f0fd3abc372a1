use proptest::prelude::*;
use serde_json::json;

use super::*;

fn of(json: serde_json::Value) -> Type {
    Type::of_json(&json).expect("a type")
}

fn number(text: &str) -> Value {
    Value::Number(Number::decimal(text).expect("a number"))
}

fn members<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Members(
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

fn comes_back(value: &Value, of: &Type) {
    assert_eq!(decode(&encode(value), of).as_ref(), Ok(value));
}

#[test]
fn scalars_are_what_cty_writes() {
    for (bytes, of, value) in [
        (vec![0xc0], Type::String, Value::Null),
        (vec![0xc3], Type::Bool, Value::Bool(true)),
        (
            vec![0xa2, b'o', b'k'],
            Type::String,
            Value::String("ok".to_owned()),
        ),
        (vec![0x07], Type::Number, number("7")),
        (vec![0xff], Type::Number, number("-1")),
        (vec![0xcd, 0x1f, 0x98], Type::Number, number("8088")),
        (vec![0xd4, 0, 0], Type::Number, Value::UNKNOWN),
        (b"\xa50.002".to_vec(), Type::Number, number("0.002")),
    ] {
        assert_eq!(decode(&bytes, &of), Ok(value), "{bytes:02x?}");
    }
}

#[test]
fn a_float_keeps_its_bits() {
    let half = encode(&Value::Number(Number::float(0.5).expect("a number")));
    assert_eq!(half, [0xcb, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0]);
    let bytes = [[0xcb].as_slice(), &1e300_f64.to_be_bytes()].concat();
    assert_eq!(
        encode(&decode(&bytes, &Type::Number).expect("a number")),
        bytes
    );
    let bytes = [[0xcb].as_slice(), &f64::NAN.to_be_bytes()].concat();
    assert_eq!(
        decode(&bytes, &Type::Number),
        Err(MsgpackError::Content("a number"))
    );
}

#[test]
fn numbers_beyond_64_bits_keep_every_digit() {
    for text in [
        "9223372036854775807",
        "-9223372036854775808",
        "18446744073709551615",
        "123456789012345678901234567890.000000000000000000001",
    ] {
        comes_back(&number(text), &Type::Number);
    }
    let largest = [0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(
        decode(&largest, &Type::Number),
        Ok(number("18446744073709551615"))
    );
}

#[test]
fn what_terraform_knows_about_the_unknown_is_given_back() {
    // Refinements: not null, with the prefix `i-`.
    let refined = [0xc7, 7, 12, 0x82, 1, 0xc2, 2, 0xa2, b'i', b'-'];
    let value = decode(&refined, &Type::String).expect("a value");
    assert!(value.is_unknown());
    assert_ne!(value, Value::UNKNOWN);
    assert_eq!(encode(&value), refined);
}

#[test]
fn collections_come_back() {
    let strings = |texts: &[&str]| {
        let texts = texts.iter().map(|text| Value::String((*text).to_owned()));
        Value::Elements(texts.collect())
    };
    let long = "a text of more than thirty-one bytes".repeat(3_000);
    comes_back(&strings(&["b", "a", &long]), &of(json!(["list", "string"])));
    comes_back(&strings(&["x"; 20]), &of(json!(["list", "string"])));
    comes_back(
        &members([("a", Value::Null), ("b", number("1"))]),
        &of(json!(["map", "number"])),
    );
    comes_back(
        &Value::Elements(vec![Value::Bool(true), Value::UNKNOWN]),
        &of(json!(["tuple", ["bool", "string"]])),
    );
    comes_back(
        &members([("inner", members([("on", Value::Bool(false))]))]),
        &of(json!(["object", { "inner": ["object", { "on": "bool" }] }])),
    );
}

#[test]
fn sets_are_equal_in_any_order() {
    let of = of(json!(["set", "string"]));
    let one = decode(b"\x92\xa1b\xa1a", &of);
    assert_eq!(one, decode(b"\x92\xa1a\xa1b", &of));
    assert!(one.is_ok());
}

#[test]
fn a_dynamic_value_brings_its_type() {
    let value = Value::Dynamic {
        of: r#"["list","number"]"#.to_owned(),
        value: Box::new(Value::Elements(vec![number("1")])),
    };
    comes_back(&value, &Type::Dynamic);
    comes_back(&Value::Null, &Type::Dynamic);
    comes_back(&Value::UNKNOWN, &Type::Dynamic);
    assert_eq!(
        decode(b"\x92\xc4\x05wrong\xc0", &Type::Dynamic),
        Err(MsgpackError::Content("a type"))
    );
}

#[test]
fn what_does_not_fit_is_named() {
    let object = of(json!(["object", { "on": "bool" }]));
    assert_eq!(
        decode(b"\x81\xa3off\xc2", &object),
        Err(MsgpackError::Attribute("off".to_owned()))
    );
    assert_eq!(
        decode(b"\xa1x", &Type::Bool),
        Err(MsgpackError::Kind {
            found: 0xa1,
            expected: "a bool"
        })
    );
    assert_eq!(decode(b"\xc2\xc2", &Type::Bool), Err(MsgpackError::Long(1)));
    assert_eq!(decode(b"\xa5x", &Type::String), Err(MsgpackError::Short));
    let pair = of(json!(["tuple", ["bool"]]));
    assert_eq!(
        decode(b"\x92\xc2\xc2", &pair),
        Err(MsgpackError::Length {
            found: 2,
            expected: 1
        })
    );
}

#[test]
fn values_in_values_have_a_bottom() {
    // Each dynamic value holds another one.
    let mut bytes = vec![0xc0];
    for _level in 0..1_000 {
        bytes = [b"\x92\xc4\x09\"dynamic\"".as_slice(), &bytes].concat();
    }
    assert_eq!(decode(&bytes, &Type::Dynamic), Err(MsgpackError::Deep));
}

fn any_type() -> impl Strategy<Value = Type> {
    let scalars = prop_oneof![
        Just(Type::Bool),
        Just(Type::Number),
        Just(Type::String),
        Just(Type::Dynamic),
    ];
    scalars.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|of| Type::List(Box::new(of))),
            inner.clone().prop_map(|of| Type::Set(Box::new(of))),
            inner.clone().prop_map(|of| Type::Map(Box::new(of))),
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Type::Tuple),
            proptest::collection::btree_map("[ab]", inner, 0..3).prop_map(Type::Object),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_are_too_much(
        bytes in proptest::collection::vec(any::<u8>(), 0..64),
        of in any_type(),
    ) {
        if let Ok(value) = decode(&bytes, &of) {
            prop_assert_eq!(decode(&encode(&value), &of), Ok(value));
        }
    }

    #[test]
    fn no_length_asks_for_its_memory(marker in 0x80..=0xff_u8, of in any_type()) {
        let bytes = [marker, 0xff, 0xff, 0xff, 0xff, 0xc0];
        drop(decode(&bytes, &of));
    }
}
