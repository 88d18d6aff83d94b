//! Every case against every server, over TLS and in cleartext.
//!
//! A case that a server cannot play is listed with the reason and shows up as an ignored test;
//! a list that leaves a case out does not compile.

use towline_interop::{Scheme, Software, cases, play};

/// One module for each server and scheme, one test for each case.
macro_rules! matrix {
    ($($module:ident: $software:ident, $scheme:ident {
        $($case:ident $(cannot $why:literal)?,)*
    })*) => {$(
        mod $module {
            use super::*;

            const _: () = assert!(
                [$(stringify!($case)),*].len() == CASES,
                "a case is neither played nor excused",
            );

            $(
                #[test]
                $(#[ignore = $why])?
                fn $case() {
                    play(Software::$software, Scheme::$scheme, cases::$case);
                }
            )*
        }
    )*};
}

const CASES: usize = 15;

matrix! {
    nginx_tls: Nginx, Tls {
        get, head, no_content, trailers, upload_whole, upload_streamed, echo, concurrent,
        unread_body, request_fields, response_fields, reload, graceful_stop, restart,
        duplex cannot "nginx passes the answer on when the request is whole",
    }
    nginx_cleartext: Nginx, Cleartext {
        get, head, no_content, trailers, upload_whole, upload_streamed, echo, concurrent,
        unread_body, request_fields, response_fields, reload, graceful_stop, restart,
        duplex cannot "nginx passes the answer on when the request is whole",
    }
    apache_tls: Apache, Tls {
        get, head, no_content, trailers, upload_whole, upload_streamed, echo, concurrent,
        unread_body, request_fields, response_fields, reload, graceful_stop, restart,
        duplex cannot "mod_proxy_http sends the whole request first",
    }
    apache_cleartext: Apache, Cleartext {
        get, head, no_content, trailers, upload_whole, upload_streamed, echo, concurrent,
        unread_body, request_fields, response_fields, reload, graceful_stop, restart,
        duplex cannot "mod_proxy_http sends the whole request first",
    }
    h2o_tls: H2o, Tls {
        get, head, no_content, upload_whole, upload_streamed, echo, concurrent,
        unread_body, request_fields, response_fields, reload, graceful_stop, restart,
        trailers cannot "h2o 2.2 drops trailers",
        duplex cannot "h2o takes the whole request first",
    }
    h2o_cleartext: H2o, Cleartext {
        get, head, no_content, upload_whole, upload_streamed, echo, concurrent,
        unread_body, request_fields, response_fields, reload, graceful_stop, restart,
        trailers cannot "h2o 2.2 drops trailers",
        duplex cannot "h2o takes the whole request first",
    }
    haproxy_tls: Haproxy, Tls {
        get, head, no_content, trailers, upload_whole, upload_streamed, echo, duplex, concurrent,
        unread_body, request_fields, response_fields, reload, graceful_stop, restart,
    }
    haproxy_cleartext: Haproxy, Cleartext {
        get, head, no_content, trailers, upload_whole, upload_streamed, echo, duplex, concurrent,
        unread_body, request_fields, response_fields, reload, graceful_stop, restart,
    }
    nghttpd_tls: Nghttpd, Tls {
        get, head, trailers, echo, concurrent, unread_body, request_fields, restart,
        no_content cannot "nghttpd answers 200 or 404",
        upload_whole cannot "nghttpd runs nothing that could count; echo sends it 20 MB",
        upload_streamed cannot "nghttpd runs nothing that could count; echo sends it 20 MB",
        response_fields cannot "nghttpd chooses its response fields",
        duplex cannot "nghttpd takes the whole request first",
        reload cannot "nghttpd has no reload",
        graceful_stop cannot "nghttpd has no graceful stop",
    }
    nghttpd_cleartext: Nghttpd, Cleartext {
        get, head, trailers, echo, concurrent, unread_body, request_fields, restart,
        no_content cannot "nghttpd answers 200 or 404",
        upload_whole cannot "nghttpd runs nothing that could count; echo sends it 20 MB",
        upload_streamed cannot "nghttpd runs nothing that could count; echo sends it 20 MB",
        response_fields cannot "nghttpd chooses its response fields",
        duplex cannot "nghttpd takes the whole request first",
        reload cannot "nghttpd has no reload",
        graceful_stop cannot "nghttpd has no graceful stop",
    }
    node_tls: Node, Tls {
        get, head, no_content, trailers, upload_whole, upload_streamed, echo, duplex, concurrent,
        unread_body, request_fields, response_fields, reload, graceful_stop, restart,
    }
    node_cleartext: Node, Cleartext {
        get, head, no_content, trailers, upload_whole, upload_streamed, echo, duplex, concurrent,
        unread_body, request_fields, response_fields, reload, graceful_stop, restart,
    }
}
