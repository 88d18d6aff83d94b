//! What holds for all fields, all sizes of the table and all octets.

use bytes::BytesMut;
use proptest::{collection::vec, prelude::*, sample::select};
use towline::http2::hpack::{Decoder, Encoder, Field, FieldRef, Limits};

use crate::support::{UNLIMITED, decode};

/// A field that owns its octets.
#[derive(Clone, Debug)]
struct Owned {
    name: Vec<u8>,
    value: Vec<u8>,
    sensitive: bool,
}

impl Owned {
    fn as_ref(&self) -> FieldRef<'_> {
        FieldRef {
            name: &self.name,
            value: &self.value,
            sensitive: self.sensitive,
        }
    }
}

/// Fields of which many come again, since that is what the tables are for, and some of any octets.
fn field() -> impl Strategy<Value = Owned> {
    let names = select(vec![
        ":path",
        ":status",
        "cookie",
        "date",
        "x-a",
        "x-b",
        "x-long-name",
        "",
    ]);
    let name = prop_oneof![
        4 => names.prop_map(|name| name.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..20),
    ];
    let values = select(vec![
        "",
        "/",
        "200",
        "1",
        "2",
        "3",
        "text/html; charset=utf-8",
    ]);
    let value = prop_oneof![
        4 => values.prop_map(|value| value.as_bytes().to_vec()),
        2 => vec(any::<u8>(), 0..100),
        1 => (any::<u8>(), 0usize..5000).prop_map(|(octet, len)| vec![octet; len]),
    ];
    let sensitive = prop::bool::weighted(0.1);
    (name, value, sensitive).prop_map(|(name, value, sensitive)| Owned {
        name,
        value,
        sensitive,
    })
}

/// What happens to the two ends of a connection.
#[derive(Clone, Debug)]
enum Event {
    Block(Vec<Owned>),
    Resize(usize),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let size = prop_oneof![Just(0usize), 0usize..200, 0usize..10_000];
    let event = prop_oneof![
        4 => vec(field(), 0..12).prop_map(Event::Block),
        1 => size.prop_map(Event::Resize),
    ];
    vec(event, 0..40)
}

fn encoded(encoder: &mut Encoder, fields: &[Owned]) -> BytesMut {
    let mut block = BytesMut::new();
    encoder.encode(fields.iter().map(Owned::as_ref), &mut block);
    block
}

/// Asserts that a block is judged alike with and without limits, and leaves the same table.
fn judge_twice(block: &[u8]) {
    let (mut free, mut bound) = (Decoder::new(4096), Decoder::new(4096));
    let verdict = free.decode(block, UNLIMITED, &mut |_| ()).err();
    let limits = Limits {
        max_size: 50,
        max_fields: 3,
    };
    let bound_verdict = bound.decode(block, limits, &mut |_| ()).err();
    assert_eq!(verdict, bound_verdict);
    assert_eq!(free.table_size(), bound.table_size());
    assert!(free.table_size() <= 4096, "RFC 7541 §4.2");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_encoded_is_decoded(cap in 0usize..9000, events in events()) {
        let mut encoder = Encoder::new(cap);
        let mut decoder = Decoder::new(4096);
        for event in events {
            match event {
                Event::Resize(size) => {
                    encoder.set_peer_table_size(size);
                    decoder.set_max_table_size(size);
                }
                Event::Block(fields) => {
                    let block = encoded(&mut encoder, &fields);
                    let decoded = decode(&mut decoder, &block).expect("what our encoder wrote");
                    let decoded: Vec<_> = decoded.iter().map(Field::as_ref).collect();
                    let fields: Vec<_> = fields.iter().map(Owned::as_ref).collect();
                    prop_assert_eq!(decoded, fields);
                    prop_assert_eq!(encoder.table_size(), decoder.table_size());
                    prop_assert!(encoder.table_size() <= cap);
                }
            }
        }
    }

    #[test]
    fn any_octets_are_judged(block in vec(any::<u8>(), 0..400)) {
        judge_twice(&block);
    }

    #[test]
    fn octets_that_look_like_a_block_are_judged(
        pieces in vec(
            prop_oneof![
                any::<u8>().prop_map(|octet| vec![octet | 0x80]),
                vec(any::<u8>(), 0..10).prop_map(|text| [vec![0x40, 1, b'a', 10], text].concat()),
                vec(any::<u8>(), 8).prop_map(|text| [vec![0x7e, 0x88], text].concat()),
                (0u8..0x20).prop_map(|size| vec![0x20 | size]),
            ],
            0..40,
        )
    ) {
        judge_twice(&pieces.concat());
    }

    #[test]
    fn a_damaged_block_is_judged(
        fields in vec(field(), 1..12),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        end in any::<prop::sample::Index>(),
    ) {
        let mut block = encoded(&mut Encoder::new(4096), &fields);
        for (at, octet) in damage {
            let at = at.index(block.len());
            block[at] ^= octet;
        }
        judge_twice(&block);
        block.truncate(end.index(block.len()));
        judge_twice(&block);
    }
}
