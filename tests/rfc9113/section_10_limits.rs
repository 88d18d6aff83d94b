//! RFC 9113 §10.5: what a hostile peer can make a client hold or do, each bound by its attack.

use std::time::Duration;

use towline::http2::{
    ErrorCode, Limits, Violation,
    engine::Closure,
    frame::{FrameType, SettingId},
};

use crate::support::*;

const CALM: ErrorCode = ErrorCode::ENHANCE_YOUR_CALM;

fn limited(change: impl FnOnce(&mut Limits)) -> Script {
    Script::connected_with(config(|config| change(&mut config.limits)), &[])
}

/// A GET on stream 1 of this connection.
pub(crate) fn asked(mut t: Script) -> Script {
    t.open(get("/"));
    t.peer_gets(headers(1).end_stream());
    t
}

/// Sends a frame over and over: so many are forgiven, and the next ends the connection.
#[track_caller]
pub(crate) fn forgiven(mut t: Script, frame: &Wire, times: u32) {
    for _ in 0..times {
        t.peer_sends(frame.clone());
        t.reads();
    }
    t.events();
    assert!(!t.engine.is_closed(), "{frame:?} too few times");
    t.peer_sends(frame.clone());
    t.connection_fails(CALM, Violation::FaultFlood);
}

/// Decoded field sections (CVE-2016-6581).
mod field_sections {
    use super::*;

    /// A small block that unfolds into a large section: one entry of the table, many times.
    #[test]
    fn an_hpack_bomb_fails_its_stream_only() {
        let mut t = asked(Script::connected());
        // `:status: 200`; a literal that goes into the table, of a value of 4,000 octets; and that
        // entry 17 times over.
        let mut bomb = b"\x88\x40\x01a\x7f\xa1\x1e".to_vec();
        bomb.extend_from_slice(&[b'b'; 4_000]);
        bomb.extend_from_slice(&[0xbe; 17]);
        t.peer_sends(raw(FrameType::HEADERS, 4, 1, &bomb));
        t.stream_fails(1, CALM, Violation::FieldSectionTooLarge);
    }

    #[test]
    fn a_section_of_just_our_limit_is_good_and_one_octet_more_is_not() {
        // `:status` and `200`, then `x-a` and its value, and 32 each.
        let room = 1_000 - (7 + 3 + 32) - (3 + 32);
        for (octets, good) in [(room, true), (room + 1, false)] {
            let mut t = asked(limited(|limits| limits.field_section_size = 1_000));
            t.peer_sends(
                response(1, 200)
                    .field("x-a", "v".repeat(octets))
                    .end_stream(),
            );
            if good {
                t.sees([head(1, 200).end_stream(), finished(1)]);
                t.goes_on();
            } else {
                t.stream_fails(1, CALM, Violation::FieldSectionTooLarge);
            }
        }
    }

    #[test]
    fn the_number_of_fields_is_bounded() {
        for (fields, good) in [(255, true), (256, false)] {
            let mut t = asked(Script::connected());
            let many = (0..fields).fold(response(1, 200), |wire, _| wire.field("a", ""));
            t.peer_sends(many.end_stream());
            if good {
                t.sees([head(1, 200).end_stream(), finished(1)]);
                t.goes_on();
            } else {
                t.stream_fails(1, CALM, Violation::FieldSectionTooLarge);
            }
        }
    }

    #[test]
    fn trailers_are_bounded_too() {
        let mut t = asked(limited(|limits| limits.field_section_size = 1_000));
        t.peer_sends([response(1, 200), data(1, "x")]);
        t.sees([head(1, 200), content(1, "x")]);
        t.peer_sends(trailers(1, "x-a", &"v".repeat(1_000)));
        t.stream_fails(1, CALM, Violation::FieldSectionTooLarge);
    }

    #[test]
    fn our_limit_is_announced() {
        let config = config(|config| config.limits.field_section_size = 1_000);
        let mut t = Script::fresh_with(config);
        t.reads();
        let id = SettingId::MAX_HEADER_LIST_SIZE.as_u16();
        assert_eq!(t.peer.client[&id], 1_000);
        t.peer_hangs_up();
        t.ends(Closure::Eof);
    }
}

