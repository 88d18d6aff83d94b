//! RFC 9112 §9: whether a connection carries another exchange.

use http::Method;
use towline::http1::{Closure, Engine, Failure, Output, Progress, Refusal, State};

use super::script::{Script, Seen, data, get, head, last_data, only_head, post, request, trailers};

/// RFC 9112 §9.3.
mod persistence {
    use super::*;

    #[track_caller]
    fn response(version: &str, fields: &str, persists: bool) {
        let mut t = Script::asked();
        t.peer_sends(format!(
            "HTTP/{version} 200 OK\r\nContent-Length: 2\r\n{fields}\r\nhi"
        ));
        if persists {
            t.sees([head(200), last_data("hi"), Seen::Finished]);
            t.goes_on();
        } else {
            t.sees([head(200), last_data("hi"), Seen::Closed(Closure::Announced)]);
            t.is_over();
        }
    }

    #[test]
    fn is_the_rule_in_http_1_1() {
        response("1.1", "", true);
        response("1.1", "Connection: keep-alive\r\n", true);
        response("1.1", "Connection: closed, x-close\r\n", true);
    }

    #[test]
    fn ends_with_close_in_any_case_and_anywhere() {
        response("1.1", "Connection: close\r\n", false);
        response("1.1", "Connection: Close\r\n", false);
        response("1.1", "Connection: x, CLOSE ,y\r\n", false);
        response("1.1", "Connection: x\r\nConnection: close\r\n", false);
        response("1.1", "Connection: keep-alive, close\r\n", false);
        response("1.0", "Connection: keep-alive, close\r\n", false);
    }

    #[test]
    fn is_to_be_asked_for_in_http_1_0() {
        response("1.0", "", false);
        response("1.0", "Connection: Keep-Alive\r\n", true);
        response(
            "1.0",
            "Connection: x\r\nConnection: y, keep-alive\r\n",
            true,
        );
    }

    #[test]
    fn ends_if_the_caller_says_so() {
        let mut t = Script::new();
        t.ask(get("/").field("connection", "Close"));
        t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        t.sees([only_head(200), Seen::Closed(Closure::Announced)]);
        t.is_over();
    }

    #[test]
    fn holds_for_many_exchanges_in_a_row() {
        let mut t = Script::new();
        for _ in 0..50 {
            t.ask(post("/").whole("x"));
            t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n.");
            t.sees([head(200), last_data("."), Seen::Finished]);
            t.ask(get("/"));
            t.peer_sends(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n.\r\n0\r\na: b\r\n\r\n",
            );
            t.sees([
                head(200),
                data("."),
                trailers(&[("a", "b")]),
                Seen::Finished,
            ]);
        }
        t.goes_on();
    }
}

/// RFC 9112 §9.2: nothing but the response to a request is one.
mod unsolicited {
    use super::*;

    #[test]
    fn octets_while_idle_close_the_connection() {
        for octets in ["HTTP/1.1 408 Request Timeout\r\n\r\n", "\r\n", "x"] {
            let mut t = Script::new();
            t.goes_on();
            t.peer_sends(octets);
            t.sees([Seen::Closed(Closure::Unsolicited)]);
            t.is_over();
        }
    }

    #[test]
    fn octets_behind_a_response_close_the_connection_and_are_no_response() {
        for surplus in ["x", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"] {
            let mut t = Script::asked();
            t.peer_sends(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi{surplus}"
            ));
            t.sees([
                head(200),
                last_data("hi"),
                Seen::Closed(Closure::Unsolicited),
            ]);
            t.is_over();
        }
    }

    #[test]
    fn octets_behind_a_response_that_closes_anyway_say_nothing_new() {
        let mut t = Script::asked();
        t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi!");
        t.sees([head(200), last_data("hi"), Seen::Closed(Closure::Announced)]);
        t.is_over();
    }

    #[test]
    fn a_response_before_the_request_is_out_is_not_its_response() {
        let mut t = Script::new();
        t.goes_on();
        t.open(get("/"));
        t.peer_sends("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n");
        t.sees([
            Seen::Failed(Failure::Unsent),
            Seen::Closed(Closure::Unsolicited),
        ]);
        t.is_over();
    }
}

/// RFC 9112 §9.5, RFC 9110 §7.5: responses that come before the request is complete.
mod early_responses {
    use super::*;

    const DONE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    fn uploading(length: Option<u64>) -> Script {
        let mut t = Script::new();
        t.ask(post("/").streaming(length));
        t.send_data("abc");
        t.output();
        t
    }

