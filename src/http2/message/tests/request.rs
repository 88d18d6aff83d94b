use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, request};
use proptest::prelude::*;

use crate::http2::{
    hpack::{Field, FieldName, FieldRef, FieldValue, Pseudo},
    message::{Protocol, RequestError, RequestHead, SectionBuilder, trailer_fields},
};

fn parts(builder: request::Builder) -> request::Parts {
    builder
        .body(())
        .expect("a request that http can hold")
        .into_parts()
        .0
}

fn line(field: FieldRef<'_>) -> String {
    format!(
        "{}: {}{}",
        String::from_utf8_lossy(field.name),
        String::from_utf8_lossy(field.value),
        if field.sensitive { " (sensitive)" } else { "" },
    )
}

fn lines_of(head: &RequestHead<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    head.for_each_field(&mut |field| lines.push(line(field)));
    lines
}

/// The field lines of a request, sorted behind its pseudo-header fields.
#[track_caller]
fn lines(builder: request::Builder) -> Vec<String> {
    let parts = parts(builder);
    lines_of(&RequestHead::from_parts(&parts, None).expect("a request that can be said"))
}

/// The lines after the pseudo-header fields, sorted: a map keeps no order among names.
#[track_caller]
fn regular_lines(builder: request::Builder) -> Vec<String> {
    let mut lines = lines(builder);
    lines.retain(|line| !line.starts_with(':'));
    lines.sort();
    lines
}

fn refusal(builder: request::Builder, content_length: Option<u64>) -> Option<RequestError> {
    RequestHead::from_parts(&parts(builder), content_length).err()
}

#[test]
fn pseudo_header_fields_come_first_and_in_order() {
    let request = Request::get("https://me:pw@h.example:443/a/b?c").header("x", "y");
    assert_eq!(
        lines(request),
        [
            ":method: GET",
            ":scheme: https",
            ":authority: h.example",
            ":path: /a/b?c",
            "x: y"
        ]
    );
}

#[test]
fn authority_keeps_a_port_that_the_scheme_does_not_mean() {
    // RFC 9113 §8.3.1.
    let authority = |uri: &str| lines(Request::get(uri))[2].clone();
    assert_eq!(
        authority("http://h.example:443/"),
        ":authority: h.example:443"
    );
    assert_eq!(authority("http://h.example:80/"), ":authority: h.example");
    assert_eq!(authority("https://[::1]:8443/"), ":authority: [::1]:8443");
}

#[test]
fn an_empty_path_is_a_slash_and_the_asterisk_is_for_options() {
    // RFC 9113 §8.3.1.
    let path =
        |method: Method, uri: &str| lines(Request::builder().method(method).uri(uri))[3].clone();
    assert_eq!(path(Method::GET, "http://h"), ":path: /");
    assert_eq!(path(Method::GET, "http://h?q=1"), ":path: /?q=1");
    let asterisk = |method| {
        let uri = http::Uri::builder()
            .scheme("http")
            .authority("h")
            .path_and_query("*")
            .build();
        Request::builder()
            .method(method)
            .uri(uri.expect("an asterisk is a path"))
    };
    assert_eq!(lines(asterisk(Method::OPTIONS))[3], ":path: *");
    assert_eq!(
        refusal(asterisk(Method::GET), None),
        Some(RequestError::PathInvalid)
    );
}

#[test]
fn connect_has_an_authority_with_its_port_and_nothing_else() {
    // RFC 9113 §8.5.
    let request = Request::connect("h.example:443").header("x", "y");
    assert_eq!(
        lines(request),
        [":method: CONNECT", ":authority: h.example:443", "x: y"]
    );
    // A scheme that is known some other way changes nothing.
    let parts = parts(Request::connect("h.example:443"));
    let head = RequestHead::from_parts_on(Some("https"), &parts, None).unwrap();
    assert_eq!(
        lines_of(&head),
        [":method: CONNECT", ":authority: h.example:443"]
    );
}

