//! The listener from outside: raw sockets and hyper's client against a handler that only echoes.

mod server_correlation;
mod server_http1;
mod server_http2;
mod server_limits;
mod server_malformed;
mod server_stop;
mod server_timeouts;
mod server_tls;
mod server_unread;
mod support;
