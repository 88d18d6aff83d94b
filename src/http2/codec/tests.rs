mod reader;
mod writer;

use super::{BlockOrigin, FieldBlock, Inbound};
use crate::http2::StreamId;

fn stream(id: u32) -> StreamId {
    StreamId::from_wire(id)
}

fn block(id: u32, block: &[u8]) -> Inbound<'_> {
    Inbound::Block(FieldBlock {
        origin: BlockOrigin::Headers {
            stream_id: stream(id),
            end_stream: true,
        },
        block,
    })
}