#[test]
fn extended_connect_has_all_pseudo_header_fields() {
    // RFC 8441 §4.
    let request = || {
        Request::builder()
            .uri("https://h:443/chat")
            .extension(Protocol::WEBSOCKET)
    };
    assert_eq!(
        lines(request().method("CONNECT")),
        [
            ":method: CONNECT",
            ":scheme: https",
            ":authority: h",
            ":path: /chat",
            ":protocol: websocket",
        ]
    );
    assert_eq!(
        refusal(request().method("GET"), None),
        Some(RequestError::ProtocolMisplaced)
    );
    assert_eq!(
        Protocol::new("connect-udp").as_ref().map(Protocol::as_str),
        Some("connect-udp")
    );
    assert_eq!(Protocol::new("web socket"), None);
    assert_eq!(Protocol::new(""), None);
}

#[test]
fn relative_uris_take_scheme_and_host_from_elsewhere_or_are_refused() {
    assert_eq!(
        refusal(Request::get("/a"), None),
        Some(RequestError::SchemeMissing)
    );
    let of = |builder| {
        let parts = parts(builder);
        RequestHead::from_parts_on(Some("https"), &parts, None).map(|head| lines_of(&head))
    };
    assert_eq!(of(Request::get("/a")), Err(RequestError::AuthorityMissing));
    for host in ["h/path", "me@h", ""] {
        let request = Request::get("/a").header("host", host);
        assert_eq!(of(request), Err(RequestError::HostInvalid), "{host:?}");
    }
    assert_eq!(
        of(Request::get("/a").header("host", "h.example:443")),
        Ok([
            ":method: GET",
            ":scheme: https",
            ":authority: h.example",
            ":path: /a"
        ]
        .map(str::to_owned)
        .to_vec())
    );
}

#[test]
fn host_is_never_sent_and_must_agree_with_the_authority() {
    // RFC 9113 §8.3.1.
    let with_host = |host| Request::get("https://h.example/").header("host", host);
    assert_eq!(regular_lines(with_host("H.example:443")), [""; 0]);
    assert_eq!(
        refusal(with_host("other.example"), None),
        Some(RequestError::HostDiffers)
    );
    assert_eq!(
        refusal(with_host("h.example:80"), None),
        Some(RequestError::HostDiffers)
    );
    assert_eq!(
        refusal(with_host("me@h.example"), None),
        Some(RequestError::HostInvalid)
    );
}

#[test]
fn connection_specific_fields_stay_behind() {
    // RFC 9113 §8.2.2; the examples of hyper 0.3.1 among them.
    let get = || Request::get("https://h/");
    assert_eq!(
        regular_lines(get().header("one", "two").header("connection", "close")),
        ["one: two"]
    );
    let given = || {
        get()
            .header("one", "two")
            .header("three", "four")
            .header("five", "six")
    };
    let connection = given().header("connection", "close, three, five");
    assert_eq!(regular_lines(connection), ["one: two"]);
    let connection = given()
        .header("connection", "close")
        .header("connection", "three, five");
    assert_eq!(regular_lines(connection), ["one: two"]);
    let request = get()
        .header("Connection", "X-A, close")
        .header("X-A", "1")
        .header("Keep-Alive", "5")
        .header("X-B", "2")
        .header("TE", "gzip")
        .header("Proxy-Connection", "k")
        .header("Transfer-Encoding", "chunked")
        .header("HTTP2-Settings", "AAMAAABk")
        .header("Upgrade", "h2c");
    assert_eq!(regular_lines(request), ["x-b: 2"]);
}

#[test]
fn te_is_sent_as_trailers_or_not_at_all() {
    let te = |value| regular_lines(Request::get("https://h/").header("te", value));
    assert_eq!(te("trailers"), ["te: trailers"]);
    assert_eq!(te("gzip, trailers"), ["te: trailers"]);
    assert_eq!(te("gzip"), [""; 0]);
    let nominated = Request::get("https://h/")
        .header("te", "trailers")
        .header("connection", "te");
    assert_eq!(regular_lines(nominated), [""; 0]);
}

#[test]
fn content_length_is_sent_once_and_agrees_with_the_body() {
    let length = |declared: &[&str], of_body| {
        let request = declared
            .iter()
            .fold(Request::post("https://h/"), |request, value| {
                request.header("content-length", *value)
            });
        let parts = parts(request);
        RequestHead::from_parts(&parts, of_body)
            .map(|head| (head.content_length, lines_of(&head).split_off(4)))
    };
    let sent = |number: u64| Ok((Some(number), vec![format!("content-length: {number}")]));
    assert_eq!(length(&[], None), Ok((None, Vec::new())));
    assert_eq!(length(&[], Some(5)), sent(5));
    assert_eq!(length(&["5"], None), sent(5));
    // RFC 9110 §8.6: a list of the same number is sent as that number.
    assert_eq!(length(&["5, 5", "5"], Some(5)), sent(5));
    // RFC 9113 §8.1.1.
    assert_eq!(
        length(&["5"], Some(6)),
        Err(RequestError::ContentLengthDiffers)
    );
    assert_eq!(
        length(&["5", "6"], None),
        Err(RequestError::ContentLengthInvalid)
    );
    assert_eq!(
        length(&["five"], None),
        Err(RequestError::ContentLengthInvalid)
    );
}