    /// RFC 9110 §7.5: a client "SHOULD continue sending" until it is told otherwise.
    #[test]
    fn do_not_stop_the_upload() {
        for status in [200, 204, 303] {
            let mut t = uploading(Some(9));
            t.peer_sends(format!("HTTP/1.1 {status} \r\nContent-Length: 0\r\n\r\n"));
            t.sees([only_head(status)]);
            assert_eq!(t.engine.state(), State::Busy);
            assert!(t.engine.needs_body());
            assert_eq!(t.try_open(get("/")), Err(Refusal::Busy));
            t.send_data("def");
            t.peer_gets("def");
            assert!(t.engine.wants_data());
            t.send_data("ghi");
            assert!(t.engine.needs_body());
            t.engine.finish(None);
            assert!(!t.engine.needs_body());
            t.peer_gets("ghi");
            t.sees([Seen::Finished]);
            t.goes_on();
        }
    }

    #[test]
    fn do_not_stop_an_upload_that_the_caller_breaks_off_later() {
        let mut t = uploading(None);
        t.peer_sends(DONE);
        t.sees([only_head(200)]);
        t.engine.cancel(t.now);
        t.sees([Seen::Closed(Closure::Local)]);
        t.is_over();
    }

    #[test]
    fn do_not_stop_it_where_it_is_the_caller_who_closes() {
        let mut t = Script::new();
        t.ask(post("/").streaming(None).field("connection", "close"));
        t.peer_sends(DONE);
        t.sees([only_head(200)]);
        t.send_data("abc");
        t.peer_gets("3\r\nabc\r\n");
        t.engine.finish(None);
        t.peer_gets("0\r\n\r\n");
        t.sees([Seen::Closed(Closure::Announced)]);
        t.is_over();
    }

    /// A response that is complete does not fail any more; the connection does.
    #[test]
    fn do_not_fail_with_an_upload_that_breaks_its_length() {
        for given in ["def", "defghijkl"] {
            let mut t = uploading(Some(9));
            t.peer_sends(DONE);
            t.sees([only_head(200)]);
            t.send_data(given);
            t.engine.finish(None);
            t.sees([Seen::Closed(Closure::Local)]);
            t.is_over();
        }
    }

    #[test]
    fn while_the_upload_goes_on_nothing_else_may_come() {
        let mut t = uploading(None);
        t.peer_sends(DONE);
        t.sees([only_head(200)]);
        t.peer_sends("x");
        t.sees([Seen::SendStopped, Seen::Closed(Closure::Unsolicited)]);
        t.is_over();
        let mut t = uploading(None);
        t.peer_sends(DONE);
        t.sees([only_head(200)]);
        t.peer_closes();
        t.sees([Seen::SendStopped, Seen::Closed(Closure::Eof)]);
        t.is_over();
    }

    #[test]
    fn that_fail_stop_the_upload_once_they_have_ended() {
        for status in [400, 413, 500] {
            let mut t = uploading(None);
            t.peer_sends(format!(
                "HTTP/1.1 {status} \r\nContent-Length: 5\r\n\r\nhel"
            ));
            t.sees([head(status), data("hel")]);
            assert!(t.engine.wants_data());
            t.send_data("def");
            t.peer_sends("lo");
            t.sees([
                last_data("lo"),
                Seen::SendStopped,
                Seen::Closed(Closure::Unfinished),
            ]);
            assert!(!t.engine.wants_data());
            t.is_over();
        }
    }

    /// RFC 9112 §9.6: after the response the server closes, and reads no more.
    #[test]
    fn that_close_stop_the_upload_once_they_have_ended() {
        for (version, fields) in [("1.1", "Connection: close\r\n"), ("1.0", "")] {
            let mut t = uploading(None);
            t.peer_sends(format!(
                "HTTP/{version} 200 OK\r\nContent-Length: 5\r\n{fields}\r\nhel"
            ));
            t.sees([head(200), data("hel")]);
            assert!(t.engine.wants_data());
            t.peer_sends("lo");
            t.sees([
                last_data("lo"),
                Seen::SendStopped,
                Seen::Closed(Closure::Announced),
            ]);
            t.is_over();
        }
    }

    #[test]
    fn do_not_stop_an_upload_that_ends_before_them() {
        let mut t = uploading(None);
        t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
        t.engine.finish(None);
        t.peer_gets("0\r\n\r\n");
        t.peer_sends("lo");
        t.sees([head(200), data("hel"), last_data("lo"), Seen::Finished]);
        t.goes_on();
    }

