//! The examples of RFC 7541 Appendix C.

use towline::http2::hpack::{Decoder, Encoder, FieldRef};

use crate::support::{Pair, assert_fields, assert_table, decode, encode, hex};

#[test]
fn c_2_1_literal_with_indexing() {
    let mut decoder = Decoder::new(4096);
    let block = hex("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572");
    let fields = [("custom-key", "custom-header")];
    assert_fields(&decode(&mut decoder, &block).unwrap(), &fields);
    assert_table(&mut decoder, &fields);
}

#[test]
fn c_2_2_literal_without_indexing() {
    let mut decoder = Decoder::new(4096);
    let block = hex("040c 2f73 616d 706c 652f 7061 7468");
    assert_fields(
        &decode(&mut decoder, &block).unwrap(),
        &[(":path", "/sample/path")],
    );
    assert_table(&mut decoder, &[]);
}

#[test]
fn c_2_3_literal_never_indexed() {
    let mut decoder = Decoder::new(4096);
    let block = hex("1008 7061 7373 776f 7264 0673 6563 7265 74");
    let fields = decode(&mut decoder, &block).unwrap();
    assert_eq!(fields.len(), 1);
    let expected = FieldRef {
        name: b"password",
        value: b"secret",
        sensitive: true,
    };
    assert_eq!(fields[0].as_ref(), expected);
    assert_table(&mut decoder, &[]);
}

#[test]
fn c_2_4_indexed() {
    let mut decoder = Decoder::new(4096);
    assert_fields(
        &decode(&mut decoder, &hex("82")).unwrap(),
        &[(":method", "GET")],
    );
    assert_table(&mut decoder, &[]);
    assert_eq!(
        encode(&mut Encoder::new(4096), &[(":method", "GET")]),
        hex("82")
    );
}

/// One block of a series: its fields, its octets plain and Huffman-coded, and the table after it.
struct Step {
    fields: &'static [Pair<'static>],
    plain: &'static str,
    huffman: &'static str,
    table: &'static [Pair<'static>],
}

const REQUESTS: [Step; 3] = [
    Step {
        fields: &[
            (":method", "GET"),
            (":scheme", "http"),
            (":path", "/"),
            (":authority", "www.example.com"),
        ],
        plain: "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        huffman: "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        table: &[(":authority", "www.example.com")],
    },
    Step {
        fields: &[
            (":method", "GET"),
            (":scheme", "http"),
            (":path", "/"),
            (":authority", "www.example.com"),
            ("cache-control", "no-cache"),
        ],
        plain: "8286 84be 5808 6e6f 2d63 6163 6865",
        huffman: "8286 84be 5886 a8eb 1064 9cbf",
        table: &[
            ("cache-control", "no-cache"),
            (":authority", "www.example.com"),
        ],
    },
    Step {
        fields: &[
            (":method", "GET"),
            (":scheme", "https"),
            (":path", "/index.html"),
            (":authority", "www.example.com"),
            ("custom-key", "custom-value"),
        ],
        plain: "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
        huffman: "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
        table: &[
            ("custom-key", "custom-value"),
            ("cache-control", "no-cache"),
            (":authority", "www.example.com"),
        ],
    },
];

const COOKIE: &str = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";

const RESPONSES: [Step; 3] = [
    Step {
        fields: &[
            (":status", "302"),
            ("cache-control", "private"),
            ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
            ("location", "https://www.example.com"),
        ],
        plain: "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
                2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70
                6c65 2e63 6f6d",
        huffman: "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
                  2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        table: &[
            ("location", "https://www.example.com"),
            ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
            ("cache-control", "private"),
            (":status", "302"),
        ],
    },
    Step {
        fields: &[
            (":status", "307"),
            ("cache-control", "private"),
            ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
            ("location", "https://www.example.com"),
        ],
        plain: "4803 3330 37c1 c0bf",
        huffman: "4883 640e ffc1 c0bf",
        table: &[
            (":status", "307"),
            ("location", "https://www.example.com"),
            ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
            ("cache-control", "private"),
        ],
    },
    Step {
        fields: &[
            (":status", "200"),
            ("cache-control", "private"),
            ("date", "Mon, 21 Oct 2013 20:13:22 GMT"),
            ("location", "https://www.example.com"),
            ("content-encoding", "gzip"),
            ("set-cookie", COOKIE),
        ],
        plain: "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d
                54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049
                5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e
                3d31",
        huffman: "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab
                  77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f
                  9587 3160 65c0 03ed 4ee5 b106 3d50 07",
        table: &[
            ("set-cookie", COOKIE),
            ("content-encoding", "gzip"),
            ("date", "Mon, 21 Oct 2013 20:13:22 GMT"),
        ],
    },
];

fn assert_decodes(table_size: usize, steps: &[Step], octets: impl Fn(&Step) -> &'static str) {
    let mut decoder = Decoder::new(table_size);
    for step in steps {
        let fields = decode(&mut decoder, &hex(octets(step))).unwrap();
        assert_fields(&fields, step.fields);
        assert_table(&mut decoder, step.table);
    }
}

#[test]
fn c_3_requests_without_huffman() {
    assert_decodes(4096, &REQUESTS, |step| step.plain);
}

#[test]
fn c_4_requests_with_huffman() {
    assert_decodes(4096, &REQUESTS, |step| step.huffman);
}

#[test]
fn c_4_requests_are_encoded_to_the_octet() {
    let mut encoder = Encoder::new(4096);
    for step in &REQUESTS {
        assert_eq!(encode(&mut encoder, step.fields), hex(step.huffman));
    }
}

#[test]
fn c_5_responses_without_huffman_evict() {
    assert_decodes(256, &RESPONSES, |step| step.plain);
}

#[test]
fn c_6_responses_with_huffman_evict() {
    assert_decodes(256, &RESPONSES, |step| step.huffman);
}

/// Our encoder indexes other fields than the example does, so the octets differ.
#[test]
fn c_6_responses_survive_our_encoder() {
    let mut encoder = Encoder::new(256);
    let mut decoder = Decoder::new(4096);
    for step in &RESPONSES {
        let block = encode(&mut encoder, step.fields);
        assert_fields(&decode(&mut decoder, &block).unwrap(), step.fields);
        assert_eq!(encoder.table_size(), decoder.table_size());
        assert!(encoder.table_size() <= 256, "the size of the example");
    }
}
