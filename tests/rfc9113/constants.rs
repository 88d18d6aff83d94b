//! The numbers of `consts`, from the text of the sections that they cite.

use towline::http2::{ErrorCode, StreamId, consts};

#[test]
fn each_number_is_that_of_its_section() {
    assert_eq!(consts::PREFACE, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "§3.4");
    assert_eq!(consts::FRAME_HEADER_LEN, (24 + 8 + 8 + 1 + 31) / 8, "§4.1");
    assert_eq!(consts::MIN_MAX_FRAME_SIZE, 1 << 14, "§6.5.2");
    assert_eq!(consts::MAX_MAX_FRAME_SIZE, (1 << 24) - 1, "§6.5.2");
    assert_eq!(consts::INITIAL_WINDOW_SIZE, (1 << 16) - 1, "§6.9.2");
    assert_eq!(consts::MAX_WINDOW_SIZE, (1 << 31) - 1, "§6.9.1");
    assert_eq!(consts::INITIAL_HEADER_TABLE_SIZE, 4_096, "§6.5.2");
    assert_eq!(consts::FIELD_OVERHEAD, 32, "§6.5.2");
    assert_eq!(consts::PING_LEN, 64 / 8, "§6.7");
    assert_eq!(consts::SETTING_LEN, (16 + 32) / 8, "§6.5.1");
    assert_eq!(StreamId::MAX.as_u32(), (1 << 31) - 1, "§4.1");
}

#[test]
fn error_codes_are_numbered_as_in_section_7() {
    let names = [
        "NO_ERROR",
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "FLOW_CONTROL_ERROR",
        "SETTINGS_TIMEOUT",
        "STREAM_CLOSED",
        "FRAME_SIZE_ERROR",
        "REFUSED_STREAM",
        "CANCEL",
        "COMPRESSION_ERROR",
        "CONNECT_ERROR",
        "ENHANCE_YOUR_CALM",
        "INADEQUATE_SECURITY",
        "HTTP_1_1_REQUIRED",
    ];
    for (code, name) in (0..).zip(names) {
        assert_eq!(ErrorCode::from(code).name(), Some(name));
    }
    assert_eq!(ErrorCode::from(14).name(), None);
}
