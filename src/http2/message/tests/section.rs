use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use proptest::prelude::*;

use crate::http2::{
    Violation,
    hpack::{Field, FieldName, FieldValue, Pseudo},
    message::{ResponseHead, SectionBuilder},
};

fn value(value: &'static str) -> FieldValue {
    FieldValue::Header(HeaderValue::from_static(value))
}

fn field(name: &'static str, text: &'static str) -> Field {
    let name = match name {
        ":status" => FieldName::Pseudo(Pseudo::Status),
        ":method" => FieldName::Pseudo(Pseudo::Method),
        ":scheme" => FieldName::Pseudo(Pseudo::Scheme),
        ":authority" => FieldName::Pseudo(Pseudo::Authority),
        ":path" => FieldName::Pseudo(Pseudo::Path),
        ":protocol" => FieldName::Pseudo(Pseudo::Protocol),
        name if name.starts_with(':') || name.chars().any(char::is_uppercase) => {
            FieldName::Malformed(Bytes::from_static(name.as_bytes()))
        }
        name => FieldName::Header(HeaderName::from_static(name)),
    };
    Field {
        name,
        value: value(text),
        sensitive: false,
    }
}

fn section(mut builder: SectionBuilder, lines: &[(&'static str, &'static str)]) -> SectionBuilder {
    for (name, text) in lines {
        builder.push(field(name, text));
    }
    builder
}

fn response(lines: &[(&'static str, &'static str)]) -> Result<ResponseHead, Violation> {
    section(SectionBuilder::response(), lines).finish_response()
}

#[track_caller]
fn assert_malformed(lines: &[(&'static str, &'static str)], violation: Violation) {
    assert_eq!(response(lines).err(), Some(violation), "{lines:?}");
}

#[test]
fn a_response_has_status_fields_and_length() {
    let lines = [
        (":status", "200"),
        ("a", "1"),
        ("content-length", "5"),
        ("a", "2"),
    ];
    let head = response(&lines).unwrap();
    assert_eq!(
        (head.status, head.content_length),
        (StatusCode::OK, Some(5))
    );
    assert_eq!(
        head.headers.get_all("a").iter().collect::<Vec<_>>(),
        ["1", "2"]
    );
    assert_eq!(head.headers["content-length"], "5");
    assert_eq!(response(&[(":status", "103")]).unwrap().status, 103);
    assert_eq!(response(&[(":status", "999")]).unwrap().status, 999);
}

#[test]
fn status_is_three_digits_and_not_101() {
    // RFC 9113 §8.3.2, §8.6.
    for status in ["", "20", "2000", "099", "+20", "2 0", "abc"] {
        assert_malformed(&[(":status", status)], Violation::StatusValue);
    }
    assert_malformed(&[(":status", "101")], Violation::SwitchingProtocols);
    let mut builder = SectionBuilder::response();
    builder.push(Field {
        value: FieldValue::Malformed(Bytes::from_static(b"200\n")),
        ..field(":status", "")
    });
    assert_eq!(
        builder.finish_response().err(),
        Some(Violation::StatusValue)
    );
}

#[test]
fn pseudo_header_fields_are_known_single_early_and_there() {
    // RFC 9113 §8.3, §8.3.2.
    assert_malformed(&[], Violation::PseudoMissing);
    assert_malformed(&[("a", "b")], Violation::PseudoMissing);
    assert_malformed(
        &[(":status", "200"), (":status", "200")],
        Violation::PseudoRepeated,
    );
    assert_malformed(&[("a", "b"), (":status", "200")], Violation::PseudoLate);
    assert_malformed(
        &[(":status", "200"), (":path", "/")],
        Violation::PseudoUnknown,
    );
    assert_malformed(
        &[(":status", "200"), (":protocol", "x")],
        Violation::PseudoUnknown,
    );
    assert_malformed(
        &[(":status", "200"), (":made-up", "x")],
        Violation::PseudoUnknown,
    );
}

