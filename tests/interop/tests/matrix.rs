//! Every case against every server: over TLS and in cleartext, over HTTP/2 and over HTTP/1.1.
//!
//! A case that a server cannot play is listed with the reason and shows up as an ignored test;
//! a list that leaves a case out does not compile.

use towline_interop::{Protocol, Scheme, Software, cases, play};

/// One module for each way to speak to a server, one test for each case.
macro_rules! matrix {
    ($count:ident; $($module:ident: $software:ident, $scheme:ident, $protocol:ident {
        $($case:ident $(cannot $why:literal)?,)*
    })*) => {$(
        mod $module {
            use super::*;

            const _: () = assert!(
                [$(stringify!($case)),*].len() == $count,
                "a case is neither played nor excused",
            );

            $(
                #[test]
                $(#[ignore = $why])?
                fn $case() {
                    play(
                        Software::$software,
                        Scheme::$scheme,
                        Protocol::$protocol,
                        cases::$case,
                    );
                }
            )*
        }
    )*};
}

const CASES: usize = 20;

matrix! {
    CASES;
    nginx_http2_tls: Nginx, Tls, Http2 {
        get, head, no_content, not_modified, keep_alive, trailers, upload_whole, upload_streamed, echo,
        concurrent, unread_body, request_fields, response_fields, compressed,
        expect_continue, too_large, reload, graceful_stop, restart,
        duplex cannot "nginx passes the answer on when the request is whole",
    }
    nginx_http2_cleartext: Nginx, Cleartext, Http2 {
        get, head, no_content, not_modified, keep_alive, trailers, upload_whole, upload_streamed, echo,
        concurrent, unread_body, request_fields, response_fields, compressed,
        expect_continue, too_large, reload, graceful_stop, restart,
        duplex cannot "nginx passes the answer on when the request is whole",
    }
    nginx_http1_tls: Nginx, Tls, Http1 {
        get, head, no_content, not_modified, keep_alive, trailers, upload_whole, upload_streamed, echo,
        concurrent, unread_body, request_fields, response_fields, compressed,
        expect_continue, too_large, reload, graceful_stop, restart,
        duplex cannot "nginx passes the answer on when the request is whole",
    }
    nginx_http1_cleartext: Nginx, Cleartext, Http1 {
        get, head, no_content, not_modified, keep_alive, trailers, upload_whole, upload_streamed, echo,
        concurrent, unread_body, request_fields, response_fields, compressed,
        expect_continue, too_large, reload, graceful_stop, restart,
        duplex cannot "nginx passes the answer on when the request is whole",
    }
    apache_http2_tls: Apache, Tls, Http2 {
        get, head, no_content, not_modified, keep_alive, trailers, upload_whole, upload_streamed, echo,
        concurrent, unread_body, request_fields, response_fields, compressed,
        expect_continue, too_large, reload, graceful_stop, restart,
        duplex cannot "mod_proxy_http sends the whole request first",
    }
    apache_http2_cleartext: Apache, Cleartext, Http2 {
        get, head, no_content, not_modified, keep_alive, trailers, upload_whole, upload_streamed, echo,
        concurrent, unread_body, request_fields, response_fields, compressed,
        expect_continue, too_large, reload, graceful_stop, restart,
        duplex cannot "mod_proxy_http sends the whole request first",
    }
    apache_http1_tls: Apache, Tls, Http1 {
        get, head, no_content, not_modified, keep_alive, upload_whole, upload_streamed, echo,
        concurrent, unread_body, request_fields, response_fields, compressed,
        expect_continue, too_large, reload, graceful_stop, restart,
        duplex cannot "mod_proxy_http sends the whole request first",
        trailers cannot "Apache drops trailers on HTTP/1.1",
    }
    apache_http1_cleartext: Apache, Cleartext, Http1 {
        get, head, no_content, not_modified, keep_alive, upload_whole, upload_streamed, echo,
        concurrent, unread_body, request_fields, response_fields, compressed,
        expect_continue, too_large, reload, graceful_stop, restart,
        duplex cannot "mod_proxy_http sends the whole request first",
        trailers cannot "Apache drops trailers on HTTP/1.1",
    }
    h2o_http2_tls: H2o, Tls, Http2 {
        get, head, no_content, not_modified, keep_alive, upload_whole, upload_streamed, echo,
        concurrent, unread_body, request_fields, response_fields, compressed,
        expect_continue, reload, graceful_stop, restart,
        trailers cannot "h2o 2.2 drops trailers",
        duplex cannot "h2o takes the whole request first",
        too_large cannot "h2o 2.2 refuses the stream, and answers nothing",
    }
    h2o_http2_cleartext: H2o, Cleartext, Http2 {
        get, head, no_content, not_modified, keep_alive, upload_whole, upload_streamed, echo,
        concurrent, unread_body, request_fields, response_fields, compressed,
        expect_continue, reload, graceful_stop, restart,
        trailers cannot "h2o 2.2 drops trailers",
        duplex cannot "h2o takes the whole request first",
        too_large cannot "h2o 2.2 refuses the stream, and answers nothing",
    }
    // h2o has no word to take HTTP/2 out of ALPN: over TLS see `pinned`.
    h2o_http1_cleartext: H2o, Cleartext, Http1 {
        get, head, no_content, not_modified, keep_alive, upload_whole, upload_streamed, echo,
        concurrent, unread_body, request_fields, response_fields, compressed,
        expect_continue, too_large, reload, graceful_stop, restart,
        trailers cannot "h2o 2.2 drops trailers",
        duplex cannot "h2o takes the whole request first",
    }
    haproxy_http2_tls: Haproxy, Tls, Http2 {
        get, head, no_content, not_modified, keep_alive, trailers, upload_whole, upload_streamed, echo,
        duplex, concurrent, unread_body, request_fields, response_fields, compressed,
        expect_continue, too_large, reload, graceful_stop, restart,
    }
    haproxy_http2_cleartext: Haproxy, Cleartext, Http2 {
        get, head, no_content, not_modified, keep_alive, trailers, upload_whole, upload_streamed, echo,
        duplex, concurrent, unread_body, request_fields, response_fields, compressed,
        expect_continue, too_large, reload, graceful_stop, restart,
    }
    haproxy_http1_tls: Haproxy, Tls, Http1 {
        get, head, no_content, not_modified, keep_alive, trailers, upload_whole, upload_streamed, echo,
        duplex, concurrent, unread_body, request_fields, response_fields, compressed,
        expect_continue, too_large, reload, graceful_stop, restart,
    }
    haproxy_http1_cleartext: Haproxy, Cleartext, Http1 {
        get, head, no_content, not_modified, keep_alive, trailers, upload_whole, upload_streamed, echo,
        duplex, concurrent, unread_body, request_fields, response_fields, compressed,
        expect_continue, too_large, reload, graceful_stop, restart,
    }
    node_http2_tls: Node, Tls, Http2 {
        get, head, no_content, not_modified, keep_alive, trailers, upload_whole, upload_streamed, echo,
        duplex, concurrent, unread_body, request_fields, response_fields, compressed,
        expect_continue, too_large, reload, graceful_stop, restart,
    }
    node_http2_cleartext: Node, Cleartext, Http2 {
        get, head, no_content, not_modified, keep_alive, trailers, upload_whole, upload_streamed, echo,
        duplex, concurrent, unread_body, request_fields, response_fields, compressed,
        expect_continue, too_large, reload, graceful_stop, restart,
    }
    node_http1_tls: Node, Tls, Http1 {
        get, head, no_content, not_modified, keep_alive, trailers, upload_whole, upload_streamed, echo,
        duplex, concurrent, unread_body, request_fields, response_fields, compressed,
        expect_continue, too_large, reload, graceful_stop, restart,
    }
    node_http1_cleartext: Node, Cleartext, Http1 {
        get, head, no_content, not_modified, keep_alive, trailers, upload_whole, upload_streamed, echo,
        duplex, concurrent, unread_body, request_fields, response_fields, compressed,
        expect_continue, too_large, reload, graceful_stop, restart,
    }
    nghttpd_http2_tls: Nghttpd, Tls, Http2 {
        get, head, not_modified, trailers, echo, concurrent, unread_body, request_fields, restart,
        keep_alive, expect_continue,
        no_content cannot "nghttpd answers 200 or 404",
        upload_whole cannot "nghttpd runs nothing that could count; echo sends it 20 MB",
        upload_streamed cannot "nghttpd runs nothing that could count; echo sends it 20 MB",
        too_large cannot "nghttpd has no limit",
        response_fields cannot "nghttpd chooses its response fields",
        compressed cannot "nghttpd encodes nothing",
        duplex cannot "nghttpd takes the whole request first",
        reload cannot "nghttpd has no reload",
        graceful_stop cannot "nghttpd has no graceful stop",
    }
    nghttpd_http2_cleartext: Nghttpd, Cleartext, Http2 {
        get, head, not_modified, trailers, echo, concurrent, unread_body, request_fields, restart,
        keep_alive, expect_continue,
        no_content cannot "nghttpd answers 200 or 404",
        upload_whole cannot "nghttpd runs nothing that could count; echo sends it 20 MB",
        upload_streamed cannot "nghttpd runs nothing that could count; echo sends it 20 MB",
        too_large cannot "nghttpd has no limit",
        response_fields cannot "nghttpd chooses its response fields",
        compressed cannot "nghttpd encodes nothing",
        duplex cannot "nghttpd takes the whole request first",
        reload cannot "nghttpd has no reload",
        graceful_stop cannot "nghttpd has no graceful stop",
    }
}

/// What the choice of the protocol can change, where both are on and each request chooses.
mod pinned {
    use super::*;

    const CASES: usize = 8;

    matrix! {
        CASES;
        nginx_tls: Nginx, Tls, Http1Pinned {
            get, side_by_side, keep_alive, upload_streamed, concurrent, reload, graceful_stop,
            restart,
        }
        apache_tls: Apache, Tls, Http1Pinned {
            get, side_by_side, keep_alive, upload_streamed, concurrent, reload, graceful_stop,
            restart,
        }
        apache_cleartext: Apache, Cleartext, Http1Pinned {
            get, side_by_side, keep_alive, upload_streamed, concurrent, reload, graceful_stop,
            restart,
        }
        h2o_tls: H2o, Tls, Http1Pinned {
            get, side_by_side, keep_alive, upload_streamed, concurrent, reload, graceful_stop,
            restart,
        }
        h2o_cleartext: H2o, Cleartext, Http1Pinned {
            get, side_by_side, keep_alive, upload_streamed, concurrent, reload, graceful_stop,
            restart,
        }
        haproxy_tls: Haproxy, Tls, Http1Pinned {
            get, side_by_side, keep_alive, upload_streamed, concurrent, reload, graceful_stop,
            restart,
        }
        haproxy_cleartext: Haproxy, Cleartext, Http1Pinned {
            get, side_by_side, keep_alive, upload_streamed, concurrent, reload, graceful_stop,
            restart,
        }
        node_tls: Node, Tls, Http1Pinned {
            get, side_by_side, keep_alive, upload_streamed, concurrent, reload, graceful_stop,
            restart,
        }
    }
}
