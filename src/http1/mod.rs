//! HTTP/1.1 without sockets, clocks or a runtime.