#[test]
fn names_and_values_are_well_formed() {
    // RFC 9113 §8.2.1.
    assert_malformed(&[(":status", "200"), ("Upper", "x")], Violation::FieldName);
    for text in [" a", "a ", "\ta", "a\t", " "] {
        assert_malformed(&[(":status", "200"), ("a", text)], Violation::FieldValue);
    }
    assert!(response(&[(":status", "200"), ("a", "b \t c"), ("b", "")]).is_ok());
    let mut builder = section(SectionBuilder::response(), &[(":status", "200")]);
    builder.push(Field {
        value: FieldValue::Malformed(Bytes::from_static(b"a\0b")),
        ..field("a", "")
    });
    assert_eq!(builder.finish_response().err(), Some(Violation::FieldValue));
}

#[test]
fn connection_specific_fields_make_a_message_malformed() {
    // RFC 9113 §8.2.2.
    for name in [
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
    ] {
        assert_malformed(
            &[(":status", "200"), (name, "x")],
            Violation::ConnectionField,
        );
        let trailers = section(SectionBuilder::trailers(), &[(name, "x")]);
        assert_eq!(trailers.finish_trailers(), Err(Violation::ConnectionField));
    }
    assert_malformed(
        &[(":status", "200"), ("te", "gzip")],
        Violation::ConnectionField,
    );
    assert!(response(&[(":status", "200"), ("te", "trailers")]).is_ok());
}

#[test]
fn content_lengths_are_numbers_that_agree() {
    // RFC 9110 §8.6.
    let length = |values: &[&'static str]| {
        let lines: Vec<_> = [(":status", "200")]
            .into_iter()
            .chain(values.iter().map(|value| ("content-length", *value)))
            .collect();
        response(&lines).map(|head| head.content_length)
    };
    assert_eq!(length(&[]), Ok(None));
    assert_eq!(length(&["7", "7, 7"]), Ok(Some(7)));
    for bad in [&["-1"][..], &["7", "8"], &["7, 8"], &[""]] {
        assert_eq!(length(bad), Err(Violation::ContentLengthValue), "{bad:?}");
    }
}

#[test]
fn the_first_violation_is_the_verdict_and_the_rest_is_taken() {
    let lines = [
        (":status", "200"),
        ("upgrade", "x"),
        (":status", "200"),
        ("Upper", "x"),
    ];
    assert_malformed(&lines, Violation::ConnectionField);
}

#[test]
fn sensitivity_survives() {
    let mut builder = section(
        SectionBuilder::response(),
        &[(":status", "200"), ("a", "open")],
    );
    builder.push(Field {
        sensitive: true,
        ..field("b", "secret")
    });
    let head = builder.finish_response().unwrap();
    assert!(head.headers["b"].is_sensitive());
    assert!(!head.headers["a"].is_sensitive());
}

#[test]
fn cookie_pairs_are_joined() {
    // RFC 9113 §8.2.3.
    let mut builder = section(
        SectionBuilder::response(),
        &[
            (":status", "200"),
            ("cookie", "a=b"),
            ("x", "y"),
            ("cookie", "c=d"),
        ],
    );
    builder.push(Field {
        sensitive: true,
        ..field("cookie", "e=f")
    });
    let head = builder.finish_response().unwrap();
    let cookies: Vec<_> = head.headers.get_all("cookie").iter().collect();
    assert_eq!(cookies, ["a=b; c=d; e=f"]);
    assert!(cookies[0].is_sensitive());
}

#[test]
fn trailers_have_no_pseudo_header_fields() {
    // RFC 9113 §8.1.
    let trailers = |lines| section(SectionBuilder::trailers(), lines).finish_trailers();
    assert_eq!(trailers(&[]), Ok(HeaderMap::new()));
    assert_eq!(
        trailers(&[("grpc-status", "0")]).unwrap()["grpc-status"],
        "0"
    );
    for lines in [
        &[(":status", "200")][..],
        &[(":x", "")],
        &[("a", "b"), (":path", "/")],
    ] {
        assert_eq!(
            trailers(lines),
            Err(Violation::PseudoInTrailers),
            "{lines:?}"
        );
    }
    // Not a number, but nobody asks a trailer for the length.
    assert!(trailers(&[("content-length", "x")]).is_ok());
}

