//! What few servers have: tunnels, proxies, interim responses, trailers of requests, push; at all that
//! have it. Nothing is excused here; what a server does not do is no test of ours.

use towline_interop::{Protocol, Scheme, Software, cases, play};

/// One module for each case, one test for each way to speak to a server.
macro_rules! abilities {
    ($($case:ident {
        $($name:ident: $software:ident, $scheme:ident, $protocol:ident;)*
    })*) => {$(
        mod $case {
            use super::*;

            $(
                #[test]
                fn $name() {
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

abilities! {
    websocket {
        nginx_http1_tls: Nginx, Tls, Http1;
        nginx_pinned_tls: Nginx, Tls, Http1Pinned;
        nginx_http1_cleartext: Nginx, Cleartext, Http1;
        apache_http1_tls: Apache, Tls, Http1;
        apache_pinned_tls: Apache, Tls, Http1Pinned;
        apache_http2_tls: Apache, Tls, Http2;
        apache_http1_cleartext: Apache, Cleartext, Http1;
        apache_http2_cleartext: Apache, Cleartext, Http2;
        h2o_pinned_tls: H2o, Tls, Http1Pinned;
        h2o_http1_cleartext: H2o, Cleartext, Http1;
        haproxy_http1_tls: Haproxy, Tls, Http1;
        haproxy_pinned_tls: Haproxy, Tls, Http1Pinned;
        haproxy_http2_tls: Haproxy, Tls, Http2;
        haproxy_http1_cleartext: Haproxy, Cleartext, Http1;
        haproxy_http2_cleartext: Haproxy, Cleartext, Http2;
        node_http1_tls: Node, Tls, Http1;
        node_pinned_tls: Node, Tls, Http1Pinned;
        node_http2_tls: Node, Tls, Http2;
        node_http1_cleartext: Node, Cleartext, Http1;
        node_http2_cleartext: Node, Cleartext, Http2;
    }
    websocket_refused {
        nginx_http1_cleartext: Nginx, Cleartext, Http1;
        apache_http1_cleartext: Apache, Cleartext, Http1;
        h2o_http1_cleartext: H2o, Cleartext, Http1;
        haproxy_http1_cleartext: Haproxy, Cleartext, Http1;
    }
    connect {
        apache_http1_tls: Apache, Tls, Http1;
        apache_http2_tls: Apache, Tls, Http2;
        apache_http1_cleartext: Apache, Cleartext, Http1;
        apache_http2_cleartext: Apache, Cleartext, Http2;
        node_http1_tls: Node, Tls, Http1;
        node_http2_tls: Node, Tls, Http2;
        node_http1_cleartext: Node, Cleartext, Http1;
        node_http2_cleartext: Node, Cleartext, Http2;
    }
    by_proxy {
        apache_http1_tls: Apache, Tls, Http1;
        apache_http2_tls: Apache, Tls, Http2;
        apache_http1_cleartext: Apache, Cleartext, Http1;
        apache_http2_cleartext: Apache, Cleartext, Http2;
        nginx_http1_tls: Nginx, Tls, Http1;
        nginx_http2_tls: Nginx, Tls, Http2;
        nginx_http1_cleartext: Nginx, Cleartext, Http1;
        nginx_http2_cleartext: Nginx, Cleartext, Http2;
        haproxy_http1_tls: Haproxy, Tls, Http1;
        haproxy_http2_tls: Haproxy, Tls, Http2;
        haproxy_http1_cleartext: Haproxy, Cleartext, Http1;
        haproxy_http2_cleartext: Haproxy, Cleartext, Http2;
        node_http1_tls: Node, Tls, Http1;
        node_http2_tls: Node, Tls, Http2;
        node_http1_cleartext: Node, Cleartext, Http1;
        node_http2_cleartext: Node, Cleartext, Http2;
    }
    early_hints {
        apache_http1_tls: Apache, Tls, Http1;
        apache_http2_tls: Apache, Tls, Http2;
        apache_http1_cleartext: Apache, Cleartext, Http1;
        apache_http2_cleartext: Apache, Cleartext, Http2;
        haproxy_http1_tls: Haproxy, Tls, Http1;
        haproxy_http2_tls: Haproxy, Tls, Http2;
        haproxy_http1_cleartext: Haproxy, Cleartext, Http1;
        haproxy_http2_cleartext: Haproxy, Cleartext, Http2;
        node_http1_tls: Node, Tls, Http1;
        node_http2_tls: Node, Tls, Http2;
        node_http1_cleartext: Node, Cleartext, Http1;
        node_http2_cleartext: Node, Cleartext, Http2;
    }
    push_before {
        nginx_http2_tls: Nginx, Tls, Http2;
        nginx_http2_cleartext: Nginx, Cleartext, Http2;
        apache_http2_tls: Apache, Tls, Http2;
        apache_http2_cleartext: Apache, Cleartext, Http2;
        h2o_http2_tls: H2o, Tls, Http2;
        h2o_http2_cleartext: H2o, Cleartext, Http2;
        nghttpd_http2_tls: Nghttpd, Tls, Http2;
        nghttpd_http2_cleartext: Nghttpd, Cleartext, Http2;
        node_http2_tls: Node, Tls, Http2;
        node_http2_cleartext: Node, Cleartext, Http2;
    }
    push_amid {
        nginx_http2_tls: Nginx, Tls, Http2;
        nginx_http2_cleartext: Nginx, Cleartext, Http2;
        apache_http2_tls: Apache, Tls, Http2;
        apache_http2_cleartext: Apache, Cleartext, Http2;
        h2o_http2_tls: H2o, Tls, Http2;
        h2o_http2_cleartext: H2o, Cleartext, Http2;
        nghttpd_http2_tls: Nghttpd, Tls, Http2;
        nghttpd_http2_cleartext: Nghttpd, Cleartext, Http2;
        node_http2_tls: Node, Tls, Http2;
        node_http2_cleartext: Node, Cleartext, Http2;
    }
    push_after {
        nginx_http2_tls: Nginx, Tls, Http2;
        nginx_http2_cleartext: Nginx, Cleartext, Http2;
        apache_http2_tls: Apache, Tls, Http2;
        apache_http2_cleartext: Apache, Cleartext, Http2;
        h2o_http2_tls: H2o, Tls, Http2;
        h2o_http2_cleartext: H2o, Cleartext, Http2;
        nghttpd_http2_tls: Nghttpd, Tls, Http2;
        nghttpd_http2_cleartext: Nghttpd, Cleartext, Http2;
        node_http2_tls: Node, Tls, Http2;
        node_http2_cleartext: Node, Cleartext, Http2;
    }
    push_cancelled {
        nginx_http2_tls: Nginx, Tls, Http2;
        nginx_http2_cleartext: Nginx, Cleartext, Http2;
        apache_http2_tls: Apache, Tls, Http2;
        apache_http2_cleartext: Apache, Cleartext, Http2;
        h2o_http2_tls: H2o, Tls, Http2;
        h2o_http2_cleartext: H2o, Cleartext, Http2;
        nghttpd_http2_tls: Nghttpd, Tls, Http2;
        nghttpd_http2_cleartext: Nghttpd, Cleartext, Http2;
        node_http2_tls: Node, Tls, Http2;
        node_http2_cleartext: Node, Cleartext, Http2;
    }
    push_bounded {
        nginx_http2_tls: Nginx, Tls, Http2;
        nginx_http2_cleartext: Nginx, Cleartext, Http2;
        apache_http2_tls: Apache, Tls, Http2;
        apache_http2_cleartext: Apache, Cleartext, Http2;
        h2o_http2_tls: H2o, Tls, Http2;
        h2o_http2_cleartext: H2o, Cleartext, Http2;
        nghttpd_http2_tls: Nghttpd, Tls, Http2;
        nghttpd_http2_cleartext: Nghttpd, Cleartext, Http2;
        node_http2_tls: Node, Tls, Http2;
        node_http2_cleartext: Node, Cleartext, Http2;
    }
    push_off {
        nginx_http2_tls: Nginx, Tls, Http2;
        nginx_http2_cleartext: Nginx, Cleartext, Http2;
        apache_http2_tls: Apache, Tls, Http2;
        apache_http2_cleartext: Apache, Cleartext, Http2;
        h2o_http2_tls: H2o, Tls, Http2;
        h2o_http2_cleartext: H2o, Cleartext, Http2;
        nghttpd_http2_tls: Nghttpd, Tls, Http2;
        nghttpd_http2_cleartext: Nghttpd, Cleartext, Http2;
        node_http2_tls: Node, Tls, Http2;
        node_http2_cleartext: Node, Cleartext, Http2;
    }
    // Apache 2.4.71 closes the connection when a refusal comes between its deciding on the pushed
    // response's head and sending it.
    push_refused {
        nginx_http2_tls: Nginx, Tls, Http2;
        nginx_http2_cleartext: Nginx, Cleartext, Http2;
        h2o_http2_tls: H2o, Tls, Http2;
        h2o_http2_cleartext: H2o, Cleartext, Http2;
        nghttpd_http2_tls: Nghttpd, Tls, Http2;
        nghttpd_http2_cleartext: Nghttpd, Cleartext, Http2;
        node_http2_tls: Node, Tls, Http2;
        node_http2_cleartext: Node, Cleartext, Http2;
    }
    push_unwanted {
        nginx_http2_tls: Nginx, Tls, Http2;
        nginx_http2_cleartext: Nginx, Cleartext, Http2;
        h2o_http2_tls: H2o, Tls, Http2;
        h2o_http2_cleartext: H2o, Cleartext, Http2;
        nghttpd_http2_tls: Nghttpd, Tls, Http2;
        nghttpd_http2_cleartext: Nghttpd, Cleartext, Http2;
        node_http2_tls: Node, Tls, Http2;
        node_http2_cleartext: Node, Cleartext, Http2;
    }
    push_stepwise {
        node_http2_tls: Node, Tls, Http2;
        node_http2_cleartext: Node, Cleartext, Http2;
    }
    request_trailers {
        haproxy_http1_tls: Haproxy, Tls, Http1;
        haproxy_http2_tls: Haproxy, Tls, Http2;
        haproxy_http1_cleartext: Haproxy, Cleartext, Http1;
        haproxy_http2_cleartext: Haproxy, Cleartext, Http2;
        node_http1_tls: Node, Tls, Http1;
        node_http2_tls: Node, Tls, Http2;
        node_http1_cleartext: Node, Cleartext, Http1;
        node_http2_cleartext: Node, Cleartext, Http2;
    }
}
