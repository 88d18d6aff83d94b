//! The frame cases of http2-frame-test-case, through the public API.
//!
//! Normal cases are read, compared with their description, and written again; error cases must
//! give one of the codes they list. The folder is named by `TOWLINE_CONFORMANCE_DATA`.

use std::{fs, path::PathBuf};

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};
use towline::http2::{
    StreamId,
    codec::{BlockLimits, Inbound, Reader},
    consts::{FRAME_HEADER_LEN, MIN_MAX_FRAME_SIZE},
    frame::{Frame, FrameHeader},
};

/// Normal cases in the data set, so that an empty folder does not pass.
const NORMAL_CASES: usize = 12;
const ERROR_CASES: usize = 22;

struct Case {
    name: String,
    json: Value,
}

impl Case {
    fn wire(&self) -> Vec<u8> {
        let digits = self.json["wire"].as_str().expect("a case has its octets");
        (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits"))
            .collect()
    }

    fn is_normal(&self) -> bool {
        self.json["error"].is_null()
    }
}

fn cases() -> Vec<Case> {
    let root = std::env::var_os("TOWLINE_CONFORMANCE_DATA")
        .expect("TOWLINE_CONFORMANCE_DATA names the folder of the data");
    let frames = PathBuf::from(root).join("frames");
    let mut cases = Vec::new();
    for folder in fs::read_dir(&frames).expect("the folder of frame cases") {
        let folder = folder.expect("an entry").path();
        if !folder.is_dir() {
            continue;
        }
        for file in fs::read_dir(&folder).expect("a folder of cases") {
            let path = file.expect("an entry").path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                let text = fs::read_to_string(&path).expect("a case");
                cases.push(Case {
                    name: path.display().to_string(),
                    json: serde_json::from_str(&text).expect("a case in JSON"),
                });
            }
        }
    }
    cases
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).expect("the cases carry text")
}

/// The payload in the words of the data set; the text of padding is not kept, its length is.
fn describe(frame: &Frame<'_>) -> Value {
    match frame {
        Frame::Data(frame) => json!({ "data": text(frame.data), "padding_length": frame.padding }),
        Frame::Headers(frame) => json!({
            "header_block_fragment": text(frame.fragment),
            "padding_length": frame.padding,
            "stream_dependency": frame.priority.map(|fields| fields.dependency.as_u32()),
            // The data set counts weights from 1, the wire from 0 (RFC 7540 §6.3).
            "weight": frame.priority.map(|fields| u16::from(fields.weight) + 1),
            "exclusive": frame.priority.map(|fields| fields.exclusive),
        }),
        Frame::Priority(frame) => json!({
            "stream_dependency": frame.fields.dependency.as_u32(),
            "weight": u16::from(frame.fields.weight) + 1,
            "exclusive": frame.fields.exclusive,
            "padding_length": null,
        }),
        Frame::RstStream(frame) => json!({ "error_code": frame.code.as_u32() }),
        Frame::Settings(frame) => json!({
            "settings": frame.iter().map(|(id, value)| json!([id.as_u16(), value])).collect::<Vec<_>>(),
        }),
        Frame::PushPromise(frame) => json!({
            "header_block_fragment": text(frame.fragment),
            "padding_length": frame.padding,
            "promised_stream_id": frame.promised.as_u32(),
        }),
        Frame::Ping(frame) => json!({ "opaque_data": text(&frame.payload) }),
        Frame::GoAway(frame) => json!({
            "last_stream_id": frame.last_stream_id.as_u32(),
            "error_code": frame.code.as_u32(),
            "additional_debug_data": text(frame.debug_data),
        }),
        Frame::WindowUpdate(frame) => json!({ "window_size_increment": frame.increment }),
        Frame::Continuation(frame) => json!({ "header_block_fragment": text(frame.fragment) }),
        Frame::PriorityUpdate(_) | Frame::Unknown(_) => panic!("the data set has none of these"),
    }
}

fn expected(payload: &Value) -> Value {
    let mut payload = payload.clone();
    if let Some(fields) = payload.as_object_mut() {
        fields.remove("padding");
    }
    payload
}

/// RFC 9113 §6.1 wants padding of zeros, and the data set has words there.
fn with_blank_padding(mut wire: Vec<u8>, payload: &Value) -> Vec<u8> {
    let padding = payload["padding_length"].as_u64().unwrap_or(0);
    let start = wire.len() - usize::try_from(padding).expect("a pad length");
    wire[start..].fill(0);
    wire
}

#[test]
#[ignore = "needs TOWLINE_CONFORMANCE_DATA"]
fn normal_cases_are_read_as_described_and_written_as_they_were() {
    let cases: Vec<_> = cases().into_iter().filter(Case::is_normal).collect();
    assert_eq!(cases.len(), NORMAL_CASES);
    for case in cases {
        let wire = case.wire();
        let described = &case.json["frame"];
        let (header, payload) = wire
            .split_first_chunk::<FRAME_HEADER_LEN>()
            .expect("a header");
        let header = FrameHeader::parse(header);
        let seen = json!({
            "length": header.length,
            "type": header.frame_type.as_u8(),
            "flags": header.flags.bits(),
            "stream_identifier": header.stream_id.as_u32(),
        });
        for (name, value) in seen.as_object().expect("an object") {
            assert_eq!(value, &described[name], "{name} of {}", case.name);
        }
        let frame = Frame::parse(header, payload).expect(&case.name);
        let fields = &described["frame_payload"];
        assert_eq!(describe(&frame), expected(fields), "{}", case.name);

        let mut again = BytesMut::new();
        frame.encode(&mut again);
        assert_eq!(
            again,
            with_blank_padding(wire.clone(), fields),
            "{}",
            case.name
        );
    }
}

#[test]
#[ignore = "needs TOWLINE_CONFORMANCE_DATA"]
fn error_cases_give_a_code_that_they_list() {
    let cases: Vec<_> = cases()
        .into_iter()
        .filter(|case| !case.is_normal())
        .collect();
    assert_eq!(cases.len(), ERROR_CASES);
    for case in cases {
        let mut input = BytesMut::from(&case.wire()[..]);
        let fault = reader().next(&mut input).expect_err(&case.name);
        let code = json!(fault.code().as_u32());
        let codes = case.json["error"].as_array().expect("a list of codes");
        assert!(codes.contains(&code), "{code} in {}", case.name);
    }
}

/// What a client does with a whole exchange needs no conformance data.
#[test]
fn a_reader_takes_a_response_apart() {
    let mut input =
        BytesMut::from(&b"\0\0\x01\x01\x04\0\0\0\x01\x88\0\0\x02\0\x01\0\0\0\x01hi"[..]);
    let mut reader = reader();
    let Ok(Some(Inbound::Block(block))) = reader.next(&mut input) else {
        panic!("HEADERS come first");
    };
    assert_eq!(
        (block.origin.stream_id(), block.block),
        (StreamId::FIRST, &b"\x88"[..])
    );
    let data = Inbound::Data {
        stream_id: StreamId::FIRST,
        end_stream: true,
        data: Bytes::from_static(b"hi"),
        wire_len: 2,
    };
    assert_eq!(reader.next(&mut input), Ok(Some(data)));
    assert_eq!(reader.next(&mut input), Ok(None));
}

fn reader() -> Reader {
    let limits = BlockLimits {
        max_continuations: 5,
        max_octets: 65_536,
    };
    Reader::new(MIN_MAX_FRAME_SIZE, limits)
}