#[test]
fn cookies_are_sent_pair_by_pair_and_stay_sensitive() {
    // RFC 9113 §8.2.3.
    let mut secret = HeaderValue::from_static("c=d;  e=f;g=h");
    secret.set_sensitive(true);
    let request = Request::get("https://h/")
        .header("cookie", "a=b")
        .header("cookie", secret);
    assert_eq!(
        regular_lines(request),
        [
            "cookie: a=b",
            "cookie: c=d (sensitive)",
            "cookie: e=f;g=h (sensitive)"
        ]
    );
}

#[test]
fn values_lose_white_space_at_their_ends_and_keep_sensitivity() {
    // RFC 9113 §8.2.1.
    let mut secret = HeaderValue::from_static(" s \t");
    secret.set_sensitive(true);
    let request = Request::get("https://h/")
        .header("authorization", secret)
        .header("x", "\ty z");
    assert_eq!(
        regular_lines(request),
        ["authorization: s (sensitive)", "x: y z"]
    );
}

#[test]
fn list_size_counts_32_for_each_line() {
    // RFC 9113 §6.5.2.
    let parts = parts(Request::get("http://h/").header("cookie", "a=b; c=d"));
    let head = RequestHead::from_parts(&parts, None).unwrap();
    let lines = ["methodGET", "schemehttp", "authorityh", "path/"].map(|line| line.len() + 1 + 32);
    let crumb = "cookiea=b".len() + 32;
    assert_eq!(head.list_size(), lines.iter().sum::<usize>() + 2 * crumb);
}

#[test]
fn trailers_go_without_what_no_trailer_may_be() {
    // RFC 9110 §6.5.1.
    let mut trailers = HeaderMap::new();
    for name in [
        "grpc-status",
        "content-length",
        "connection",
        "x-hop",
        "te",
        "authorization",
    ] {
        trailers.insert(HeaderName::from_static(name), HeaderValue::from_static("0"));
    }
    trailers.insert("connection", HeaderValue::from_static("x-hop"));
    let mut lines = Vec::new();
    trailer_fields(&trailers, &mut |field| lines.push(line(field)));
    assert_eq!(lines, ["grpc-status: 0"]);
}

proptest! {
    /// What we send to a server, a peer as strict as we are would take.
    #[test]
    fn requests_are_well_formed_whatever_the_fields(
        fields in prop::collection::vec(("[a-zA-Z-]{1,8}|te|connection|cookie|upgrade", "[ -~\t]{0,12}"), 0..8),
    ) {
        let mut request = Request::get("https://h.example/");
        for (name, text) in &fields {
            request = request.header(name.as_str(), text.as_str());
        }
        let parts = parts(request);
        // A host or a content-length that cannot be said is refused, and nothing is emitted.
        if let Ok(head) = RequestHead::from_parts(&parts, None) {
            let mut builder = SectionBuilder::push_request();
            head.for_each_field(&mut |line| builder.push(received(line)));
            prop_assert!(builder.finish_push_request().is_ok());
        }
    }
}

/// The field as a decoder would give it.
fn received(line: FieldRef<'_>) -> Field {
    let name = match line.name {
        b":method" => FieldName::Pseudo(Pseudo::Method),
        b":scheme" => FieldName::Pseudo(Pseudo::Scheme),
        b":authority" => FieldName::Pseudo(Pseudo::Authority),
        b":path" => FieldName::Pseudo(Pseudo::Path),
        name => FieldName::Header(HeaderName::from_lowercase(name).expect("a lower-case token")),
    };
    Field {
        name,
        value: FieldValue::Header(HeaderValue::from_bytes(line.value).expect("from a HeaderValue")),
        sensitive: line.sensitive,
    }
}
