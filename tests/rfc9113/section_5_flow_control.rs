//! RFC 9113 §5.2, §6.9: windows both ways, and who may send when they are scarce.

use bytes::Buf;
use towline::http2::{
    Config, Engine, ErrorCode, Violation,
    codec::Output,
    consts,
    engine::Progress,
    frame::{FrameType, SettingId},
};

use crate::support::*;

/// Small windows of our own: 1,000 octets a stream.
fn small() -> Config {
    config(|config| {
        config.stream_window_size = 1_000;
        config.connection_window_size = consts::INITIAL_WINDOW_SIZE;
    })
}

/// A GET on stream 1 whose head has come.
fn downloading(config: Config) -> Script {
    let mut t = Script::connected_with(config, &[]);
    t.open(get("/"));
    t.peer_gets(headers(1).end_stream());
    t.peer_sends(response(1, 200));
    t.sees([head(1, 200)]);
    t
}

/// POSTs with whole bodies of so many octets, on a connection whose peer takes large frames.
fn uploading(bodies: &[usize], settings: &[(SettingId, u32)]) -> Script {
    let mut t = Script::connected_with(config(|_| {}), settings);
    for octets in bodies {
        t.open(post("/").whole(vec![b'x'; *octets]));
    }
    t
}

/// All streams get their responses, and all is quiet.
#[track_caller]
fn ends_well(mut t: Script, streams: u32) {
    for id in (1..2 * streams).step_by(2) {
        t.peer_sends(response(id, 200).end_stream());
        t.sees([head(id, 200).end_stream(), finished(id)]);
    }
    t.goes_on();
}

/// The streams and lengths of DATA frames; other frames are left out.
fn turns(sent: &[Wire]) -> Vec<(u32, usize)> {
    sent.iter()
        .filter_map(|frame| match frame {
            Wire::Data { id, data, .. } => Some((*id, data.len())),
            _ => None,
        })
        .collect()
}

mod inbound {
    use super::*;

    /// Half of the window is the point: neither an update an octet, nor a stall.
    #[test]
    fn stream_credit_goes_back_when_it_is_released_and_half_is_owed() {
        let mut t = downloading(small());
        t.peer_sends([data(1, vec![0; 499]), data(1, vec![0; 501])]);
        // The peer has used its window up, and nothing goes back by itself.
        t.sees([
            content(1, vec![0; 499]),
            content(1, vec![0; 501]),
            used_up(1),
        ]);
        t.peer_gets_nothing();
        assert_eq!(t.release(1), 1_000);
        t.peer_gets(window_update(1, 1_000));
        t.peer_sends(data(1, vec![0; 499]));
        t.events();
        t.release(1);
        t.peer_gets_nothing();
        t.peer_sends(data(1, "x"));
        t.events();
        t.release(1);
        t.peer_gets(window_update(1, 500));
        t.peer_sends(data(1, "").end_stream());
        t.sees([content(1, "").end_stream(), finished(1)]);
        t.goes_on();
    }

    /// One body that nobody reads does not keep the others from coming.
    #[test]
    fn connection_credit_goes_back_as_octets_arrive() {
        let window = consts::INITIAL_WINDOW_SIZE;
        let mut t = downloading(config(|config| config.connection_window_size = window));
        t.peer_sends([data(1, vec![0; 16_384]), data(1, vec![0; 16_383])]);
        t.peer_gets_nothing();
        t.peer_sends(data(1, "x"));
        t.peer_gets(window_update(0, 32_768));
        t.cancel(1);
        t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
        t.events();
        t.goes_on();
    }

    /// RFC 9113 §6.1: padding and pad length count. They are consumed by arriving.
    #[test]
    fn padding_counts_and_needs_no_release() {
        let mut t = downloading(small());
        t.peer_sends(data(1, vec![0; 244]).padded(255));
        t.sees([content(1, vec![0; 244])]);
        t.peer_gets_nothing();
        // 256 of padding, and 244 of content: half of the window.
        assert_eq!(t.release(1), 244);
        t.peer_gets(window_update(1, 500));
        t.peer_sends([data(1, "").padded(255), data(1, "").padded(255)]);
        t.sees_nothing();
        t.peer_gets(window_update(1, 512));
        t.peer_sends(data(1, "x").padded(255).end_stream());
        t.sees([content(1, "x").end_stream(), finished(1)]);
        t.goes_on();
    }