/// Field blocks that never end (RUSTSEC-2024-0332).
mod continuations {
    use super::*;

    #[test]
    fn five_of_them_are_good_and_six_are_not() {
        let mut t = asked(Script::connected());
        t.peer_sends(response(1, 200).cut(&[0, 0, 0, 0, 0]).end_stream());
        t.sees([head(1, 200).end_stream(), finished(1)]);
        t.goes_on();

        let mut t = asked(Script::connected());
        t.peer_sends(response(1, 200).cut(&[0, 0, 0, 0, 0, 0]));
        t.connection_fails(CALM, Violation::ContinuationFlood);
    }

    #[test]
    fn octets_of_a_block_are_bounded_even_before_it_ends() {
        let mut t = asked(limited(|limits| {
            limits.field_section_size = 1_000;
            limits.continuations = Some(1_000);
        }));
        t.peer_sends(raw(FrameType::HEADERS, 0, 1, &[0; 1_000]));
        t.peer_sends(raw(FrameType::CONTINUATION, 0, 1, &[0; 1_000]));
        assert!(!t.engine.is_closed());
        t.peer_sends(raw(FrameType::CONTINUATION, 0, 1, &[0; 1]));
        t.connection_fails(CALM, Violation::ContinuationFlood);
    }

    #[test]
    fn the_bound_can_be_set() {
        let mut t = asked(limited(|limits| limits.continuations = Some(0)));
        t.peer_sends(response(1, 200).cut(&[0]));
        t.connection_fails(CALM, Violation::ContinuationFlood);
    }
}

/// Answers that the peer provokes and does not read (CVE-2019-9512, -9514, -9515).
mod queued_answers {
    use super::*;

    #[test]
    fn the_hundred_and_first_unread_ping_is_a_flood() {
        let mut t = Script::connected();
        t.peer_sends((0..100).map(|_| ping([0; 8])));
        assert!(!t.engine.is_closed());
        t.peer_sends(ping([0; 8]));
        let answers = std::iter::repeat_n(ping_ack([0; 8]), 100);
        t.peer_gets(answers.chain(goaway(0, CALM)));
        t.ends(Closure::Fault(Violation::ControlFlood));
    }

    #[test]
    fn pings_whose_answers_are_read_are_free() {
        let mut t = Script::connected();
        for _ in 0..100 {
            t.peer_sends((0..100).map(|_| ping([0; 8])));
            assert_eq!(t.reads().len(), 100);
        }
        t.goes_on();
    }

    #[test]
    fn the_hundred_and_first_unread_settings_are_a_flood() {
        let mut t = Script::connected();
        t.peer_sends((0..100).map(|_| settings(&[])));
        assert!(!t.engine.is_closed());
        t.peer_sends(settings(&[]));
        let answers = std::iter::repeat_n(settings_ack(), 100);
        t.peer_gets(answers.chain(goaway(0, CALM)));
        let events = t.events();
        assert_eq!(events.len(), 101);
        assert_eq!(
            events.last().map(Seen::of),
            Some(closed(Closure::Fault(Violation::ControlFlood)))
        );
        t.assert_quiet();
    }

    #[test]
    fn pings_settings_and_resets_are_counted_together() {
        let mut t = limited(|limits| limits.queued_control_frames = 3);
        t.open(get("/"));
        t.reads();
        t.peer_sends([ping([0; 8]), settings(&[]), data(1, "no head")]);
        assert!(!t.engine.is_closed());
        t.peer_sends(ping([0; 8]));
        t.peer_gets(
            [
                ping_ack([0; 8]),
                settings_ack(),
                rst_stream(1, ErrorCode::PROTOCOL_ERROR),
            ]
            .into_iter()
            .chain(goaway(0, CALM)),
        );
        t.sees([
            Seen::Settings,
            fault(1, Violation::DataBeforeHead),
            finished(1),
            closed(Closure::Fault(Violation::ControlFlood)),
        ]);
        t.assert_quiet();
    }

