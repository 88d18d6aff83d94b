use proptest::prelude::*;

use super::*;

fn parsed(value: &str) -> Option<(u8, bool)> {
    let priority: Priority = value.parse().ok()?;
    Some((priority.urgency.get(), priority.incremental))
}

#[test]
fn parameters_are_read_wherever_they_stand() {
    let cases = [
        ("", (3, false)),
        ("  ", (3, false)),
        ("u=0", (0, false)),
        ("u=7", (7, false)),
        ("i", (3, true)),
        ("i=?1", (3, true)),
        ("i=?0", (3, false)),
        ("u=5, i", (5, true)),
        ("i,u=5", (5, true)),
        (" i \t,\t  u=5  ", (5, true)),
        ("u=05", (5, false)),
        ("u=1;x=2;y, i;z=\"u=4\"", (1, true)),
        // RFC 8941 §4.2.2: the last one counts.
        ("u=1, i, u=2, i=?0", (2, false)),
        ("u=1, u=x", (3, false)),
        ("i, i=1", (3, false)),
    ];
    for (value, expected) in cases {
        assert_eq!(parsed(value), Some(expected), "{value:?}");
    }
}

/// RFC 9218 §4: unknown, out of range, or of another type.
#[test]
fn what_is_no_parameter_is_passed_over() {
    let values = [
        "u=8",
        "u=-1",
        "u=256",
        "u=999999999999999",
        "u=-999999999999999",
        "u=1.0",
        "u=123456789012.123",
        "u",
        "u=?1",
        "u=\"1\"",
        "u=one",
        "u=*a/b:c!#$%&'*+-.^_`|~",
        "u=:AQ==:",
        "u=(1)",
        "i=1",
        "i=\"?1\"",
        "i=(?1)",
        "x=9, *y-_.*1, z=(1 \"two\\\"\\\\\" :dGhyZWU=:;p  ?0 );q=1.5",
        "uu=1, ii",
    ];
    for value in values {
        assert_eq!(parsed(value), Some((3, false)), "{value:?}");
        let among_others = format!("u=1, q, {value}, u=2, i");
        assert_eq!(parsed(&among_others), Some((2, true)), "{value:?}");
    }
}

/// RFC 8941 §4.2: a field that fails is ignored as a whole.
#[test]
fn one_fault_spoils_all_of_it() {
    let values = [
        ",",
        "u=1,",
        "u=1, ",
        ",u=1",
        "u=1,,i",
        "u=1 i",
        "u=1;",
        "u=1; =2",
        "u=1;p=",
        "u=",
        "u==1",
        "u =1",
        "u= 1",
        "=1",
        "U=1",
        "1=u",
        "u=1\t",
        "u=-",
        "u=.5",
        "u=1.",
        "u=1.1234",
        "u=1234567890123.1",
        "u=1234567890123456",
        "u=--1",
        "u=+1",
        "i=?2",
        "i=?",
        "i=?true",
        "x=\"open",
        "x=\"\\",
        "x=\"\\n\"",
        "x=\"\u{e9}\"",
        "x=\"\u{7f}\"",
        "x=\"\u{1f}\"",
        "x=:AQ==",
        "x=:A Q:",
        "x=(",
        "x=(1",
        "x=(1\"2\")",
        "x=((1))",
        "x=(1,2)",
        "x=)",
        "x=@1",
        "x={}",
        "\u{e9}",
    ];
    for value in values {
        assert_eq!(parsed(value), None, "{value:?}");
        assert_eq!(parsed(&format!("u=2, {value}")), None, "{value:?}");
    }
    // Only spaces are stripped from a field, where its members may stand behind tabs, too.
    assert_eq!(parsed("\tu=1"), None);
    assert_eq!(parsed("i,\tu=1"), Some((1, true)));
}

#[test]
fn lines_of_one_field_are_one_dictionary() {
    let from = |lines: &[&'static str]| {
        let mut fields = HeaderMap::new();
        for line in lines {
            fields.append(FIELD, HeaderValue::from_static(line));
        }
        Priority::from_fields(&fields)
    };
    let priority = |urgency, incremental| {
        let urgency = Urgency::new(urgency)?;
        Some(Priority::new(urgency).incremental(incremental))
    };
    assert_eq!(from(&[]), None);
    assert_eq!(from(&["u=1"]), priority(1, false));
    assert_eq!(from(&["u=1", "i"]), priority(1, true));
    assert_eq!(from(&["u=1, i", "u=2", "i=?0"]), priority(2, false));
    assert_eq!(from(&["u=1", "no dictionary"]), None);
    assert_eq!(from(&["no dictionary", "u=1"]), None);
}

#[test]
fn only_what_differs_from_the_default_is_written() {
    let mut seen = Vec::new();
    for number in 0..16 {
        let priority = Priority::from_number(number);
        assert_eq!(priority.to_number(), number);
        let text = priority.to_string();
        assert_eq!(text.contains('i'), priority.incremental);
        assert_eq!(text.contains('u'), priority.urgency != Urgency::DEFAULT);
        assert_eq!(HeaderValue::from(priority), text);
        assert!(!seen.contains(&text), "{text:?} says two things");
        seen.push(text);
    }
}

#[test]
fn urgencies_end_at_seven() {
    assert_eq!(Urgency::new(7), Some(Urgency::BACKGROUND));
    assert_eq!(Urgency::new(8), None);
    assert_eq!(Urgency::new(255), None);
    assert_eq!(Urgency::default().get(), 3);
    assert!(Urgency::HIGHEST < Urgency::DEFAULT);
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_it_was(number in 0_u8..16) {
        let priority = Priority::from_number(number);
        prop_assert_eq!(priority.to_string().parse(), Ok(priority));
    }

    #[test]
    fn no_octets_make_it_panic(
        octets in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            "[ui*=?01;:,( )\"\\\\.\t-]{0,40}".prop_map(String::into_bytes),
        ],
    ) {
        if let Some(priority) = Priority::parse(&octets) {
            prop_assert!(priority.urgency <= Urgency::BACKGROUND);
        }
    }
}