    /// RFC 9113 §6.9.1, by the octet.
    #[test]
    fn a_stream_window_may_be_used_up_and_not_exceeded() {
        let mut t = downloading(small());
        t.peer_sends(data(1, vec![0; 1_000]));
        t.sees([content(1, vec![0; 1_000]), used_up(1)]);
        t.peer_sends(data(1, "x"));
        t.stream_fails(1, ErrorCode::FLOW_CONTROL_ERROR, Violation::WindowExceeded);
    }

    #[test]
    fn padding_alone_can_exceed_a_window() {
        let mut t = downloading(small());
        t.peer_sends(data(1, vec![0; 745]).padded(255));
        t.stream_fails(1, ErrorCode::FLOW_CONTROL_ERROR, Violation::WindowExceeded);
    }

    #[test]
    fn empty_data_may_come_when_the_window_is_used_up() {
        let mut t = downloading(small());
        t.peer_sends([data(1, vec![0; 1_000]), data(1, "").end_stream()]);
        t.sees([
            content(1, vec![0; 1_000]),
            used_up(1),
            content(1, "").end_stream(),
            finished(1),
        ]);
        // The window went with the stream: there is nobody to give the credit back to.
        assert_eq!(t.release(1), 1_000);
        t.peer_gets_nothing();
        t.goes_on();
    }

    /// RFC 9113 §6.9.1. As credit goes back on arrival, it takes a single large frame.
    #[test]
    fn the_connection_window_may_be_used_up_and_not_exceeded() {
        let config = || {
            config(|config| {
                config.max_frame_size = 1 << 17;
                config.connection_window_size = consts::INITIAL_WINDOW_SIZE;
            })
        };
        let mut t = downloading(config());
        t.peer_sends(data(1, vec![0; 65_535]).end_stream());
        assert_eq!(t.events().len(), 2);
        t.peer_gets(window_update(0, 65_535));
        t.goes_on();

        let mut t = downloading(config());
        t.peer_sends(data(1, vec![0; 30_000]));
        assert_eq!(t.events().len(), 1);
        t.peer_sends(data(1, vec![0; 35_536]));
        t.connection_fails(ErrorCode::FLOW_CONTROL_ERROR, Violation::WindowExceeded);
    }

    /// RFC 9113 §6.9: what comes on a stream that failed counts for the connection all the same.
    #[test]
    fn data_on_a_stream_that_failed_is_given_back() {
        let window = consts::INITIAL_WINDOW_SIZE;
        let config = config(|config| {
            config.stream_window_size = 20_000;
            config.connection_window_size = window;
        });
        let mut t = downloading(config);
        t.peer_sends([data(1, vec![0; 16_384]), data(1, vec![0; 16_384])]);
        t.sees([
            content(1, vec![0; 16_384]),
            fault(1, Violation::WindowExceeded),
            finished(1),
        ]);
        t.peer_gets([
            rst_stream(1, ErrorCode::FLOW_CONTROL_ERROR),
            window_update(0, 32_768),
        ]);
        t.goes_on();
    }
}

mod outbound {
    use super::*;

    #[test]
    fn an_upload_is_cut_to_the_stream_window() {
        let mut t = uploading(&[25], &[(SettingId::INITIAL_WINDOW_SIZE, 10)]);
        t.peer_gets([headers(1), data(1, [b'x'; 10])]);
        t.peer_sends(window_update(1, 1));
        t.peer_gets(data(1, "x"));
        t.peer_sends([window_update(1, 7), window_update(1, 6)]);
        t.peer_gets(data(1, [b'x'; 13]));
        t.peer_sends(window_update(1, 1_000));
        t.peer_gets(data(1, "x").end_stream());
        ends_well(t, 1);
    }

    #[test]
    fn an_upload_is_cut_to_the_connection_window() {
        let mut t = uploading(&[70_000], &[(SettingId::INITIAL_WINDOW_SIZE, 1 << 20)]);
        let sent = t.reads();
        let octets: usize = turns(&sent).iter().map(|(_, octets)| octets).sum();
        assert_eq!(octets, 65_535);
        t.peer_sends(window_update(1, 1));
        t.peer_gets_nothing();
        t.peer_sends(window_update(0, 4_000));
        t.peer_gets(data(1, [b'x'; 4_000]));
        t.peer_sends(window_update(0, 465));
        t.peer_gets(data(1, [b'x'; 465]).end_stream());
        ends_well(t, 1);
    }

