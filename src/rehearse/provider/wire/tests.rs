use proptest::prelude::*;

use super::*;

#[test]
fn a_message_is_what_protocol_buffers_write() {
    // The example of the format's own documentation: field 1 is 150, field 2 the text `testing`.
    let message = Message::default().number(1, 150).text(2, "testing");
    assert_eq!(message.into_bytes(), b"\x08\x96\x01\x12\x07testing");
}

#[test]
fn what_was_written_is_read() {
    let inner = Message::default().text(1, "spot_cloudspace");
    let bytes = Message::default()
        .messages(3, [inner.clone(), inner])
        .entry(200, "key", &Message::default().number(1, u64::MAX))
        .into_bytes();
    let fields = Fields::read(&bytes).expect("a message");
    assert_eq!(
        fields.message(3).expect("a message").text(1),
        Ok("spot_cloudspace")
    );
    assert_eq!(fields.message(200).expect("an entry").text(1), Ok("key"));
    assert_eq!(fields.bytes(4), b"");
}

#[test]
fn fields_that_nobody_knows_are_passed_over() {
    let bytes = b"\x09\0\0\0\0\0\0\0\0\x15\0\0\0\0\x08\x01\x12\x01x";
    assert_eq!(Fields::read(bytes).expect("a message").text(2), Ok("x"));
}

#[test]
fn what_is_no_message_is_told() {
    for (bytes, error) in [
        (b"\x12\x05x".as_slice(), WireError::Short),
        (b"\x0b", WireError::Kind(3)),
        (
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
            WireError::Number,
        ),
        (
            b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            WireError::Short,
        ),
    ] {
        assert_eq!(
            Fields::read(bytes).expect_err("no message"),
            error,
            "{bytes:02x?}"
        );
    }
    let fields = Fields::read(b"\x0a\x01\xff").map(|fields| fields.text(1).expect_err("no text"));
    assert_eq!(fields.expect("a message"), WireError::Text(1));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_are_too_much(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        drop(Fields::read(&bytes));
    }
}
