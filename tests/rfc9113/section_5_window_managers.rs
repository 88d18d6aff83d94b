//! RFC 9113 §5.2.2: what window managers are told, what becomes of their answers, and what happens
//! to those that give nothing, or too much.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use proptest::{collection::vec, prelude::*};
use towline::{
    http2::{Config, ErrorCode, Violation, consts, engine::Closure},
    window::{
        Adaptive, Fixed, FlowControlManager, Manager, Managers, Scope, WindowManager,
        WindowManagerFactory, WindowView, manager_fn,
    },
};

use crate::{
    operations::{Step, World, good_step},
    support::*,
};

/// Streams of 1,000 octets.
fn small() -> Config {
    config(|config| config.stream_window_size = 1_000)
}

/// Streams of 1,000 octets, and managers that are made so.
fn managed(factory: impl WindowManagerFactory) -> Config {
    config(|config| {
        config.stream_window_size = 1_000;
        config.stream_window_managers = Managers::new(factory);
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

/// The peer ends stream 1, and all is well.
fn ends(mut t: Script) {
    t.peer_sends(data(1, "").end_stream());
    t.sees([content(1, "").end_stream(), finished(1)]);
    t.goes_on();
}

/// Never gives anything.
fn nothing() -> impl WindowManager {
    Recorder::default()
}

/// A question, and the view that came with it.
type Asked = (&'static str, u32, WindowView);

/// Writes down what it is asked, and answers what it was told to.
#[derive(Clone, Default)]
struct Recorder {
    asked: Arc<Mutex<Vec<Asked>>>,
    answers: Arc<Mutex<Vec<(&'static str, u32)>>>,
}

impl Recorder {
    fn factory(&self) -> impl WindowManagerFactory + use<> {
        let recorder = self.clone();
        move |_: Scope, _: u32| recorder.clone()
    }

    /// The next answer to such a question.
    fn answers(&self, question: &'static str, octets: u32) {
        self.answers.lock().unwrap().push((question, octets));
    }

    fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    /// What was asked by now, without the views.
    fn questions(&self) -> Vec<(&'static str, u32)> {
        let asked = self.take().into_iter();
        asked
            .map(|(question, octets, _)| (question, octets))
            .collect()
    }

    fn ask(&self, question: &'static str, octets: u32, window: &WindowView) -> u32 {
        self.asked.lock().unwrap().push((question, octets, *window));
        let mut answers = self.answers.lock().unwrap();
        let next = answers.first().filter(|(to, _)| *to == question);
        if next.is_none() {
            return 0;
        }
        answers.remove(0).1
    }
}

impl WindowManager for Recorder {
    fn on_open(&mut self, _now: Instant, window: &WindowView) -> u32 {
        self.ask("open", 0, window)
    }

    fn on_received(&mut self, _now: Instant, octets: u32, window: &WindowView) -> u32 {
        self.ask("received", octets, window)
    }

    fn on_consumed(&mut self, _now: Instant, octets: u32, window: &WindowView) -> u32 {
        self.ask("consumed", octets, window)
    }

    fn on_blocked(&mut self, _now: Instant, window: &WindowView) -> u32 {
        self.ask("blocked", 0, window)
    }
}

mod told {
    use super::*;

    /// Everything that happens to a stream's window, in order, and how the window stands after it.
    #[test]
    fn a_streams_manager_hears_of_all_that_happens() {
        let recorder = Recorder::default();
        let mut t = Script::connected_with(managed(recorder.factory()), &[]);
        t.open(get("/"));
        t.peer_gets(headers(1).end_stream());
        t.peer_sends(response(1, 200).field("content-length", "900"));
        t.peer_sends(data(1, vec![0; 300]).padded(9));
        t.peer_sends(data(1, ""));
        assert_eq!(t.events().len(), 2);
        assert_eq!(t.release(1), 300);
        t.peer_sends(data(1, vec![0; 600]).end_stream());
        t.events();
        let fresh = WindowView::new(Scope::Stream(stream(1)), 1_000);
        let expected = [
            ("open", 0, (1_000, 0, 0), None),
            ("received", 310, (690, 310, 310), Some((900, 600))),
            ("consumed", 10, (690, 300, 310), Some((900, 600))),
            ("received", 0, (690, 300, 310), Some((900, 600))),
            ("consumed", 0, (690, 300, 310), Some((900, 600))),
            ("consumed", 300, (690, 0, 310), Some((900, 600))),
            ("received", 600, (90, 600, 910), Some((900, 0))),
        ];
        let asked = recorder.take();
        assert_eq!(asked.len(), expected.len(), "{asked:?}");
        for ((question, octets, view), expected) in asked.into_iter().zip(expected) {
            let (said, of, (window, unread, received), document) = expected;
            assert_eq!((question, octets), (said, of));
            let counters = (view.window, view.unread, view.received);
            assert_eq!(counters, (window, unread, received), "{question}");
            let sizes = view.document_size.zip(view.document_left);
            assert_eq!(sizes, document, "{question}");
            assert_eq!((view.scope, view.initial), (fresh.scope, fresh.initial));
            assert_eq!(view.round_trip, Some(Duration::ZERO));
        }
        t.goes_on();
    }

    /// RFC 9113 §6.9: the connection's octets are consumed by arriving, whatever their stream.
    #[test]
    fn the_connections_manager_hears_of_every_stream() {
        let recorder = Recorder::default();
        let mut t = Script::fresh_with(config(|config| {
            config.connection_window_size = 70_000;
            config.connection_window_managers = Managers::new(recorder.factory());
        }));
        recorder.answers("open", 5);
        assert_eq!(recorder.questions(), [("open", 0)], "asked at the start");
        t.reads();
        t.peer_sends([settings(&[]), settings_ack()]);
        t.open(get("/"));
        t.cancel(1);
        t.reads();
        t.peer_sends([response(1, 200), data(1, vec![0; 100]).padded(3)]);
        t.peer_sends(data(1, ""));
        let asked = recorder.take();
        let expected = [
            ("received", 104),
            ("consumed", 104),
            ("received", 0),
            ("consumed", 0),
        ];
        let questions: Vec<_> = asked.iter().map(|asked| (asked.0, asked.1)).collect();
        assert_eq!(questions, expected);
        let view = asked[1].2;
        assert_eq!(view.scope, Scope::Connection);
        assert_eq!((view.initial, view.window), (70_000, 70_000 - 104));
        assert_eq!((view.unread, asked[0].2.unread), (0, 104));
        assert_eq!((view.document_size, view.document_left), (None, None));
        t.events();
        t.goes_on();
    }

    #[test]
    fn what_is_answered_at_the_start_goes_with_the_preface_and_the_head() {
        let mut t = Script::fresh_with(config(|config| {
            let wide = |_: Scope, _: u32| Fixed::new(1 << 20);
            config.connection_window_size = 65_535;
            config.connection_window_managers = Managers::new(wide);
        }));
        let [preface, _] = default_preface();
        t.peer_gets([preface, window_update(0, (1 << 20) - 65_535)]);
        t.peer_sends([settings(&[]), settings_ack()]);
        t.peer_gets(settings_ack());
        t.sees([Seen::Settings]);
        // The other streams are as always.
        t.open_managed(get("/"), |_: Scope, initial| Fixed::new(initial + 5));
        t.open(get("/"));
        t.peer_gets([
            headers(1).end_stream(),
            headers(3).end_stream(),
            window_update(1, 5),
        ]);
        t.peer_sends([response(1, 200).end_stream(), response(3, 200).end_stream()]);
        assert_eq!(t.events().len(), 4);
        t.goes_on();
    }

    /// `now` is what the engine was told last: with octets, or by the clock.
    #[test]
    fn managers_know_the_time_and_the_round_trip() {
        type Told = (Instant, Option<Duration>);
        #[derive(Clone, Default)]
        struct Clock(Arc<Mutex<Vec<Told>>>);
        impl WindowManager for Clock {
            fn on_consumed(&mut self, now: Instant, _: u32, window: &WindowView) -> u32 {
                self.0.lock().unwrap().push((now, window.round_trip));
                0
            }
        }
        let clock = Clock::default();
        let made = clock.clone();
        let mut t = Script::fresh_with(managed(move |_: Scope, _: u32| made.clone()));
        let began = t.now;
        t.open(get("/"));
        t.reads();
        t.wait(Duration::from_millis(70));
        t.peer_sends([settings(&[]), response(1, 200), data(1, "a").padded(0)]);
        t.peer_sends(settings_ack());
        t.events();
        t.wait(Duration::from_millis(30));
        t.release(1);
        t.peer_sends(data(1, "").end_stream());
        let millis = |millis| Duration::from_millis(millis);
        let told = clock.0.lock().unwrap().clone();
        assert_eq!(
            told,
            [
                (began + millis(70), None),
                (began + millis(100), Some(millis(70)))
            ]
        );
        t.events();
        t.reads();
        t.goes_on();
    }
}

mod answers {
    use super::*;

    /// What a manager answers between two writes goes as one frame, and counts for the peer only
    /// then.
    #[test]
    fn increments_of_one_write_are_one_frame() {
        let echo = |_: Scope, _: u32| manager_fn(|octets, _| octets);
        let mut t = downloading(managed(echo));
        t.peer_sends((0..100).map(|_| data(1, "").padded(0)));
        t.peer_sends((0..100).map(|_| data(1, "x")));
        assert_eq!(t.events().len(), 100);
        assert_eq!(t.release(1), 100);
        t.peer_gets(window_update(1, 200));
        // None of it was the peer's before.
        t.peer_sends((0..10).map(|_| data(1, vec![0; 100])));
        t.events();
        t.release(1);
        t.peer_sends(data(1, "x"));
        t.stream_fails(1, ErrorCode::FLOW_CONTROL_ERROR, Violation::WindowExceeded);
    }

    /// RFC 9113 §6.9.1: a window above 2^31-1 would be a fault of ours.
    #[test]
    fn too_much_is_cut_to_what_a_window_may_be() {
        let wild = |_: Scope, _: u32| manager_fn(|_, _| u32::MAX);
        let mut t = downloading(managed(wild));
        t.peer_sends(data(1, vec![0; 10]));
        t.sees([content(1, vec![0; 10])]);
        t.release(1);
        t.peer_gets(window_update(1, consts::MAX_WINDOW_SIZE - 990));
        t.peer_sends(data(1, vec![0; 16_000]));
        t.sees([content(1, vec![0; 16_000])]);
        t.release(1);
        t.peer_gets(window_update(1, 16_000));
        ends(t);
    }

    /// RFC 9113 §6.9: the peer needs no window for a half that it has ended.
    #[test]
    fn nothing_goes_out_for_a_half_that_has_ended() {
        let recorder = Recorder::default();
        let mut t = Script::connected_with(managed(recorder.factory()), &[]);
        t.open(post("/"));
        t.reads();
        recorder.answers("open", 0);
        recorder.answers("received", 7);
        t.peer_sends([response(1, 200), data(1, "x").end_stream()]);
        t.sees([head(1, 200), content(1, "x").end_stream()]);
        t.release(1);
        t.peer_gets_nothing();
        t.finish(1);
        t.peer_gets(data(1, "").end_stream());
        t.sees([finished(1)]);
        t.goes_on();
    }

    /// RFC 9113 §5.4.1: GOAWAY is the last frame.
    #[test]
    fn nothing_goes_out_behind_goaway() {
        let echo = || Managers::new(|_: Scope, _: u32| manager_fn(|octets, _| octets));
        let mut t = downloading(config(|config| {
            config.stream_window_managers = echo();
            config.connection_window_managers = echo();
        }));
        t.peer_sends([data(1, "abc").padded(9), data(5, "on an idle stream")]);
        t.peer_gets(goaway(0, ErrorCode::PROTOCOL_ERROR));
        let closure = Closure::Fault(Violation::DataOnIdle);
        t.sees([content(1, "abc"), closed(closure)]);
        t.assert_quiet();
    }

    #[test]
    fn an_increment_of_a_cancelled_stream_goes_nowhere() {
        let recorder = Recorder::default();
        let mut t = downloading(managed(recorder.factory()));
        recorder.answers("received", 7);
        t.peer_sends(data(1, "x"));
        t.cancel(1);
        t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
        t.events();
        t.goes_on();
    }
}

mod blocked {
    use super::*;

    /// Once each time, and only while there is more to come.
    #[test]
    fn a_manager_is_asked_when_the_window_is_used_up() {
        let recorder = Recorder::default();
        let mut t = downloading(managed(recorder.factory()));
        recorder.questions();
        t.peer_sends(data(1, vec![0; 999]));
        t.peer_sends(data(1, "x"));
        let asked = [("received", 999), ("received", 1), ("blocked", 0)];
        assert_eq!(recorder.questions(), asked);
        // Nothing was given, so the same is not asked again.
        t.sees([content(1, vec![0; 999]), content(1, "x"), used_up(1)]);
        recorder.answers("consumed", 10);
        t.release(1);
        assert_eq!(recorder.questions(), [("consumed", 999), ("consumed", 1)]);
        t.peer_gets(window_update(1, 10));
        recorder.answers("blocked", 3);
        t.peer_sends(data(1, vec![0; 10]));
        t.sees([content(1, vec![0; 10])]);
        assert_eq!(recorder.questions(), [("received", 10), ("blocked", 0)]);
        t.peer_gets(window_update(1, 3));
        ends(t);
    }

    #[test]
    fn a_document_that_is_complete_is_not_blocked() {
        let recorder = Recorder::default();
        let mut t = Script::connected_with(managed(recorder.factory()), &[]);
        t.open(get("/"));
        t.reads();
        t.peer_sends(response(1, 200).field("content-length", "1000"));
        t.peer_sends(data(1, vec![0; 1_000]));
        t.sees([head(1, 200), content(1, vec![0; 1_000])]);
        assert_eq!(recorder.questions(), [("open", 0), ("received", 1_000)]);
        t.wait(Duration::from_secs(60));
        t.peer_sends(trailers(1, "x-sum", "1"));
        t.sees([tail(1, "x-sum", "1"), finished(1)]);
        t.goes_on();
    }

    /// The default answer: up to the initial size, but for what is unread.
    #[test]
    fn one_method_suffices() {
        let mut t = downloading(managed(|_: Scope, _: u32| manager_fn(|_, _| 0)));
        t.peer_sends(data(1, vec![0; 745]).padded(254));
        t.sees([content(1, vec![0; 745])]);
        t.peer_gets(window_update(1, 255));
        assert_eq!(t.peer.lanes[&1].credit, 255);
        ends(t);
    }

    /// A window may begin at nothing, and rise when there is something to come.
    #[test]
    fn a_window_of_zero_rises_with_the_head() {
        let zero = config(|config| config.stream_window_size = 0);
        let mut t = Script::connected_with(zero, &[]);
        t.open(get("/"));
        t.open(get("/"));
        t.peer_gets([headers(1).end_stream(), headers(3).end_stream()]);
        t.peer_sends([
            response(1, 103),
            response(1, 200),
            response(3, 204).end_stream(),
        ]);
        t.peer_gets(window_update(1, 256 << 10));
        assert_eq!(t.events().len(), 4);
        ends(t);
    }
}

mod watchdog {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);
    const NEARLY: Duration = Duration::from_millis(9_999);
    const MOMENT: Duration = Duration::from_millis(1);

    /// Stream 1 has used its window up, and everything was read.
    fn stalled_stream(config: Config) -> Script {
        let mut t = downloading(config);
        t.peer_sends(data(1, vec![0; 1_000]));
        t.sees([content(1, vec![0; 1_000]), used_up(1)]);
        t.release(1);
        t
    }

    #[test]
    fn a_stream_that_its_manager_starves_fails_by_name() {
        let mut t = stalled_stream(managed(|_: Scope, _: u32| nothing()));
        t.wait(NEARLY);
        t.sees_nothing();
        t.wait(MOMENT);
        t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
        t.sees([stalled(1), finished(1)]);
        t.goes_on();
    }

    /// Padding is consumed by arriving: nobody reads it, and nobody is waited for.
    #[test]
    fn a_window_that_padding_has_used_up_stalls_as_well() {
        let mut t = downloading(managed(|_: Scope, _: u32| nothing()));
        t.peer_sends([254, 254, 254, 234].map(|octets| data(1, "").padded(octets)));
        t.sees_nothing();
        t.wait(NEARLY);
        t.sees_nothing();
        t.wait(MOMENT);
        t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
        t.sees([stalled(1), finished(1)]);
        t.goes_on();
    }

    /// The last stream of a retired connection takes the connection along.
    #[test]
    fn a_retired_connection_ends_with_its_stalled_stream() {
        let mut t = stalled_stream(managed(|_: Scope, _: u32| nothing()));
        t.engine.retire();
        t.sees([Seen::Retired]);
        t.wait(LIMIT);
        t.peer_gets([
            rst_stream(1, ErrorCode::CANCEL),
            goaway(0, ErrorCode::NO_ERROR),
        ]);
        t.sees([stalled(1), finished(1), closed(Closure::Drained)]);
        t.assert_quiet();
    }

    /// A slow reader is nobody's fault.
    #[test]
    fn a_stream_with_unread_octets_never_fails() {
        let mut t = downloading(managed(|_: Scope, _: u32| nothing()));
        t.peer_sends([data(1, vec![0; 999]), data(1, "x")]);
        t.sees([content(1, vec![0; 999]), content(1, "x"), used_up(1)]);
        t.wait(LIMIT * 100);
        t.sees_nothing();
        // From here on it waits for its manager.
        t.release(1);
        t.wait(NEARLY);
        t.sees_nothing();
        t.wait(MOMENT);
        t.sees([stalled(1), finished(1)]);
        t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
        t.goes_on();
    }

    #[test]
    fn a_manager_is_asked_a_last_time() {
        let recorder = Recorder::default();
        let mut t = stalled_stream(managed(recorder.factory()));
        t.wait(NEARLY);
        recorder.questions();
        recorder.answers("blocked", 4);
        t.wait(MOMENT);
        assert_eq!(recorder.questions(), [("blocked", 0)]);
        t.peer_gets(window_update(1, 4));
        t.wait(LIMIT * 2);
        t.sees_nothing();
        ends(t);
    }

    /// A stall is counted from its own beginning, not from that of one before.
    #[test]
    fn every_stall_has_its_own_time() {
        let recorder = Recorder::default();
        let mut t = stalled_stream(managed(recorder.factory()));
        t.wait(NEARLY);
        recorder.answers("consumed", 1);
        // Padding is consumed by arriving; there is no window for any, so an empty frame asks.
        t.peer_sends(data(1, ""));
        t.peer_gets(window_update(1, 1));
        t.peer_sends(data(1, "x"));
        t.sees([content(1, "x"), used_up(1)]);
        t.release(1);
        t.wait(NEARLY);
        t.sees_nothing();
        t.wait(MOMENT);
        t.sees([stalled(1), finished(1)]);
        t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
        t.goes_on();
    }

    #[test]
    fn several_stalls_end_each_in_its_time() {
        let mut t = Script::connected_with(managed(|_: Scope, _: u32| nothing()), &[]);
        for id in [1, 3, 5] {
            t.open(get("/"));
            t.reads();
            t.peer_sends([response(id, 200), data(id, vec![0; 1_000])]);
            t.events();
            t.release(id);
            t.wait(Duration::from_secs(1));
        }
        t.wait(Duration::from_millis(6_999));
        t.sees_nothing();
        t.wait(MOMENT);
        t.sees([stalled(1), finished(1)]);
        t.cancel(3);
        t.sees([finished(3)]);
        t.wait(Duration::from_secs(1));
        t.sees_nothing();
        t.wait(Duration::from_secs(1));
        t.sees([stalled(5), finished(5)]);
        let cancelled = [1, 3, 5].map(|id| rst_stream(id, ErrorCode::CANCEL));
        t.peer_gets(cancelled);
        t.goes_on();
    }

    #[test]
    fn a_stall_that_is_cancelled_leaves_no_timer() {
        let mut t = stalled_stream(managed(|_: Scope, _: u32| nothing()));
        assert!(t.engine.poll_timeout().is_some());
        t.cancel(1);
        t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
        t.sees([finished(1)]);
        assert_eq!(t.engine.poll_timeout(), None);
        t.goes_on();
    }

    #[test]
    fn without_a_limit_a_stall_lasts() {
        let mut config = managed(|_: Scope, _: u32| nothing());
        config.stall_timeout = None;
        let mut t = stalled_stream(config);
        assert_eq!(t.engine.poll_timeout(), None);
        t.wait(LIMIT * 1_000);
        t.sees_nothing();
        ends(t);
    }

    /// A connection whose manager gives nothing, with 65,535 octets for all streams.
    fn starved_connection() -> Script {
        let mut t = downloading(config(|config| {
            config.connection_window_size = consts::INITIAL_WINDOW_SIZE;
            config.connection_window_managers = Managers::new(|_: Scope, _: u32| nothing());
        }));
        t.peer_sends((0..5).map(|_| data(1, vec![0; 13_107])));
        assert_eq!(t.events().len(), 5);
        t.release(1);
        t
    }

    #[test]
    fn a_connection_that_its_manager_starves_closes() {
        let mut t = starved_connection();
        t.wait(NEARLY);
        t.sees_nothing();
        t.wait(MOMENT);
        t.peer_gets(goaway(0, ErrorCode::INTERNAL_ERROR));
        t.ends(Closure::WindowStalled);
    }

    /// Nobody waits for a connection without streams; whoever comes does.
    #[test]
    fn a_starved_connection_without_streams_lasts() {
        let mut t = starved_connection();
        t.cancel(1);
        t.peer_gets(rst_stream(1, ErrorCode::CANCEL));
        t.sees([finished(1)]);
        assert_eq!(t.engine.poll_timeout(), None);
        t.wait(LIMIT * 100);
        t.sees_nothing();
        t.open(get("/"));
        t.peer_gets(headers(3).end_stream());
        t.wait(Duration::ZERO);
        t.peer_gets(goaway(0, ErrorCode::INTERNAL_ERROR));
        t.ends(Closure::WindowStalled);
    }

    /// Streams that end do not take the connection's place in the queue along.
    #[test]
    fn a_starved_connection_is_watched_while_a_stream_is_left() {
        let mut t = Script::connected_with(
            config(|config| {
                config.stream_window_size = 13_107;
                config.connection_window_size = consts::INITIAL_WINDOW_SIZE;
                config.stream_window_managers = Managers::new(|_: Scope, _: u32| nothing());
                config.connection_window_managers = Managers::new(|_: Scope, _: u32| nothing());
            }),
            &[],
        );
        let ids = [0; 5].map(|_| t.open(get("/")));
        t.reads();
        for id in ids {
            t.peer_sends([response(id, 200), data(id, vec![0; 13_107])]);
            t.events();
            t.release(id);
        }
        // The last one waits for nothing but its head: it is not watched itself.
        let left = t.open(get("/"));
        t.reads();
        for id in ids {
            t.cancel(id);
        }
        t.reads();
        t.events();
        assert_eq!(t.engine.open_streams(), 1);
        t.wait(NEARLY);
        t.sees_nothing();
        t.wait(MOMENT);
        t.peer_gets(goaway(0, ErrorCode::INTERNAL_ERROR));
        assert_eq!(left, 11);
        t.ends(Closure::WindowStalled);
    }

    #[test]
    fn a_connection_that_is_given_more_goes_on() {
        let recorder = Recorder::default();
        let mut t = downloading(config(|config| {
            config.connection_window_size = consts::INITIAL_WINDOW_SIZE;
            config.connection_window_managers = Managers::new(recorder.factory());
        }));
        t.peer_sends((0..5).map(|_| data(1, vec![0; 13_107])));
        t.events();
        t.wait(NEARLY);
        recorder.answers("blocked", 100);
        t.wait(MOMENT);
        t.peer_gets(window_update(0, 100));
        t.wait(LIMIT * 2);
        t.sees_nothing();
        ends(t);
    }
}

/// Who makes managers, and what they are called.
fn kinds() -> Vec<(&'static str, Managers)> {
    let fixed = |_: Scope, initial| Fixed::new(initial);
    let hyper = |_: Scope, initial| FlowControlManager::new(initial);
    let arrival = |_: Scope, initial| FlowControlManager::new(initial).deciding_on_arrival();
    let echo = |_: Scope, _: u32| manager_fn(|octets, _| octets);
    let nothing = |_: Scope, _: u32| nothing();
    let wild = |_: Scope, _: u32| manager_fn(|_, _| u32::MAX);
    let crumbs = |_: Scope, _: u32| manager_fn(|_, _| 1);
    let boxed = |scope, initial| -> Manager { Wrapped(Adaptive::new(scope, initial)).into() };
    vec![
        ("adaptive", Managers::default()),
        ("fixed", Managers::new(fixed)),
        ("hyper", Managers::new(hyper)),
        ("hyper on arrival", Managers::new(arrival)),
        ("echo", Managers::new(echo)),
        ("nothing", Managers::new(nothing)),
        ("wild", Managers::new(wild)),
        ("crumbs", Managers::new(crumbs)),
        ("boxed", Managers::new(boxed)),
    ]
}

/// A stock manager within one of one's own.
struct Wrapped(Adaptive);

impl WindowManager for Wrapped {
    fn on_open(&mut self, now: Instant, window: &WindowView) -> u32 {
        self.0.on_open(now, window)
    }

    fn on_consumed(&mut self, now: Instant, octets: u32, window: &WindowView) -> u32 {
        self.0.on_consumed(now, octets, window)
    }
}

/// One body of 256 is never read: all others come in full, whatever its manager does.
#[test]
fn a_stream_that_nobody_reads_starves_no_other() {
    const STREAMS: u32 = 256;
    for (kind, managers) in kinds() {
        let mut t = Script::connected_with(small(), &[]);
        let unread = t.open_managed(get("/unread"), managers);
        let ids: Vec<_> = (1..STREAMS)
            .map(|_| t.open_managed(get("/"), |_: Scope, initial| Fixed::new(initial)))
            .collect();
        t.reads();
        t.peer_sends(response(unread, 200));
        t.peer_sends(ids.iter().map(|id| response(*id, 200)));
        // As much as the window lets it: without end, if its manager gives without regard.
        for _ in 0..100 {
            let room = t.peer.lanes[&unread].credit.clamp(0, 16_000);
            t.peer_sends(data(unread, vec![0; usize::try_from(room).unwrap()]));
            t.reads();
        }
        for turn in 0..10 {
            for id in &ids {
                let credit = t.peer.lanes[id].credit;
                assert!(credit >= 500, "{kind}: turn {turn}, stream {id}: {credit}");
                t.peer_sends(data(*id, vec![0; 500]));
                t.events();
                t.release(*id);
            }
            t.reads();
        }
        t.peer_sends(ids.iter().map(|id| data(*id, "").end_stream()));
        t.events();
        t.cancel(unread);
        t.peer_gets(rst_stream(unread, ErrorCode::CANCEL));
        t.sees([finished(unread)]);
        t.goes_on();
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Whatever happens, and whatever managers answer: what the peer may send is what it was told,
    /// nothing of the connection's window is lost, and in the end all is quiet.
    #[test]
    fn no_manager_corrupts_the_accounting(
        streams in 0_usize..9,
        connection in 0_usize..5,
        steps in vec(
            prop_oneof![
                20 => good_step(),
                1 => (0_u64..4_000).prop_map(Step::Wait),
            ],
            1..150,
        ),
        read_size in 1_usize..30_000,
    ) {
        let mut world = World::with(read_size, |config| {
            config.stream_window_managers = kinds()[streams].1.clone();
            config.connection_window_managers = kinds()[connection].1.clone();
        });
        for step in steps {
            world.run(step);
        }
        world.wind_up();
        prop_assert_eq!(&world.closed, &None);
        // A quarter, where hyper's policy has the say.
        world.assert_quiet(25_000);
    }
}
