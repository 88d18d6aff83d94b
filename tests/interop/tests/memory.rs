//! Memory while a large body is read.
//!
//! In a test binary of its own, one test at a time: the process's size is what is measured.

use std::sync::{Mutex, PoisonError};

use towline_interop::{Protocol, Scheme, Site, Software, cases, play};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone(
    software: Software,
    scheme: Scheme,
    protocol: Protocol,
    case: impl AsyncFnOnce(&mut Site),
) {
    // A test that failed before says nothing about the next.
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    play(software, scheme, protocol, case);
}

macro_rules! each {
    ($($name:ident: $software:ident, $scheme:ident, $protocol:ident, $case:ident;)*) => {$(
        #[test]
        fn $name() {
            alone(
                Software::$software,
                Scheme::$scheme,
                Protocol::$protocol,
                cases::$case,
            );
        }
    )*};
}

each! {
    nginx_http2_tls: Nginx, Tls, Http2, download;
    nginx_http2_cleartext: Nginx, Cleartext, Http2, download;
    nginx_http1_tls: Nginx, Tls, Http1, download;
    apache_http2_tls: Apache, Tls, Http2, download;
    apache_http2_cleartext: Apache, Cleartext, Http2, download;
    apache_http1_cleartext: Apache, Cleartext, Http1, download;
    h2o_http2_tls: H2o, Tls, Http2, download;
    h2o_http2_cleartext: H2o, Cleartext, Http2, download;
    h2o_http1_cleartext: H2o, Cleartext, Http1, download;
    haproxy_http2_tls: Haproxy, Tls, Http2, download;
    haproxy_http2_cleartext: Haproxy, Cleartext, Http2, download;
    haproxy_http1_tls: Haproxy, Tls, Http1, download;
    nghttpd_http2_tls: Nghttpd, Tls, Http2, download;
    nghttpd_http2_cleartext: Nghttpd, Cleartext, Http2, download;
    node_http2_tls: Node, Tls, Http2, download;
    node_http2_cleartext: Node, Cleartext, Http2, download;
    node_http1_cleartext: Node, Cleartext, Http1, download;
    encoded_http2_tls: Node, Tls, Http2, download_encoded;
    encoded_http1_cleartext: Node, Cleartext, Http1, download_encoded;
}
