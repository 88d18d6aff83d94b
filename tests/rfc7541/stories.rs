//! The interoperability stories: blocks of other encoders, and the same fields through ours.

use std::{env, fs, path::PathBuf};

use bytes::BytesMut;
use serde_json::Value;
use towline::http2::hpack::{Decoder, Encoder, FieldRef};

use crate::support::{Pair, assert_fields, decode, encode, hex};

/// One block of a story.
struct Case {
    table_size: Option<usize>,
    wire: Vec<u8>,
    fields: Vec<(String, String)>,
}

impl Case {
    fn parse(case: &Value) -> Self {
        let fields = case["headers"].as_array().expect("a list of fields").iter();
        Self {
            table_size: case["header_table_size"]
                .as_u64()
                .map(|size| usize::try_from(size).expect("a size of a table")),
            wire: case["wire"].as_str().map(hex).unwrap_or_default(),
            fields: fields
                .flat_map(|field| field.as_object().expect("a name and a value"))
                .map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned()))
                .collect(),
        }
    }

    fn fields(&self) -> Vec<Pair<'_>> {
        self.fields
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect()
    }
}

/// The stories of one encoder, by number; each is the life of one connection.
fn stories(encoder: &str) -> Vec<Vec<Case>> {
    let data = env::var_os("TOWLINE_CONFORMANCE_DATA").expect("TOWLINE_CONFORMANCE_DATA");
    let folder = PathBuf::from(data).join("hpack").join(encoder);
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the folder of stories")
        .map(|entry| entry.expect("an entry of the folder").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    assert!(files.len() > 30, "the stories of {encoder} are incomplete");
    files
        .into_iter()
        .map(|file| {
            let text = fs::read_to_string(file).expect("a story");
            let story: Value = serde_json::from_str(&text).expect("a story in JSON");
            story["cases"]
                .as_array()
                .expect("a list of cases")
                .iter()
                .map(Case::parse)
                .collect()
        })
        .collect()
}

fn assert_decodes(encoder: &str) {
    for story in stories(encoder) {
        let mut decoder = Decoder::new(4096);
        for case in story {
            if let Some(size) = case.table_size {
                decoder.set_max_table_size(size);
            }
            assert_fields(
                &decode(&mut decoder, &case.wire).expect("a valid block"),
                &case.fields(),
            );
        }
    }
}

#[test]
#[ignore = "needs TOWLINE_CONFORMANCE_DATA"]
fn blocks_of_nghttp2_decode() {
    assert_decodes("nghttp2");
}

#[test]
#[ignore = "needs TOWLINE_CONFORMANCE_DATA"]
fn blocks_of_nghttp2_with_changing_tables_decode() {
    assert_decodes("nghttp2-change-table-size");
}

#[test]
#[ignore = "needs TOWLINE_CONFORMANCE_DATA"]
fn blocks_of_haskell_http2_decode() {
    assert_decodes("haskell-http2-linear");
}

#[test]
#[ignore = "needs TOWLINE_CONFORMANCE_DATA"]
fn stories_survive_our_encoder() {
    for story in stories("raw-data") {
        let (mut encoder, mut decoder) = (Encoder::new(4096), Decoder::new(4096));
        for case in story {
            let block = encode(&mut encoder, &case.fields());
            assert_fields(
                &decode(&mut decoder, &block).expect("our block"),
                &case.fields(),
            );
            assert_eq!(encoder.table_size(), decoder.table_size());
        }
    }
}

#[test]
#[ignore = "needs TOWLINE_CONFORMANCE_DATA"]
fn stories_survive_our_encoder_while_tables_change() {
    let sizes = [4096, 0, 33, 100, 1 << 20, 512, 4096, 1365, 64, 8192];
    for story in stories("raw-data") {
        let (mut encoder, mut decoder) = (Encoder::new(4096), Decoder::new(4096));
        for (round, case) in story.into_iter().enumerate() {
            // None, one or two changes before a block.
            for change in 0..round % 3 {
                let size = sizes[(round + change) % sizes.len()];
                encoder.set_peer_table_size(size);
                decoder.set_max_table_size(size);
            }
            let block = encode(&mut encoder, &case.fields());
            assert_fields(
                &decode(&mut decoder, &block).expect("our block"),
                &case.fields(),
            );
            assert_eq!(encoder.table_size(), decoder.table_size());
        }
    }
}

/// Octets that our encoder takes for the stories numbered below 31 that `wanted` picks.
fn octets_of_ours(wanted: impl Fn(usize) -> bool) -> usize {
    let mut total = 0;
    for (number, story) in stories("raw-data").into_iter().enumerate() {
        if number > 30 || !wanted(number) {
            continue;
        }
        let mut encoder = Encoder::new(4096);
        for case in story {
            let mut block = BytesMut::new();
            let fields = case.fields();
            let fields = fields
                .iter()
                .map(|(name, value)| FieldRef::new(name.as_bytes(), value.as_bytes()));
            encoder.encode(fields, &mut block);
            total += block.len();
        }
    }
    total
}

/// What the encoder takes now; a change of its choices has to be no worse. nghttp2 takes 348,360
/// octets, and the fields plain 1,125,157.
#[test]
#[ignore = "needs TOWLINE_CONFORMANCE_DATA"]
fn our_encoder_is_compact() {
    let (even, odd) = (
        octets_of_ours(|it| it % 2 == 0),
        octets_of_ours(|it| it % 2 == 1),
    );
    println!("even {even} + odd {odd} = {}", even + odd);
    assert!(even + odd <= 335_200);
}
