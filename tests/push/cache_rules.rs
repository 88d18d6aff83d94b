//! Which pushed responses `PushCache` uses (RFC 9111 §3, §4; RFC 9113 §8.4).

use std::time::Duration;

use towline::layer::PushCacheLayer;

use super::{
    cache::{CANCEL, CacheRig, FRESH, REFUSED, one, one_with},
    peers::raw,
    support::{block, literal},
};

/// Keeps what was pushed for longer than any test.
fn patient() -> PushCacheLayer {
    PushCacheLayer::new().max_age(Duration::from_secs(100_000))
}

#[tokio::test(start_paused = true)]
async fn a_response_is_used_while_it_is_fresh_and_says_how_old_it_is() {
    for (seconds, is_fresh) in [(0, true), (59, true), (60, false)] {
        let mut t = CacheRig::with(patient()).await;
        t.push(2, "/one", FRESH).await;
        tokio::time::advance(Duration::from_secs(seconds)).await;
        if is_fresh {
            let response = t.answers(one()).await;
            assert_eq!(response.headers()["age"], seconds.to_string());
        } else {
            // It has ended: there is nothing to cancel.
            assert_eq!(t.asks(3, one()).await, []);
            assert!(t.cache.store().is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_age_that_it_came_with_counts() {
    for (age, seconds, expected) in [
        ("10", 20, Some("30")),
        ("50", 20, None),
        // RFC 9111 §1.2.2, §5.1.
        ("99999999999999999999999", 20, None),
        ("18446744073709551615", 20, None),
        ("soon", 20, Some("20")),
        ("-5", 20, Some("20")),
    ] {
        let mut t = CacheRig::with(patient()).await;
        let fields = [("cache-control", "max-age=60"), ("age", age)];
        t.push(2, "/one", &fields).await;
        tokio::time::advance(Duration::from_secs(seconds)).await;
        match expected {
            Some(expected) => {
                let response = t.answers(one()).await;
                assert_eq!(response.headers()["age"], expected, "{age}");
            }
            None => assert_eq!(t.asks(3, one()).await, [], "{age}"),
        }
    }
}

/// RFC 9113 §8.4: while its stream is open it counts as validated; after that, what it says counts.
#[tokio::test(start_paused = true)]
async fn what_says_nothing_of_freshness_is_used_only_while_it_is_coming() {
    let unsaid: &[&[(&str, &str)]] = &[
        &[],
        &[("cache-control", "no-cache")],
        &[("cache-control", "max-age=0, must-revalidate")],
        &[("expires", "0")],
        &[("cache-control", "max-age=60, No-Cache")],
    ];
    for &fields in unsaid {
        let mut t = CacheRig::new().await;
        t.peer.promise(1, 2, "/one").await;
        t.peer.head_with(2, 0, fields).await;
        t.peer.until_quiet().await;
        let calling = t.call(one());
        t.peer.send(raw::DATA, raw::END_STREAM, 2, b"push 2").await;
        assert_eq!(t.peer.requests().await, [], "{fields:?}");
        let response = calling.await.unwrap().unwrap();
        assert!(!response.headers().contains_key("age"));

        t.push(4, "/one", fields).await;
        assert_eq!(t.asks(3, one()).await, [], "{fields:?}");
    }
}

/// RFC 9111 §3: never, whether it is coming or not.
#[tokio::test(start_paused = true)]
async fn what_must_not_be_stored_is_never_used() {
    let unusable: &[&[(&str, &str)]] = &[
        &[("cache-control", "no-store")],
        &[("cache-control", "max-age=60, NO-STORE")],
        &[
            ("cache-control", "max-age=60"),
            ("cache-control", "no-store"),
        ],
        &[("cache-control", "max-age=60, private")],
        &[
            ("cache-control", "Private"),
            ("expires", "Thu, 01 Dec 2999 16:00:00 GMT"),
        ],
        &[
            ("cache-control", "public, max-age=60"),
            ("set-cookie", "a=b"),
        ],
        &[("cache-control", "max-age=60"), ("vary", "*")],
    ];
    for &fields in unusable {
        let mut t = CacheRig::new().await;
        t.push(2, "/one", fields).await;
        assert_eq!(t.asks(3, one()).await, [], "{fields:?}");
        t.peer.promise(1, 4, "/one").await;
        t.peer.head_with(4, 0, fields).await;
        t.peer.until_quiet().await;
        assert_eq!(t.asks(5, one()).await, [(4, CANCEL)], "{fields:?}");
    }
}

/// Statuses that a cache may store without being told so, and others.
#[tokio::test(start_paused = true)]
async fn the_status_decides_too() {
    for (status, is_used) in [
        ("404", true),
        ("500", false),
        ("206", false),
        ("304", false),
    ] {
        let mut t = CacheRig::new().await;
        t.peer.promise(1, 2, "/one").await;
        // `:status` is the name of entry 8.
        let cache_control = [literal(0, "cache-control"), b"\x0amax-age=60".to_vec()].concat();
        let block = [literal(8, status), cache_control].concat();
        let flags = raw::END_HEADERS | raw::END_STREAM;
        t.peer.send(raw::HEADERS, flags, 2, &block).await;
        t.peer.until_quiet().await;
        if is_used {
            assert_eq!(t.answers(one()).await.status().as_str(), status);
        } else {
            assert_eq!(t.asks(3, one()).await, [], "{status}");
        }
    }
}

/// RFC 9111 §4.1: against the fields of the promised request.
#[tokio::test(start_paused = true)]
async fn what_varies_is_used_for_like_requests_alone() {
    // What the response names, what the promise has, what the request has.
    let cases: &[(&str, &[&str], &[&str], bool)] = &[
        ("accept", &[], &[], true),
        ("accept", &["a"], &["a"], true),
        ("Accept, x-b", &["a"], &["a"], true),
        ("accept", &["a"], &[], false),
        ("accept", &[], &["a"], false),
        ("accept", &["a"], &["b"], false),
        ("x-b , accept", &["a"], &["b"], false),
        // More than the first line counts.
        ("accept", &["a", "b"], &["a"], false),
        ("accept", &["a", "b"], &["a", "c"], false),
        ("accept", &["a", "b"], &["a", "b"], true),
        ("x-b", &["a"], &["b"], true),
        ("", &["a"], &["b"], true),
        ("x-b, *", &[], &[], false),
        ("not a name", &[], &[], true),
    ];
    for &(vary, promised, asked, is_used) in cases {
        let mut t = CacheRig::new().await;
        let mut block = block("/one");
        for &value in promised {
            // `accept` is the name of entry 19: an integer of two octets.
            block.extend_from_slice(&[0x0f, 4]);
            block.extend_from_slice(&literal(0, value)[1..]);
        }
        t.peer.promise_block(1, 2, &block).await;
        let fields = [("cache-control", "max-age=60"), ("vary", vary)];
        t.peer.respond_with(2, &fields, "pushed").await;
        t.peer.until_quiet().await;
        let mut request = one();
        for value in asked {
            request
                .headers_mut()
                .append("accept", value.parse().unwrap());
        }
        if is_used {
            t.answers(request).await;
        } else {
            assert_eq!(
                t.asks(3, request).await,
                [],
                "{vary} {promised:?} {asked:?}"
            );
        }
    }
}

/// What is one user's does not reach another, unless there is only one.
#[tokio::test(start_paused = true)]
async fn credentials_take_no_part_unless_all_is_one_users() {
    let private: &[(&str, &str)] = &[
        ("cache-control", "private, max-age=60"),
        ("set-cookie", "a=b"),
    ];
    let mut shared = CacheRig::new().await;
    let _calling = shared.call(one_with("cookie", "a=b"));
    assert_eq!(shared.peer.request().await, 3);
    shared.peer.promise(3, 2, "/two").await;
    assert_eq!(shared.peer.resets().await, [(2, REFUSED)]);

    let mut of_one = CacheRig::with(PushCacheLayer::new().private(true)).await;
    let _calling = of_one.call(one_with("authorization", "Basic YTpi"));
    assert_eq!(of_one.peer.request().await, 3);
    of_one.peer.promise(3, 2, "/one").await;
    of_one.peer.respond_with(2, private, "pushed").await;
    of_one.peer.until_quiet().await;
    let response = of_one.answers(one_with("cookie", "a=b")).await;
    assert_eq!(response.headers()["set-cookie"], "a=b");
}