    /// RFC 9113 §6.9.1: frames of zero length with END_STREAM "MAY be sent if there is no
    /// available space".
    #[test]
    fn an_end_needs_no_window() {
        let mut t = Script::connected_with(config(|_| {}), &[(SettingId::INITIAL_WINDOW_SIZE, 0)]);
        t.open(post("/"));
        t.open(post("/"));
        t.open(post("/").whole(""));
        t.reads();
        t.finish(1);
        t.finish_with(3, map(&[("x-sum", "0")]));
        t.peer_gets([data(1, "").end_stream(), trailers(3, "x-sum", "0")]);
        ends_well(t, 3);
    }

    #[test]
    fn an_end_needs_no_connection_window() {
        let mut t = uploading(&[65_535], &[]);
        t.open(post("/"));
        t.reads();
        assert_eq!(t.peer.window, 0);
        t.finish(3);
        t.peer_gets(data(3, "").end_stream());
        ends_well(t, 2);
    }

    /// Streams take turns of one frame.
    #[test]
    fn uploads_share_the_connection_evenly() {
        let mut t = uploading(&[20_000, 20_000, 20_000], &[]);
        let sent = t.reads();
        assert_eq!(
            turns(&sent),
            [
                (1, 16_384),
                (3, 16_384),
                (5, 16_384),
                (1, 3_616),
                (3, 3_616),
                (5, 3_616)
            ]
        );
        ends_well(t, 3);
    }

    /// Those that waited for the connection's window go on in the order in which they came.
    #[test]
    fn uploads_that_the_connection_window_stopped_resume_in_order() {
        let window = (SettingId::INITIAL_WINDOW_SIZE, 1 << 20);
        let mut t = uploading(&[30_000, 30_000, 30_000], &[window]);
        let first = [
            (1, 16_384),
            (3, 16_384),
            (5, 16_384),
            (1, 13_616),
            (3, 2_767),
        ];
        assert_eq!(turns(&t.reads()), first);
        t.peer_sends(window_update(0, 20_000));
        assert_eq!(turns(&t.reads()), [(5, 13_616), (3, 6_384)]);
        t.peer_sends(window_update(0, 1 << 20));
        assert_eq!(turns(&t.reads()), [(3, 4_465)]);
        ends_well(t, 3);
    }

    #[test]
    fn a_stopped_upload_that_is_cancelled_leaves_nothing_behind() {
        let window = (SettingId::INITIAL_WINDOW_SIZE, 1 << 20);
        let mut t = uploading(&[65_535], &[window]);
        t.reads();
        // Nothing can be sent any more; each of these waits for the connection's window.
        for _ in 0..100 {
            let id = t.open(post("/").whole("in vain"));
            t.peer_gets(headers(id));
            t.cancel(id);
            t.peer_gets(rst_stream(id, ErrorCode::CANCEL));
            t.sees([finished(id)]);
        }
        t.peer_sends(response(1, 200).end_stream());
        t.sees([head(1, 200).end_stream(), finished(1)]);
        t.goes_on();
    }

    #[test]
    fn a_body_is_asked_for_only_when_its_octets_could_go() {
        let mut t = Script::connected_with(config(|_| {}), &[(SettingId::INITIAL_WINDOW_SIZE, 5)]);
        t.open(post("/"));
        t.open(post("/"));
        t.reads();
        assert_eq!(t.demands(), [1, 3]);
        assert_eq!(t.demands(), [], "asked once");
        t.send(1, "0123456");
        t.peer_gets(data(1, "01234"));
        assert_eq!(t.demands(), [], "two octets wait");
        t.peer_sends(window_update(1, 2));
        t.peer_gets(data(1, "56"));
        assert_eq!(t.demands(), [], "no window is left");
        t.peer_sends(window_update(1, 1));
        assert_eq!(t.demands(), [1]);
        // It had nothing, and has something now; so it is asked again.
        t.engine.resume(stream(1));
        assert_eq!(t.demands(), [1]);
        t.send(1, "");
        assert_eq!(t.demands(), [1], "an empty piece asks to be asked again");
        t.finish(1);
        t.finish(3);
        t.peer_gets([data(1, "").end_stream(), data(3, "").end_stream()]);
        assert_eq!(t.demands(), []);
        ends_well(t, 2);
    }