#[test]
fn a_map_that_is_full_is_a_violation_and_no_panic() {
    // `http` holds 32,768 fields at most, and says so by a panic or by an error.
    let mut builder = section(SectionBuilder::response(), &[(":status", "200")]);
    for number in 0..40_000 {
        builder.push(Field {
            name: FieldName::Header(HeaderName::try_from(format!("x-{number}")).unwrap()),
            ..field("a", "b")
        });
    }
    assert_eq!(
        builder.finish_response().err(),
        Some(Violation::FieldSectionTooLarge)
    );
}

const PROMISE: [(&str, &str); 4] = [
    (":method", "GET"),
    (":scheme", "https"),
    (":authority", "h.example"),
    (":path", "/a,b"),
];

#[test]
fn promised_requests_have_their_four_pseudo_header_fields() {
    // RFC 9113 §8.3.1, §8.4.1.
    let promise =
        |lines: &[_]| section(SectionBuilder::push_request(), lines).finish_push_request();
    let head = promise(&[&PROMISE[..], &[("accept", "*/*")]].concat()).unwrap();
    assert_eq!(
        (head.method, head.uri.to_string()),
        (Method::GET, "https://h.example/a,b".into())
    );
    assert_eq!(head.headers["accept"], "*/*");
    for missing in 0..4 {
        let mut lines = PROMISE.to_vec();
        let (name, text) = lines.remove(missing);
        assert_eq!(
            promise(&lines).err(),
            Some(Violation::PseudoMissing),
            "{name}"
        );
        lines.extend([(name, text), (name, text)]);
        assert_eq!(
            promise(&lines).err(),
            Some(Violation::PseudoRepeated),
            "{name}"
        );
    }
    let status = [&PROMISE[..], &[(":status", "200")]].concat();
    assert_eq!(promise(&status).err(), Some(Violation::PseudoUnknown));
    for (index, text) in [(0, "G T"), (1, ""), (2, "me@h"), (2, ""), (3, "a"), (3, "")] {
        let mut lines = PROMISE;
        lines[index].1 = text;
        assert_eq!(
            promise(&lines).err(),
            Some(Violation::FieldValue),
            "{:?}",
            lines[index]
        );
    }
}

#[test]
fn builders_of_another_section_never_pass() {
    assert!(
        section(SectionBuilder::trailers(), &[])
            .finish_response()
            .is_err()
    );
    assert!(
        section(SectionBuilder::response(), &[(":status", "200")])
            .finish_push_request()
            .is_err()
    );
}

fn any_field() -> impl Strategy<Value = Field> {
    let name = prop_oneof![
        Just(FieldName::Pseudo(Pseudo::Status)),
        Just(FieldName::Pseudo(Pseudo::Path)),
        prop::collection::vec(any::<u8>(), 0..5).prop_map(|name| FieldName::Malformed(name.into())),
        "[a-z-]{1,8}".prop_map(|name| FieldName::Header(HeaderName::try_from(name).unwrap())),
        Just(FieldName::Header(http::header::CONTENT_LENGTH)),
        Just(FieldName::Header(http::header::COOKIE)),
    ];
    let value = prop::collection::vec(any::<u8>(), 0..12).prop_map(|octets| {
        HeaderValue::from_bytes(&octets)
            .map_or_else(|_| FieldValue::Malformed(octets.into()), FieldValue::Header)
    });
    (name, prop_oneof![value, Just(value_200())], any::<bool>()).prop_map(
        |(name, value, sensitive)| Field {
            name,
            value,
            sensitive,
        },
    )
}

fn value_200() -> FieldValue {
    value("200")
}

proptest! {
    #[test]
    fn arbitrary_sections_never_panic(fields in prop::collection::vec(any_field(), 0..8)) {
        for mut builder in [
            SectionBuilder::response(),
            SectionBuilder::trailers(),
            SectionBuilder::push_request(),
        ] {
            for field in fields.clone() {
                builder.push(field);
            }
            let _ = builder.finish_response();
        }
    }
}
