//! SETTINGS of both sides.
//!
//! Owns: the peer's preface, what each of its settings changes at once, and when ours hold. Never:
//! lets a value through that its section forbids.
//! Spec: RFC 9113 §3.4, §6.5, §6.9.2; RFC 8441 §3; RFC 9218 §2.1.

use std::time::Instant;

use bytes::BytesMut;

use super::{Closure, Core, Event, PeerSettings, Preface, Stage, Timer};
use crate::http2::{
    Fault, Violation, consts,
    frame::{FrameHeader, FrameType, SettingId, Settings},
};

/// Settings that one frame may hold for nothing: more than there are. A frame has room for
/// thousands, and each change of the initial window looks at every stream.
const FREE_SETTINGS: usize = 32;

impl PeerSettings {
    /// What holds until the peer says otherwise (RFC 9113 §6.5.2).
    ///
    /// The number of streams is unlimited by the RFC; 100 is what it recommends that no peer goes
    /// below, so that a burst before the first SETTINGS is not refused.
    pub(super) const INITIAL: Self = Self {
        header_table_size: consts::INITIAL_HEADER_TABLE_SIZE,
        max_concurrent_streams: 100,
        initial_window_size: consts::INITIAL_WINDOW_SIZE,
        max_frame_size: consts::MIN_MAX_FRAME_SIZE,
        max_header_list_size: u32::MAX,
        enable_connect_protocol: false,
        no_rfc7540_priorities: false,
    };
}

impl Core {
    /// Whether `input` begins as a server's preface must: with a SETTINGS frame (RFC 9113 §3.4).
    /// False also while too little has come to tell.
    pub(super) fn recognise(&mut self, input: &mut BytesMut) -> bool {
        if self.stage == Stage::Closed {
            input.clear();
            return false;
        }
        let Some(octets) = input.first_chunk() else {
            return false;
        };
        if self.begins_preface(input) {
            return true;
        }
        let header = FrameHeader::parse(octets);
        // Anything that could be a frame is a fault of an HTTP/2 peer; the rest is not HTTP/2.
        let is_frame =
            header.frame_type.name().is_some() && header.length <= self.config.max_frame_size;
        if is_frame {
            self.fail_connection(Violation::PrefaceNotSettings);
        } else {
            let shown = input.len().min(64);
            self.close(Closure::NotHttp2(input.split_to(shown).freeze()));
        }
        input.clear();
        false
    }

    /// Whether a SETTINGS frame stands at the front, be it in part.
    pub(super) fn begins_preface(&self, input: &[u8]) -> bool {
        input.first_chunk().is_some_and(|octets| {
            let header = FrameHeader::parse(octets);
            header.frame_type == FrameType::SETTINGS && header.length <= self.config.max_frame_size
        })
    }

    pub(super) fn recv_settings(
        &mut self,
        now: Instant,
        frame: &Settings<'_>,
    ) -> Result<(), Fault> {
        if frame.ack {
            return self.recv_settings_ack(now);
        }
        if self.preface == Preface::Awaited {
            self.preface = Preface::Received;
            // Until now we held ourselves to what every peer should allow.
            self.peer.max_concurrent_streams = u32::MAX;
        } else {
            self.budget.on_fault(now).map_err(Fault::Connection)?;
        }
        self.budget.on_control_queued().map_err(Fault::Connection)?;
        for (index, (id, value)) in frame.iter().enumerate() {
            if index >= FREE_SETTINGS {
                self.budget.on_fault(now).map_err(Fault::Connection)?;
            }
            // RFC 9113 §6.5.3: in the order in which they appear.
            self.apply(id, value).map_err(Fault::Connection)?;
        }
        Settings::ACK.encode(&mut self.control);
        self.events.push_back(Event::PeerSettings(self.peer));
        Ok(())
    }

    fn apply(&mut self, id: SettingId, value: u32) -> Result<(), Violation> {
        match id {
            SettingId::HEADER_TABLE_SIZE => {
                self.peer.header_table_size = value;
                self.encoder.set_peer_table_size(value as usize);
            }
            // RFC 9113 §6.5.2: a server must not send 1, and 0 tells a client nothing.
            SettingId::ENABLE_PUSH if value != 0 => return Err(Violation::EnablePushValue),
            SettingId::MAX_CONCURRENT_STREAMS => self.peer.max_concurrent_streams = value,
            SettingId::INITIAL_WINDOW_SIZE => self.set_initial_window(value)?,
            SettingId::MAX_FRAME_SIZE => {
                if !(consts::MIN_MAX_FRAME_SIZE..=consts::MAX_MAX_FRAME_SIZE).contains(&value) {
                    return Err(Violation::MaxFrameSizeValue);
                }
                self.peer.max_frame_size = value;
            }
            SettingId::MAX_HEADER_LIST_SIZE => self.peer.max_header_list_size = value,
            SettingId::ENABLE_CONNECT_PROTOCOL => {
                // RFC 8441 §3: once 1, never 0 again.
                if value > 1 || (value == 0 && self.peer.enable_connect_protocol) {
                    return Err(Violation::EnableConnectProtocolValue);
                }
                self.peer.enable_connect_protocol = value == 1;
            }
            SettingId::NO_RFC7540_PRIORITIES => {
                if value > 1 {
                    return Err(Violation::NoRfc7540PrioritiesValue);
                }
                self.peer.no_rfc7540_priorities = value == 1;
            }
            // RFC 9113 §6.5.2: unknown settings are ignored.
            _ => {}
        }
        Ok(())
    }

    /// RFC 9113 §6.9.2: every stream's send window moves by the difference, below zero if need be;
    /// the connection's does not.
    fn set_initial_window(&mut self, value: u32) -> Result<(), Violation> {
        if value > consts::MAX_WINDOW_SIZE {
            return Err(Violation::InitialWindowSizeValue);
        }
        let before = std::mem::replace(&mut self.peer.initial_window_size, value);
        let mut opened = Vec::new();
        for (id, stream) in self.streams.iter_mut() {
            if let Some(send) = &mut stream.send {
                send.window.shift(before, value)?;
                opened.push(id);
            }
        }
        opened.sort_unstable();
        for id in opened {
            self.schedule(id);
        }
        Ok(())
    }

    fn recv_settings_ack(&mut self, now: Instant) -> Result<(), Fault> {
        // RFC 9113 §6.5.3: we send SETTINGS once, so there is one acknowledgement to come.
        if self.local_settings_acked {
            return Err(Fault::Connection(Violation::SettingsAckUnasked));
        }
        self.local_settings_acked = true;
        self.timers.stop(Timer::SettingsAck);
        self.windows.path.on_settings_ack(now);
        // RFC 9113 §6.5.3: from here on the peer's encoder goes by our setting.
        self.decoder
            .set_max_table_size(self.config.header_table_size as usize);
        Ok(())
    }
}