    #[test]
    fn refusals_of_promises_are_counted_too() {
        let mut t = Script::fresh_with(config(|config| config.limits.queued_control_frames = 3));
        t.open(get("/"));
        t.reads();
        t.peer_sends([settings(&[]), push_promise(1, 2), push_promise(1, 4)]);
        assert!(!t.engine.is_closed());
        t.peer_sends(push_promise(1, 6));
        let refused = |id| rst_stream(id, ErrorCode::REFUSED_STREAM);
        t.peer_gets([settings_ack(), refused(2), refused(4), goaway(0, CALM)]);
        t.sees([
            Seen::Settings,
            closed(Closure::Fault(Violation::ControlFlood)),
        ]);
        t.assert_quiet();
    }

    /// Our own frames may be as many as the caller likes.
    #[test]
    fn what_we_send_unprovoked_is_not_counted() {
        let mut t = Script::connected();
        for _ in 0..500 {
            let id = t.open(get("/"));
            t.cancel(id);
            t.engine.ping([1; 8]);
        }
        assert_eq!(t.reads().len(), 1_500);
        t.peer_sends((0..500).map(|_| ping_ack([1; 8])));
        assert_eq!(t.events().len(), 1_000);
        t.goes_on();
    }
}

/// Frames that are of no use (CVE-2019-9518 and kin): a burst of 1,000, then 33 a second.
mod useless_frames {
    use super::*;

    #[test]
    fn empty_data_is_bounded() {
        let mut t = asked(Script::connected());
        t.peer_sends(response(1, 200));
        t.sees([head(1, 200)]);
        forgiven(t, &data(1, ""), 1_000);
    }

    #[test]
    fn data_of_padding_alone_is_bounded() {
        let mut t = asked(Script::connected());
        t.peer_sends(response(1, 200));
        t.sees([head(1, 200)]);
        forgiven(t, &data(1, "").padded(9), 1_000);
    }

    #[test]
    fn priority_is_bounded() {
        forgiven(Script::connected(), &priority(1), 1_000);
        forgiven(Script::connected(), &priority(0x7fff_ffff), 1_000);
    }

    #[test]
    fn unknown_frames_are_bounded() {
        forgiven(Script::connected(), &unknown(0), 1_000);
    }

    #[test]
    fn settings_are_bounded_even_when_their_acknowledgements_are_read() {
        forgiven(Script::connected(), &settings(&[]), 1_000);
    }

    /// A frame has room for thousands of changes of the window, each a look at every stream.
    #[test]
    fn settings_of_one_frame_are_bounded() {
        for (entries, good) in [(32 + 999, true), (32 + 1_000, false)] {
            let mut t = Script::connected();
            let many = vec![(SettingId::INITIAL_WINDOW_SIZE, 65_535); entries];
            t.peer_sends(settings(&many));
            if good {
                t.reads();
                t.events();
                assert!(!t.engine.is_closed());
            } else {
                t.connection_fails(CALM, Violation::FaultFlood);
            }
        }
    }

    /// The first says what there is to say; each looks at every stream.
    #[test]
    fn goaways_are_bounded() {
        let t = asked(Script::connected());
        forgiven(t, &goaway(1, ErrorCode::NO_ERROR), 1_001);
    }

    #[test]
    fn answers_without_a_question_are_bounded() {
        forgiven(Script::connected(), &ping_ack([0; 8]), 1_000);
    }

    #[test]
    fn window_updates_that_no_data_called_for_are_bounded() {
        forgiven(Script::connected(), &window_update(0, 1), 1_000);
    }

    /// One is free: it may have crossed our END_STREAM.
    #[test]
    fn resets_of_streams_that_have_ended_are_bounded() {
        let mut t = asked(Script::connected());
        t.peer_sends(response(1, 200).end_stream());
        t.sees([head(1, 200).end_stream(), finished(1)]);
        forgiven(t, &rst_stream(1, ErrorCode::CANCEL), 1_001);
    }

    /// RFC 9113 §10.5: what is forgiven comes back with time.
    #[test]
    fn they_are_forgiven_at_33_a_second() {
        let mut t = Script::connected();
        for _ in 0..100 {
            t.wait(Duration::from_secs(1));
            t.peer_sends((0..33).map(|_| unknown(0)));
        }
        assert!(!t.engine.is_closed());
        t.wait(Duration::from_secs(1));
        forgiven(t, &unknown(0), 1_000);
    }

