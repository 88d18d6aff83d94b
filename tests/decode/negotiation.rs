//! What requests say about codings, and who decides.

use bytes::Bytes;
use http::{Request, header};
use http_body_util::Empty;
use tower::ServiceExt;
use towline::{
    Transport,
    decode::{Decoded, Decoding},
};

use crate::{
    canned::{Canned, serve},
    peers::{Wire, builder, everywhere, on_threads, text, transport},
    support::gzip,
};

/// Gives gzip whatever was asked for, and says in a field what that was.
fn echo(request: &Request<h2::RecvStream>) -> Canned {
    let asked = request.headers().get_all(header::ACCEPT_ENCODING);
    let asked: Vec<_> = asked.iter().map(|it| it.to_str().unwrap()).collect();
    Canned::encoded("gzip", &gzip(b"content")).field("x-asked", &asked.join("|"))
}

/// What the server was asked for, and whether the response came decoded.
async fn ask(
    transport: Transport,
    url: &str,
    change: fn(&mut Request<Empty<Bytes>>),
) -> (String, bool) {
    let mut request = Request::get(url).body(Empty::new()).unwrap();
    change(&mut request);
    let response = transport.oneshot(request).await.unwrap();
    let asked = response.headers()["x-asked"].to_str().unwrap().to_owned();
    let is_decoded = response.extensions().get::<Decoded>().is_some();
    assert_eq!(
        response.headers().contains_key("content-encoding"),
        !is_decoded
    );
    assert_eq!(
        response.headers().contains_key("content-length"),
        !is_decoded
    );
    if is_decoded {
        assert_eq!(text(response).await.unwrap(), "content");
    }
    (asked, is_decoded)
}

fn ours() -> String {
    let mut codings = Vec::new();
    if cfg!(feature = "zstd") {
        codings.push("zstd");
    }
    if cfg!(feature = "brotli") {
        codings.push("br");
    }
    codings.extend(["gzip", "deflate"]);
    codings.join(", ")
}

#[test]
fn a_request_says_what_can_be_decoded() {
    everywhere(|wire| async move {
        let server = serve(wire, echo).await;
        let (asked, is_decoded) = ask(transport(), &server.url("/"), |_| {}).await;
        assert_eq!(asked, ours());
        assert!(is_decoded);
    });
}

#[test]
fn whoever_asks_himself_is_not_interrupted_and_gets_content_all_the_same() {
    on_threads(1, async {
        let server = serve(Wire::Clear, echo).await;
        let (asked, is_decoded) = ask(transport(), &server.url("/"), |request| {
            let headers = request.headers_mut();
            headers.append(header::ACCEPT_ENCODING, "br;q=0.1".parse().unwrap());
            headers.append(header::ACCEPT_ENCODING, "gzip".parse().unwrap());
        })
        .await;
        assert_eq!(asked, "br;q=0.1|gzip");
        assert!(is_decoded);
    });
}

#[test]
fn a_range_is_asked_for_without_a_word_about_codings() {
    on_threads(1, async {
        let server = serve(Wire::Clear, echo).await;
        let (asked, is_decoded) = ask(transport(), &server.url("/"), |request| {
            let range = "bytes=0-9".parse().unwrap();
            request.headers_mut().insert(header::RANGE, range);
        })
        .await;
        assert_eq!(asked, "");
        // This server has ignored the range, and encoded unasked: all of the content is there.
        assert!(is_decoded);
    });
}

#[test]
fn transport_and_request_choose() {
    on_threads(1, async {
        let server = serve(Wire::Clear, echo).await;
        for (transport, is_on) in [
            (builder().build(), true),
            (builder().decode(true).build(), true),
            (builder().decode(false).build(), false),
        ] {
            let url = &server.url("/");
            let expected = |is_on: bool| {
                let asked = if is_on { ours() } else { String::new() };
                (asked, is_on)
            };
            let outcome = ask(transport.clone(), url, |_| {}).await;
            assert_eq!(outcome, expected(is_on));
            let outcome = ask(transport.clone(), url, |request| {
                request.extensions_mut().insert(Decoding::Off);
            })
            .await;
            assert_eq!(outcome, expected(false));
            let outcome = ask(transport, url, |request| {
                request.extensions_mut().insert(Decoding::On);
            })
            .await;
            assert_eq!(outcome, expected(true));
        }
    });
}
