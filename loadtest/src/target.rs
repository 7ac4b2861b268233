//! The server under load: an address, and the header lines every request to it carries.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};

/// A parsed `http://host:port`.
#[derive(Clone)]
pub struct Target {
    /// As the operator wrote it, without a trailing slash.
    pub url: String,
    pub address: SocketAddr,
    /// Whole header lines, CRLF included: `host` and the operator's own.
    pub header_lines: Vec<u8>,
}

impl Target {
    /// Parses `url` and looks its host up. `headers` are `name: value` lines to send with every request.
    pub fn parse(url: &str, headers: &[String]) -> Result<Self, String> {
        let authority = url
            .strip_prefix("http://")
            .ok_or_else(|| format!("server {url:?}: it must begin with http:// (TLS is not measured)"))?
            .trim_end_matches('/');
        if authority.is_empty() || authority.contains(['/', '?', '@', '\r', '\n', ' ']) {
            return Err(format!("server {url:?}: it must be http://host:port"));
        }
        let with_port = if has_port(authority) {
            authority.to_owned()
        } else {
            format!("{authority}:80")
        };
        let address = with_port
            .to_socket_addrs()
            .map_err(|error| format!("server {url:?}: {error}"))?
            .next()
            .ok_or_else(|| format!("server {url:?}: the name has no address"))?;
        let mut header_lines = format!("host: {authority}\r\n").into_bytes();
        for header in headers {
            if header.contains(['\r', '\n']) || !header.contains(": ") {
                return Err(format!("header {header:?}: it must be one `name: value`"));
            }
            header_lines.extend_from_slice(header.as_bytes());
            header_lines.extend_from_slice(b"\r\n");
        }
        Ok(Target {
            url: format!("http://{authority}"),
            address,
            header_lines,
        })
    }
}

impl fmt::Debug for Target {
    /// Without the header lines: a key is among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

fn has_port(authority: &str) -> bool {
    let after_host = authority.rsplit(']').next().unwrap_or(authority);
    after_host
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn an_address_is_taken_with_and_without_slash_and_port() {
        let target = Target::parse("http://127.0.0.1:8080/", &["authorization: Bearer x".into()]).unwrap();
        assert_eq!(target.address, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(
            target.header_lines,
            b"host: 127.0.0.1:8080\r\nauthorization: Bearer x\r\n"
        );
        assert_eq!(Target::parse("http://127.0.0.1", &[]).unwrap().address.port(), 80);
        assert_eq!(Target::parse("http://[::1]:81", &[]).unwrap().address.port(), 81);
    }

    #[test]
    fn what_is_no_server_is_refused_with_its_reason() {
        assert!(
            Target::parse("https://127.0.0.1", &[])
                .unwrap_err()
                .contains("http://")
        );
        assert!(Target::parse("http://127.0.0.1:80/v1", &[]).is_err());
        assert!(Target::parse("http://127.0.0.1", &["x: y\r\nz: 1".into()]).is_err());
    }
}
