//! Time a field block takes, both ways, on the interoperability stories if
//! `TOWLINE_CONFORMANCE_DATA` names their folder, and on a typical exchange in any case.
//!
//! The unit of throughput is the field: Criterion's "elem/s" is fields a second.

use std::{env, fs, hint::black_box, path::PathBuf};

use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::Value;
use towline::http2::hpack::{Decoder, Encoder, FieldRef, Limits, Outcome};

/// The fields of one message.
type Section = Vec<(String, String)>;

/// A request as a service sends it over and over.
const REQUEST: [(&str, &str); 10] = [
    (":method", "GET"),
    (":scheme", "https"),
    (":authority", "api.example.com"),
    (":path", "/v1/items/12345?fields=name,size"),
    ("accept", "application/json"),
    ("accept-encoding", "gzip, deflate"),
    ("authorization", "Bearer 0123456789abcdef0123456789abcdef"),
    ("user-agent", "towline/0.1 (https://example.com)"),
    ("x-request-source", "billing"),
    (
        "traceparent",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
];

/// The response to it.
const RESPONSE: [(&str, &str); 9] = [
    (":status", "200"),
    ("content-type", "application/json; charset=utf-8"),
    ("content-length", "1534"),
    ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
    ("server", "example/1.25.3"),
    ("cache-control", "max-age=0, private, must-revalidate"),
    ("etag", "W/\"6f0c4b0e0c4b0e\""),
    ("vary", "accept-encoding"),
    (
        "strict-transport-security",
        "max-age=31536000; includeSubDomains",
    ),
];

fn section(fields: &[(&str, &str)]) -> Section {
    fields
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The raw stories, each the messages of one connection; none if the data are not there.
fn stories() -> Vec<Vec<Section>> {
    let Some(data) = env::var_os("TOWLINE_CONFORMANCE_DATA") else {
        return Vec::new();
    };
    let folder = PathBuf::from(data).join("hpack/raw-data");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the folder of stories")
        .map(|entry| entry.expect("an entry of the folder").path())
        .collect();
    files.sort();
    files
        .iter()
        .map(|file| story(&fs::read_to_string(file).expect("a story")))
        .collect()
}

fn story(text: &str) -> Vec<Section> {
    let story: Value = serde_json::from_str(text).expect("a story in JSON");
    let cases = story["cases"].as_array().expect("a list of cases").iter();
    cases
        .map(|case| {
            let fields = case["headers"].as_array().expect("a list of fields").iter();
            fields
                .flat_map(|field| field.as_object().expect("a name and a value"))
                .map(|(name, value)| (name.clone(), value.as_str().expect("a text").to_owned()))
                .collect()
        })
        .collect()
}

fn encode(encoder: &mut Encoder, section: &Section, out: &mut BytesMut) {
    let fields = section
        .iter()
        .map(|(name, value)| FieldRef::new(name.as_bytes(), value.as_bytes()));
    encoder.encode(fields, out);
}

fn decode(decoder: &mut Decoder, block: &[u8]) {
    let outcome = decoder.decode(block, Limits::default(), &mut |field| {
        black_box(field);
    });
    assert_eq!(outcome, Ok(Outcome::Complete));
}

fn fields_of(sections: &[Section]) -> Throughput {
    Throughput::Elements(sections.iter().map(|section| section.len() as u64).sum())
}

/// One message on a connection that has seen it before.
fn steady(criterion: &mut Criterion, name: &str, message: &[(&str, &str)]) {
    let message = section(message);
    let mut group = criterion.benchmark_group(name);
    group.throughput(fields_of(std::slice::from_ref(&message)));
    let mut encoder = Encoder::new(4096);
    let mut decoder = Decoder::new(4096);
    // The second may still insert what came again; the third is like all after it.
    let [first, _, next] = [(); 3].map(|()| {
        let mut block = BytesMut::new();
        encode(&mut encoder, &message, &mut block);
        decode(&mut decoder, &block);
        block
    });
    let mut block = BytesMut::new();
    group.bench_function("encode", |bencher| {
        bencher.iter(|| {
            block.clear();
            encode(&mut encoder, black_box(&message), &mut block);
        });
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| decode(&mut decoder, black_box(&next)));
    });
    // Literals that are inserted, each evicting another once the table is full.
    group.bench_function("decode literals", |bencher| {
        bencher.iter(|| decode(&mut decoder, black_box(&first)));
    });
    group.finish();
}

/// All stories from a new connection each.
fn whole_stories(criterion: &mut Criterion) {
    let stories = stories();
    if stories.is_empty() {
        eprintln!("TOWLINE_CONFORMANCE_DATA is not set: no stories");
        return;
    }
    let mut group = criterion.benchmark_group("stories");
    group.throughput(fields_of(&stories.concat()));
    group.bench_function("encode", |bencher| {
        let mut block = BytesMut::new();
        bencher.iter(|| {
            for story in &stories {
                let mut encoder = Encoder::new(4096);
                for section in story {
                    block.clear();
                    encode(&mut encoder, section, &mut block);
                }
            }
        });
    });
    let blocks: Vec<Vec<BytesMut>> = stories.iter().map(|story| blocks(story)).collect();
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            for story in &blocks {
                let mut decoder = Decoder::new(4096);
                for block in story {
                    decode(&mut decoder, block);
                }
            }
        });
    });
    group.finish();
}

fn blocks(story: &[Section]) -> Vec<BytesMut> {
    let mut encoder = Encoder::new(4096);
    story
        .iter()
        .map(|section| {
            let mut block = BytesMut::new();
            encode(&mut encoder, section, &mut block);
            block
        })
        .collect()
}

fn hpack(criterion: &mut Criterion) {
    steady(criterion, "request", &REQUEST);
    steady(criterion, "response", &RESPONSE);
    whole_stories(criterion);
}

criterion_group!(benches, hpack);
criterion_main!(benches);
