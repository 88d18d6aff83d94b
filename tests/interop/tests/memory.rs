//! Memory while a large body is read.
//!
//! In a test binary of its own, one test at a time: the process's size is what is measured.

use std::sync::{Mutex, PoisonError};

use towline_interop::{Scheme, Software, cases, play};

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn download(software: Software, scheme: Scheme) {
    // A test that failed before says nothing about the next.
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    play(software, scheme, cases::download);
}

macro_rules! each {
    ($($name:ident: $software:ident, $scheme:ident;)*) => {$(
        #[test]
        fn $name() {
            download(Software::$software, Scheme::$scheme);
        }
    )*};
}

each! {
    nginx_tls: Nginx, Tls;
    nginx_cleartext: Nginx, Cleartext;
    apache_tls: Apache, Tls;
    apache_cleartext: Apache, Cleartext;
    h2o_tls: H2o, Tls;
    h2o_cleartext: H2o, Cleartext;
    haproxy_tls: Haproxy, Tls;
    haproxy_cleartext: Haproxy, Cleartext;
    nghttpd_tls: Nghttpd, Tls;
    nghttpd_cleartext: Nghttpd, Cleartext;
    node_tls: Node, Tls;
    node_cleartext: Node, Cleartext;
}
