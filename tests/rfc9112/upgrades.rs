//! RFC 9110 §7.8, §9.3.6, §15.2.2: when a connection stops being HTTP's.

use http::Method;
use towline::http1::{Closure, Config, Refusal, State, Violation};

use super::script::{Request, Script, Seen, get, head, last_data, only_head, post, request};

fn upgrade(request: Request) -> Request {
    request
        .field("connection", "keep-alive, Upgrade")
        .field("upgrade", "websocket")
}

fn connect() -> Script {
    Script::asking(Config::default(), request(Method::CONNECT, "h.example:443"))
}

#[track_caller]
fn is_tunnel(mut t: Script, rest: &str) {
    assert_eq!(t.engine.state(), State::Tunnel);
    assert_eq!(t.input, rest.as_bytes());
    t.engine.assert_quiet();
    // From here on the engine touches nothing.
    t.peer_sends("HTTP/1.1 200 OK\r\n\r\n");
    assert!(t.input.ends_with(b"HTTP/1.1 200 OK\r\n\r\n"));
    t.peer_closes();
    assert!(!t.input.is_empty());
    t.peer_gets("");
    t.sees([]);
    assert_eq!(t.try_open(get("/")), Err(Refusal::Closed));
    t.engine.close();
    t.sees([Seen::Closed(Closure::Local)]);
    assert_eq!(t.engine.state(), State::Closed);
}

mod switching {
    use super::*;

    #[test]
    fn hands_over_what_follows() {
        let mut t = Script::asking(Config::default(), upgrade(get("/")));
        t.peer_sends("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x01\x02");
        t.sees([Seen::Upgraded(101)]);
        is_tunnel(t, "\x01\x02");
    }

    #[test]
    fn follows_a_request_that_is_complete() {
        let mut t = Script::asking(Config::default(), upgrade(post("/").whole("hi")));
        t.peer_sends("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 \r\n\r\n");
        t.sees([Seen::Interim(100), Seen::Upgraded(101)]);
        is_tunnel(t, "");
        let mut t = Script::asking(Config::default(), upgrade(post("/").streaming(None)));
        t.peer_sends("HTTP/1.1 101 \r\n\r\n");
        t.fails(Violation::SwitchingEarly);
    }

    #[test]
    fn is_refused_if_nobody_asked() {
        for request in [
            get("/"),
            get("/").field("upgrade", "websocket"),
            get("/").field("connection", "upgrade"),
        ] {
            let mut t = Script::asking(Config::default(), request);
            t.peer_sends("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
            t.fails(Violation::SwitchingUnasked);
        }
    }

    #[test]
    fn need_not_be_done() {
        let mut t = Script::asking(Config::default(), upgrade(get("/")));
        t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        t.sees([head(200), last_data("hi"), Seen::Finished]);
        t.goes_on();
    }
}

mod connecting {
    use super::*;

    #[test]
    fn any_2xx_hands_over_what_follows_whatever_its_fields_say() {
        for status in [200, 204, 299] {
            for fields in [
                "",
                "Content-Length: 5\r\n",
                "Transfer-Encoding: chunked\r\n",
                "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                "Connection: close\r\n",
            ] {
                let mut t = connect();
                t.peer_sends(format!("HTTP/1.1 {status} \r\n{fields}\r\nhello"));
                t.sees([Seen::Upgraded(status)]);
                is_tunnel(t, "hello");
            }
        }
    }

    #[test]
    fn may_be_refused_on_a_connection_that_goes_on() {
        let mut t = connect();
        t.peer_sends("HTTP/1.1 407 \r\nContent-Length: 2\r\n\r\nno");
        t.sees([head(407), last_data("no"), Seen::Finished]);
        t.goes_on();
        let mut t = connect();
        t.peer_sends("HTTP/1.1 304 \r\n\r\n");
        t.sees([only_head(304), Seen::Finished]);
        t.goes_on();
    }

    #[test]
    fn comes_after_interim_responses() {
        let mut t = connect();
        t.peer_sends("HTTP/1.1 103 \r\n\r\nHTTP/1.0 200 Connection established\r\n\r\n");
        t.sees([Seen::Interim(103), Seen::Upgraded(200)]);
        is_tunnel(t, "");
    }
}
