//! What is no request of HTTP/1.1 or HTTP/2, or asks for too much.

/// Bytes that a client sends on a connection of its own.
pub struct Raw {
    /// What they are.
    pub what: &'static str,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The statuses one of which is answered, unless the connection is closed without an answer.
    pub statuses: &'static [u16],
}

const REFUSED: &[u16] = &[400, 505];
const TOO_LARGE: &[u16] = &[414, 431];

/// The first message of a TLS client, cut after its session id.
const TLS_HELLO: [u8; 43] = {
    let mut hello = [0x5A; 43];
    let front = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3];
    let mut at = 0;
    while at < front.len() {
        hello[at] = front[at];
        at += 1;
    }
    hello
};

/// Heads around a body `{}`: the lines between the request line and the empty one.
const HEADS: [(&str, &str); 26] = [
    (
        "two lengths",
        "host: a\r\ncontent-length: 2\r\ncontent-length: 3\r\n",
    ),
    ("two lengths in one", "host: a\r\ncontent-length: 2, 3\r\n"),
    ("a length with a sign", "host: a\r\ncontent-length: +2\r\n"),
    ("a negative length", "host: a\r\ncontent-length: -2\r\n"),
    ("a hexadecimal length", "host: a\r\ncontent-length: 0x2\r\n"),
    ("a length in two words", "host: a\r\ncontent-length: 2 2\r\n"),
    ("an empty length", "host: a\r\ncontent-length:\r\n"),
    ("a fraction of a length", "host: a\r\ncontent-length: 2.0\r\n"),
    (
        "a length past u64",
        "host: a\r\ncontent-length: 18446744073709551618\r\n",
    ),
    (
        "length and chunks",
        "host: a\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n",
    ),
    (
        "chunks and length",
        "host: a\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n",
    ),
    (
        "length and chunks in capitals",
        "HOST: a\r\nCONTENT-LENGTH: 2\r\nTRANSFER-ENCODING: CHUNKED\r\n",
    ),
    (
        "chunks not last",
        "host: a\r\ntransfer-encoding: chunked, identity\r\n",
    ),
    ("an unknown coding", "host: a\r\ntransfer-encoding: xchunked\r\n"),
    (
        "a space before the colon",
        "host: a\r\ntransfer-encoding : chunked\r\n",
    ),
    ("no host", "content-length: 2\r\n"),
    ("two hosts", "host: a\r\nhost: b\r\ncontent-length: 2\r\n"),
    (
        "a line without a colon",
        "host: a\r\ncontent-length: 2\r\nnonsense\r\n",
    ),
    (
        "a name with a space",
        "host: a\r\ncontent-length: 2\r\nx y: z\r\n",
    ),
    ("no name", "host: a\r\ncontent-length: 2\r\n: z\r\n"),
    ("a folded line", "host: a\r\ncontent-length: 2\r\nx: y\r\n z\r\n"),
    (
        "a zero byte in a value",
        "host: a\r\ncontent-length: 2\r\nx: a\0b\r\n",
    ),
    (
        "a zero byte in a name",
        "host: a\r\ncontent-length: 2\r\nx\0: b\r\n",
    ),
    (
        "a bare carriage return",
        "host: a\r\ncontent-length: 2\r\nx: a\rb\r\n",
    ),
    (
        "a name that is no ASCII",
        "host: a\r\ncontent-length: 2\r\nก: b\r\n",
    ),
    (
        "a bell in a value",
        "host: a\r\ncontent-length: 2\r\nx: \u{7}\r\n",
    ),
];

/// Beginnings of connections.
const FRONTS: [(&str, &str); 14] = [
    ("words", "GARBAGE\r\n\r\n"),
    ("lower case", "get /healthz http/1.1\r\nhost: a\r\n\r\n"),
    ("version 1.0", "GET /v1/clock HTTP/1.0\r\nhost: a\r\n\r\n"),
    (
        "version 1.0 kept alive",
        "GET /v1/clock HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n",
    ),
    ("version 1.2", "GET /healthz HTTP/1.2\r\nhost: a\r\n\r\n"),
    ("version 0.9", "GET /healthz\r\n\r\n"),
    ("version 2.0 in words", "GET /healthz HTTP/2.0\r\nhost: a\r\n\r\n"),
    ("version 3", "GET /healthz HTTP/3\r\nhost: a\r\n\r\n"),
    ("another protocol", "SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    ("mail", "EHLO example.org\r\n\r\n"),
    ("a path with a space", "GET /health z HTTP/1.1\r\nhost: a\r\n\r\n"),
    ("half a preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"),
    (
        "HTTP/2 and nonsense",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnonsense that is no frame at all, over and over",
    ),
    ("zeros", "\0\0\0\0\0\0\0\0\r\n\r\n"),
];

/// Everything that is refused before a route is looked for.
pub fn raw() -> Vec<Raw> {
    let mut all: Vec<Raw> = Vec::new();
    for (what, text) in FRONTS {
        all.push(Raw {
            what,
            bytes: text.into(),
            statuses: REFUSED,
        });
    }
    for (what, lines) in HEADS {
        // In chunks wherever they are spoken of, so that only the head is wrong.
        let in_chunks = lines.to_ascii_lowercase().contains("chunked");
        let body = if in_chunks { "2\r\n{}\r\n0\r\n\r\n" } else { "{}" };
        let text = format!("POST /v1/quotes HTTP/1.1\r\n{lines}\r\n{body}");
        let statuses: &[u16] = if what.contains("coding") {
            &[400, 501]
        } else {
            REFUSED
        };
        all.push(Raw {
            what,
            bytes: text.into(),
            statuses,
        });
    }
    all.push(Raw {
        what: "TLS",
        bytes: TLS_HELLO.to_vec(),
        statuses: REFUSED,
    });
    for (what, size) in [
        ("a chunk without a length", ""),
        ("a chunk length of letters", "zz"),
        ("a negative chunk length", "-2"),
        ("a chunk length past u64", "fffffffffffffffff"),
        ("a chunk shorter than its data", "1"),
    ] {
        let text = format!(
            "POST /v1/quotes HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{size}\r\n{{}}\r\n0\r\n\r\n"
        );
        all.push(Raw {
            what,
            bytes: text.into(),
            statuses: REFUSED,
        });
    }
    all.extend(floods());
    all
}

/// Header sections over their limit.
fn floods() -> Vec<Raw> {
    let flood = |what, lines: String| {
        let text = format!("GET /healthz HTTP/1.1\r\nhost: a\r\n{lines}\r\n");
        Raw {
            what,
            bytes: text.into(),
            statuses: TOO_LARGE,
        }
    };
    let small: String = (0..5_000)
        .map(|number| format!("x-{number}: {number}\r\n"))
        .collect();
    let tiny: String = "a:\r\n".repeat(5_000);
    let path = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(100_000));
    vec![
        flood("a header of 100 KB", format!("x: {}\r\n", "v".repeat(100_000))),
        flood(
            "a header name of 100 KB",
            format!("{}: v\r\n", "x".repeat(100_000)),
        ),
        flood("5,000 small headers", small),
        flood("5,000 empty headers", tiny),
        flood(
            "a header that goes on for 2 MB",
            format!("x: {}\r\n", "v".repeat(2_000_000)),
        ),
        Raw {
            what: "a path of 100 KB",
            bytes: path.into(),
            statuses: TOO_LARGE,
        },
    ]
}