    #[test]
    fn let_the_little_that_is_given_already_go_out() {
        let mut t = uploading(None);
        t.send_data("def");
        t.engine.finish(None);
        t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        t.sees([only_head(200)]);
        assert_eq!(t.engine.state(), State::Busy);
        t.peer_gets("3\r\ndef\r\n0\r\n\r\n");
        t.sees([Seen::Finished]);
        t.goes_on();
    }

    #[test]
    fn while_the_rest_goes_out_nothing_else_may_come() {
        let mut t = uploading(None);
        t.engine.finish(None);
        t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        t.sees([only_head(200)]);
        t.peer_sends("x");
        t.sees([Seen::SendStopped, Seen::Closed(Closure::Unsolicited)]);
        t.is_over();
        let mut t = uploading(None);
        t.engine.finish(None);
        t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        t.peer_closes();
        t.sees([
            only_head(200),
            Seen::SendStopped,
            Seen::Closed(Closure::Eof),
        ]);
        t.is_over();
    }

    #[test]
    fn do_not_let_the_rest_of_a_large_body_go_out() {
        let mut t = Script::new();
        t.open(post("/").whole(vec![b'x'; 4 * Engine::OUTPUT_TARGET]));
        assert_eq!(t.engine.poll_output(&mut Output::default()), Progress::More);
        t.peer_sends("HTTP/1.1 413 \r\nContent-Length: 0\r\n\r\n");
        t.sees([
            only_head(413),
            Seen::SendStopped,
            Seen::Closed(Closure::Unfinished),
        ]);
        t.is_over();
    }

    #[test]
    fn that_refuse_and_close_stop_the_upload_at_once() {
        for status in [413, 503] {
            let mut t = uploading(None);
            t.peer_sends(format!(
                "HTTP/1.1 {status} \r\nConnection: close\r\nContent-Length: 2\r\n\r\n"
            ));
            t.sees([head(status), Seen::SendStopped]);
            assert!(!t.engine.wants_data());
            t.send_data("late");
            t.peer_gets("");
            t.peer_sends("no");
            t.sees([last_data("no"), Seen::Closed(Closure::Announced)]);
            t.is_over();
        }
    }

    #[test]
    fn that_only_close_do_not_stop_it_yet() {
        // A server may answer as it reads, and close when both are done.
        let mut t = uploading(None);
        t.peer_sends("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nx");
        t.sees([head(200), data("x")]);
        assert!(t.engine.wants_data());
        t.send_data("def");
        t.peer_gets("3\r\ndef\r\n");
        t.peer_closes();
        t.sees([Seen::End, Seen::SendStopped, Seen::Closed(Closure::Eof)]);
        t.is_over();
    }

    #[test]
    fn that_refuse_do_not_stop_it_where_it_is_the_caller_who_closes() {
        let mut t = Script::new();
        t.ask(post("/").streaming(None).field("connection", "close"));
        t.peer_sends("HTTP/1.1 400 \r\nContent-Length: 2\r\n\r\n");
        t.sees([head(400)]);
        assert!(t.engine.wants_data());
    }
}

/// One exchange at a time.
mod order {
    use super::*;

    #[test]
    fn a_second_request_waits_for_the_end_of_the_first() {
        let mut t = Script::asked();
        assert_eq!(t.engine.state(), State::Busy);
        assert_eq!(t.try_open(get("/")), Err(Refusal::Busy));
        t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh");
        assert_eq!(t.try_open(get("/")), Err(Refusal::Busy));
        t.peer_sends("i");
        t.sees([head(200), data("h"), last_data("i"), Seen::Finished]);
        t.goes_on();
    }

    #[test]
    fn what_a_method_means_for_a_response_is_forgotten_with_its_exchange() {
        let mut t = Script::new();
        t.ask(request(Method::HEAD, "http://h.example/"));
        t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
        t.ask(get("/"));
        t.peer_sends("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        t.sees([
            only_head(200),
            Seen::Finished,
            head(200),
            last_data("hi"),
            Seen::Finished,
        ]);
        t.goes_on();
    }

    #[test]
    fn closing_ends_everything() {
        let mut t = Script::asked();
        t.engine.close();
        t.sees([Seen::Closed(Closure::Local)]);
        t.peer_sends("HTTP/1.1 200 OK\r\n\r\n");
        t.sees([]);
        t.is_over();
    }

    #[test]
    fn commands_without_an_exchange_do_nothing() {
        let mut t = Script::new();
        t.send_data("x");
        t.engine.finish(None);
        t.engine.cancel(t.now);
        assert!(!t.engine.wants_data());
        t.peer_gets("");
        t.sees([]);
        t.goes_on();
    }
}
