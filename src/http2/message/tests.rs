mod request;
mod section;

use http::{Method, StatusCode};

use super::expects_no_content;

#[test]
fn content_is_not_expected_where_rfc_9110_says_so() {
    // RFC 9110 §6.4.1, §9.3.6.
    for (method, status, none) in [
        (Method::GET, 200, false),
        (Method::HEAD, 200, true),
        (Method::HEAD, 404, true),
        (Method::GET, 103, true),
        (Method::GET, 204, true),
        (Method::GET, 205, false),
        (Method::GET, 304, true),
        (Method::CONNECT, 200, true),
        (Method::CONNECT, 407, false),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(
            expects_no_content(&method, status),
            none,
            "{method} {status}"
        );
    }
}