    #[test]
    fn the_burst_can_be_set() {
        let t = limited(|limits| {
            limits.fault_burst = 5;
            limits.faults_per_second = 0;
        });
        forgiven(t, &unknown(0), 5);
    }

    /// The peer's own faults are counted as well, streams as there are (CVE-2019-9514).
    #[test]
    fn resets_that_the_peer_provokes_are_bounded() {
        let mut t = Script::connected();
        for _ in 0..1_000 {
            let id = t.open(get("/"));
            t.peer_sends(data(id, "no head"));
            t.peer_gets([
                headers(id).end_stream(),
                rst_stream(id, ErrorCode::PROTOCOL_ERROR),
            ]);
            t.sees([fault(id, Violation::DataBeforeHead), finished(id)]);
        }
        let id = t.open(get("/"));
        t.peer_gets(headers(id).end_stream());
        t.peer_sends(data(id, "no head"));
        t.connection_fails(CALM, Violation::FaultFlood);
    }
}

/// Window updates in the course of an upload.
mod window_updates {
    use towline::http2::frame::SettingId;

    use super::*;

    /// An update a frame, for stream and connection, is what many servers do.
    #[test]
    fn those_that_an_upload_calls_for_are_free() {
        let mut t = Script::connected();
        t.open(post("/").whole(vec![0; 64 << 20]));
        let mut octets = 0;
        while octets < 64 << 20 {
            let sent = t.reads();
            assert!(!sent.is_empty(), "the upload has stalled");
            for frame in sent {
                if let Wire::Data { data, .. } = frame {
                    let increment = u32::try_from(data.len()).expect("a frame");
                    octets += data.len();
                    t.peer_sends([window_update(0, increment), window_update(1, increment)]);
                }
            }
        }
        t.peer_sends(response(1, 200).end_stream());
        t.sees([head(1, 200).end_stream(), finished(1)]);
        forgiven(t, &unknown(0), 1_000);
    }

    /// A server that gives its window back in small pieces is odd, but no attacker.
    #[test]
    fn small_ones_are_free_up_to_a_kilobyte_each() {
        let window = (SettingId::INITIAL_WINDOW_SIZE, 1_024);
        let mut t = Script::connected_with(config(|_| {}), &[window]);
        t.open(post("/").whole(vec![0; 8 << 20]));
        let mut octets = 0;
        while octets < 8 << 20 {
            let sent = t.reads();
            assert!(!sent.is_empty(), "the upload has stalled");
            for frame in sent {
                if let Wire::Data { data, .. } = frame {
                    octets += data.len();
                    t.peer_sends([window_update(0, 1_024), window_update(1, 1_024)]);
                }
            }
        }
        t.peer_sends(response(1, 200).end_stream());
        t.sees([head(1, 200).end_stream(), finished(1)]);
        t.goes_on();
    }

    #[test]
    fn those_beyond_what_an_upload_calls_for_are_bounded() {
        let mut t = Script::connected();
        t.open(post("/"));
        t.reads();
        t.send(1, "x");
        t.reads();
        // Two for the head, two for the frame.
        forgiven(t, &window_update(1, 1), 1_004);
    }
}

/// Interim responses (endless 1xx).
mod interim_responses {
    use super::*;

    #[test]
    fn the_seventeenth_fails_its_stream() {
        let mut t = asked(Script::connected());
        t.peer_sends((0..16).map(|_| response(1, 103)));
        t.sees((0..16).map(|_| interim(1, 103)));
        t.peer_sends(response(1, 103));
        t.stream_fails(1, CALM, Violation::InterimFlood);
    }

    #[test]
    fn a_final_head_may_follow_the_sixteenth() {
        let mut t = asked(Script::connected());
        t.peer_sends((0..16).map(|_| response(1, 100)));
        t.peer_sends(response(1, 200).end_stream());
        assert_eq!(t.events().len(), 18);
        t.goes_on();
    }
}