    #[test]
    fn no_body_is_asked_for_while_the_connection_window_is_used_up() {
        let mut t = uploading(&[65_535], &[]);
        t.open(post("/"));
        t.reads();
        assert_eq!(t.demands(), []);
        t.peer_sends(window_update(0, 1));
        assert_eq!(t.demands(), [3]);
        t.send(3, "ab");
        t.finish(3);
        t.peer_gets(data(3, "a"));
        t.peer_sends(window_update(0, 100));
        t.peer_gets(data(3, "b").end_stream());
        ends_well(t, 2);
    }

    /// Nothing that was handed over is lost, asked for or not.
    #[test]
    fn pieces_that_nobody_asked_for_are_sent_in_order() {
        let mut t = Script::connected_with(config(|_| {}), &[(SettingId::INITIAL_WINDOW_SIZE, 4)]);
        t.open(post("/"));
        t.reads();
        t.send(1, "one");
        t.send(1, "two");
        t.send(1, "three");
        t.finish(1);
        t.peer_gets(data(1, "onet"));
        t.peer_sends(window_update(1, 100));
        t.peer_gets(data(1, "wothree").end_stream());
        ends_well(t, 1);
    }

    /// A batch has a bound, and what is left goes with the next.
    #[test]
    fn a_large_upload_goes_in_batches() {
        let mut t = uploading(&[], &[(SettingId::INITIAL_WINDOW_SIZE, 4 << 20)]);
        t.peer_sends(window_update(0, 4 << 20));
        t.open(post("/").whole(vec![7; 3 << 20]));
        let mut output = Output::default();
        let progress = t.engine.poll_output(&mut output);
        assert_eq!(progress, Progress::More);
        assert!(output.len() < Engine::OUTPUT_TARGET + 16_384 + 9 + 9);
        let octets = output.copy_to_bytes(output.remaining());
        let first = t.peer.receive(&octets);
        let rest = t.reads();
        let total: usize = turns(&first)
            .iter()
            .chain(&turns(&rest))
            .map(|turn| turn.1)
            .sum();
        assert_eq!(total, 3 << 20);
        ends_well(t, 1);
    }
}

mod window_update_frames {
    use super::*;

    /// RFC 9113 §6.9: an increment of 0 is an error of what it was meant for.
    #[test]
    fn zero_is_an_error_of_the_stream_or_the_connection() {
        for zero in [[0, 0, 0, 0], [0x80, 0, 0, 0]] {
            let mut t = downloading(small());
            t.peer_sends(raw(FrameType::WINDOW_UPDATE, 0, 1, &zero));
            t.stream_fails(1, ErrorCode::PROTOCOL_ERROR, Violation::WindowUpdateZero);

            let mut t = downloading(small());
            t.peer_sends(raw(FrameType::WINDOW_UPDATE, 0, 0, &zero));
            t.connection_fails(ErrorCode::PROTOCOL_ERROR, Violation::WindowUpdateZero);
        }
    }

    /// RFC 9113 §6.9.1: above 2^31-1.
    #[test]
    fn an_overflow_is_an_error_of_the_stream() {
        let mut t = Script::connected();
        t.open(post("/"));
        t.reads();
        let room = consts::MAX_WINDOW_SIZE - consts::INITIAL_WINDOW_SIZE;
        t.peer_sends(window_update(1, room));
        t.peer_gets_nothing();
        t.peer_sends(window_update(1, 1));
        t.stream_fails(1, ErrorCode::FLOW_CONTROL_ERROR, Violation::WindowOverflow);
    }

    #[test]
    fn an_overflow_is_an_error_of_the_connection() {
        let mut t = Script::connected();
        let room = consts::MAX_WINDOW_SIZE - consts::INITIAL_WINDOW_SIZE;
        t.peer_sends(window_update(0, room));
        t.peer_gets_nothing();
        t.peer_sends(window_update(0, 1));
        t.connection_fails(ErrorCode::FLOW_CONTROL_ERROR, Violation::WindowOverflow);
    }

    #[test]
    fn updates_of_a_stream_whose_upload_is_done_are_ignored() {
        let mut t = downloading(small());
        t.peer_sends([
            window_update(1, consts::MAX_WINDOW_SIZE),
            window_update(1, 1),
        ]);
        t.peer_sends(data(1, "").end_stream());
        t.sees([content(1, "").end_stream(), finished(1)]);
        t.goes_on();
    }
}
