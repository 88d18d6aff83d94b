//! What the header map costs beside `http::HeaderMap`: a typical head of 12 fields, and the largest
//! one that a peer may send, of 256.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue};
use towline::HttpHeaderMap;

/// A response head as an HTTP/1.1 server sends it.
const HEAD: [(&str, &str); 12] = [
    ("Date", "Mon, 21 Oct 2013 20:13:21 GMT"),
    ("Server", "example/1.25.3"),
    ("Content-Type", "application/json; charset=utf-8"),
    ("Content-Length", "1534"),
    ("Connection", "keep-alive"),
    ("Vary", "Accept-Encoding, Origin"),
    ("Cache-Control", "max-age=0, private, must-revalidate"),
    ("ETag", "W/\"6f0c4b0e0c4b0e\""),
    (
        "Set-Cookie",
        "session=0123456789abcdef; Path=/; HttpOnly; Secure",
    ),
    (
        "Strict-Transport-Security",
        "max-age=31536000; includeSubDomains",
    ),
    ("X-Request-Id", "4bf92f3577b34da6a3ce929d0e0e4736"),
    ("X-Frame-Options", "DENY"),
];

/// Names and values that share one buffer, as a reader of heads cuts them.
type Head = Vec<(Bytes, Bytes)>;

fn head(fields: usize) -> Head {
    let typical = HEAD.map(|(name, value)| (Bytes::from_static(name.as_bytes()), value.into()));
    let more = (HEAD.len()..fields)
        .map(|index| (Bytes::from(format!("X-Field-{index:03}")), "value".into()));
    typical.into_iter().chain(more).collect()
}

fn checked(head: &Head) -> HttpHeaderMap {
    let mut map = HttpHeaderMap::with_capacity(head.len());
    for (name, value) in head.iter().cloned() {
        map.append(name, value).expect("a valid field");
    }
    map
}

fn unchecked(head: &Head) -> HttpHeaderMap {
    let mut map = HttpHeaderMap::with_capacity(head.len());
    for (name, value) in head.iter().cloned() {
        map.append_unchecked(name, value);
    }
    map
}

fn of_http(head: &Head) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(head.len());
    for (name, value) in head.iter().cloned() {
        let name = HeaderName::from_bytes(&name).expect("a valid name");
        let value = HeaderValue::from_maybe_shared(value).expect("a valid value");
        map.append(name, value);
    }
    map
}

fn build(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("build");
    for fields in [12, 256] {
        let head = head(fields);
        let mut bench = |name, build: fn(&Head) -> usize| {
            group.bench_function(BenchmarkId::new(name, fields), |bencher| {
                bencher.iter(|| build(black_box(&head)));
            });
        };
        bench("append", |head| black_box(checked(head)).raw_len());
        bench("append_unchecked", |head| {
            black_box(unchecked(head)).raw_len()
        });
        bench("http::HeaderMap", |head| black_box(of_http(head)).len());
    }
    group.finish();
}

fn look_up(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("look up");
    for fields in [12, 64, 256] {
        let head = head(fields);
        let (map, http) = (unchecked(&head), of_http(&head));
        // The last field of the head, one that splits, and one that is not there.
        let last = str::from_utf8(&head[fields - 1].0)
            .expect("a name is text")
            .to_lowercase();
        for name in [&*last, "cache-control", "x-absent"] {
            let id = |kind| BenchmarkId::new(format!("{kind} {name}"), fields);
            group.bench_function(id("first"), |bencher| {
                bencher.iter(|| map.first(black_box(name)).map(<[u8]>::len));
            });
            group.bench_function(id("get_all"), |bencher| {
                bencher.iter(|| map.get_all(black_box(name)).map(<[u8]>::len).sum::<usize>());
            });
            group.bench_function(id("http::HeaderMap"), |bencher| {
                bencher.iter(|| http.get(black_box(name)).map(HeaderValue::len));
            });
        }
    }
    group.finish();
}

fn whole(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("whole");
    for fields in [12, 256] {
        let head = head(fields);
        let (map, http) = (unchecked(&head), of_http(&head));
        let mut bench = |name, of: &dyn Fn() -> usize| {
            group.bench_function(BenchmarkId::new(name, fields), |bencher| bencher.iter(of));
        };
        bench("iter", &|| {
            let map = black_box(&map);
            map.iter()
                .map(|(name, value)| name.as_raw().len() + value.len())
                .sum()
        });
        bench("iter_raw", &|| {
            let fields = black_box(&map).iter_raw();
            fields
                .map(|(name, value)| name.as_bytes().len() + value.as_bytes().len())
                .sum()
        });
        bench("names", &|| black_box(&map).names().count());
        bench("clone", &|| black_box(map.clone()).raw_len());
        bench("into http::HeaderMap", &|| {
            HeaderMap::try_from(black_box(&map))
                .expect("valid fields")
                .len()
        });
        bench("from http::HeaderMap", &|| {
            HttpHeaderMap::from(black_box(&http)).raw_len()
        });
        bench("clone of http::HeaderMap", &|| {
            black_box(http.clone()).len()
        });
    }
    group.finish();
}

criterion_group!(benches, build, look_up, whole);
criterion_main!(benches);
