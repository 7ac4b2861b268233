//! The encrypted port: who is served, who is not, and certificates that are replaced under a running server.

use crate::keys::{make_key, make_keys};
use crate::{BINARY, check_refusal};
use satang_tests::certificates::{Authority, Certificate, connect};
use satang_tests::process::{ServerProcess, Words};
use satang_tests::site::{NOON, Site, enrollment};
use satang_tests::wire::{Wire, request};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

/// Writes the files of a certificate; the arguments that name them.
fn write(site: &Site, name: &str, certificate: &Certificate) -> [String; 2] {
    let text = |path: std::path::PathBuf| path.to_str().expect("text").to_owned();
    [
        text(site.write(&format!("{name}.crt"), &certificate.cert)),
        text(site.write(&format!("{name}.key"), &certificate.key)),
    ]
}

/// A server with this certificate, once it listens, and what it says.
fn serve(site: &Site, certificate: &Certificate, more: &[&str]) -> (ServerProcess, Words) {
    let [cert, key] = write(site, "server", certificate);
    let args = ["--clock", NOON, "--tls-cert", &cert, "--tls-key", &key];
    let mut server = site.spawn(&[&args[..], more].concat());
    let mut words = server.follow();
    words.until("listening on https://");
    (server, words)
}

#[test]
fn requests_are_answered_encrypted_and_not_in_the_clear() {
    let site = Site::new(BINARY);
    let authority = Authority::new("ours");
    let (server, _words) = serve(&site, &authority.issue(), &[]);
    for (offered, chosen) in [
        (&["http/1.1"][..], Some("http/1.1")),
        (&["h2", "http/1.1"], Some("h2")),
        (&[], None),
    ] {
        let wire = connect(server.addr(), &authority, None, offered).expect("a handshake");
        let protocol = wire.inner().conn.alpn_protocol();
        assert_eq!(protocol, chosen.map(str::as_bytes), "{offered:?}");
    }
    let mut wire = connect(server.addr(), &authority, None, &["http/1.1"]).expect("a handshake");
    for _ in 0..2 {
        assert_eq!(wire.call("GET", "/readyz", b"").expect("an answer").status, 200);
    }
    // A body of many records, refused while it is still being sent, and its answer read all the same.
    let large = vec![b' '; 17 << 20];
    wire.send(&request("POST", "/v1/quotes", &large))
        .expect("all of it is taken");
    assert_eq!(wire.read(false).expect("an answer").status, 413);
    let body = vec![b' '; 15 << 20];
    let mut wire = connect(server.addr(), &authority, None, &[]).expect("a handshake");
    assert_eq!(
        wire.call("POST", "/v1/authorizations/batch", &body)
            .expect("an answer")
            .status,
        400
    );

    let mut plain = TcpStream::connect(server.addr()).expect("it listens");
    plain
        .set_read_timeout(Some(satang_tests::process::PATIENCE))
        .expect("a time-out");
    plain
        .write_all(&request("GET", "/healthz", b""))
        .expect("it is open");
    let mut read = Vec::new();
    // An alert at most, then the end; a reset is an end as well.
    let _ = plain.read_to_end(&mut read);
    assert!(!read.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&read));
    assert!(read.len() < 64, "{} bytes", read.len());
    // A client that trusts others does not take this server for theirs.
    let stranger = connect(server.addr(), &Authority::new("theirs"), None, &[]);
    assert!(stranger.is_err_and(|error| error.to_string().contains("UnknownIssuer")));
    // None of it harmed anyone.
    assert_eq!(wire.call("GET", "/readyz", b"").expect("an answer").status, 200);
}

#[test]
fn http_2_is_spoken_over_tls() {
    let version = Command::new("curl").arg("--version").output();
    let speaks = version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("HTTP2"));
    if !speaks {
        println!("skipped: needs curl");
        return;
    }
    let site = Site::new(BINARY);
    let authority = Authority::new("ours");
    let ca = site.write("ca.crt", authority.pem());
    let (server, _words) = serve(&site, &authority.issue(), &[]);
    for (flag, spoken) in [("--http2", "2 200"), ("--http1.1", "1.1 200")] {
        let output = Command::new("curl")
            .args([
                flag,
                "-sS",
                "--max-time",
                "50",
                "-o",
                "/dev/null",
                "-w",
                "%{http_version} %{http_code}",
                "--cacert",
            ])
            .arg(&ca)
            .arg(format!("https://{}/v1/programs", server.addr()))
            .output()
            .expect("it was there");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(String::from_utf8_lossy(&output.stdout), spoken, "{said}");
    }
}

/// Whether a client with this certificate is answered.
fn is_served(server: &ServerProcess, authority: &Authority, identity: Option<&Certificate>) -> bool {
    let wire = connect(server.addr(), authority, identity, &[]);
    wire.and_then(|mut wire| wire.call("GET", "/healthz", b""))
        .is_ok_and(|answer| answer.status == 200)
}

#[test]
fn with_client_roots_only_their_clients_are_served() {
    let site = Site::new(BINARY);
    let (ours, banks) = (Authority::new("ours"), Authority::new("the banks"));
    let roots = site.write("banks.crt", banks.pem());
    let roots = roots.to_str().expect("text");
    let (server, _words) = serve(&site, &ours.issue(), &["--client-ca", roots]);
    assert!(is_served(&server, &ours, Some(&banks.issue())));
    assert!(!is_served(&server, &ours, None), "no certificate");
    assert!(!is_served(&server, &ours, Some(&ours.issue())), "of another root");
    assert!(
        !is_served(&server, &ours, Some(&banks.issue_until(2020))),
        "expired"
    );
    // A certificate is not a key: both are asked for where both are set up.
    drop(server);
    let keys = make_keys(&site);
    let file = site.path("keys.toml");
    let more = ["--client-ca", roots, "--keys", file.to_str().expect("text")];
    let (server, _words) = serve(&site, &ours.issue(), &more);
    let mut wire = connect(server.addr(), &ours, Some(&banks.issue()), &[]).expect("a handshake");
    assert_eq!(
        wire.call("GET", "/v1/programs", b"").expect("an answer").status,
        401
    );
    let answer = wire.call_with(&keys["viewer"], "GET", "/v1/programs", b"");
    assert_eq!(answer.expect("an answer").status, 200);
}

#[test]
fn certificates_are_replaced_under_a_running_server() {
    let site = Site::new(BINARY);
    let (ours, banks) = (Authority::new("ours"), Authority::new("the banks"));
    let (first, second) = (ours.issue(), ours.issue());
    let roots = site.write("roots.crt", ours.pem());
    let (server, mut words) = serve(&site, &first, &["--client-ca", roots.to_str().expect("text")]);
    let client = ours.issue();
    let open = || connect(server.addr(), &ours, Some(&client), &[]).expect("a handshake");
    let shown = || open().inner().conn.peer_certificates().expect("a server has one")[0].clone();
    let mut kept = open();
    assert_eq!(shown(), first.der());
    write(&site, "server", &second);
    assert_eq!(shown(), first.der(), "not before the signal");
    server.hang_up();
    words.until("certificates were read again");
    assert_eq!(shown(), second.der());
    assert_eq!(
        kept.call("GET", "/healthz", b"")
            .expect("it is still open")
            .status,
        200
    );
    // A key that is not the certificate's, half a file, no file: each keeps what was there.
    let other = ours.issue();
    let wrong = [
        (
            other.cert.clone(),
            second.key.clone(),
            "not the key of the certificate",
        ),
        (
            other.cert[..other.cert.len() / 2].to_owned(),
            other.key.clone(),
            "server.crt",
        ),
        (other.cert.clone(), String::new(), "server.key: no private key"),
    ];
    for (cert, key, reason) in wrong {
        write(&site, "server", &Certificate { cert, key });
        server.hang_up();
        let said = words.until("certificates stay as they were");
        assert!(said.contains(reason), "{said}");
        assert_eq!(shown(), second.der());
    }
    fs::remove_file(site.path("server.crt")).expect("it was there");
    server.hang_up();
    words.until("certificates stay as they were");
    write(&site, "server", &other);
    site.write("roots.crt", banks.pem());
    server.hang_up();
    words.until("certificates were read again");
    assert!(
        !is_served(&server, &ours, Some(&client)),
        "the clients' roots changed too"
    );
    assert!(is_served(&server, &ours, Some(&banks.issue())));
    assert_eq!(
        kept.call("GET", "/healthz", b"")
            .expect("it is still open")
            .status,
        200
    );
}

#[test]
fn wrong_certificate_files_are_refused_at_start() {
    let site = Site::new(BINARY);
    let authority = Authority::new("ours");
    let (certificate, other) = (authority.issue(), authority.issue());
    let [cert, key] = write(&site, "server", &certificate);
    let [_, other_key] = write(&site, "other", &other);
    let path = |name: &str, text: &str| site.write(name, text).to_str().expect("text").to_owned();
    let empty = path("empty.pem", "");
    let garbled = path(
        "garbled.pem",
        "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n",
    );
    let cases: [(&[&str], &[&str]); 8] = [
        (
            &[&cert, &other_key],
            &["other.key", "not the key of the certificate in", "server.crt"],
        ),
        (&[&empty, &key], &["empty.pem", "no certificate"]),
        (&[&cert, &empty], &["empty.pem", "no private key"]),
        (&[&key, &key], &["server.key", "no certificate"]),
        (&[&garbled, &key], &["garbled.pem"]),
        (&["/nowhere.crt", &key], &["/nowhere.crt", "No such file"]),
        (
            &[&cert, &key, "--client-ca", &empty],
            &["empty.pem", "no certificate"],
        ),
        (&[&cert, &key, "--client-ca", &garbled], &["garbled.pem"]),
    ];
    for (files, words) in cases {
        let args = [&["--tls-cert", files[0], "--tls-key", files[1]], &files[2..]].concat();
        let (code, said) = site.refused(&args);
        assert!(!said.contains("PRIVATE KEY-----\nM"), "{said}");
        check_refusal((code, said), words);
    }
    for alone in [
        &["--tls-cert", &cert][..],
        &["--tls-key", &key],
        &["--client-ca", &cert],
    ] {
        check_refusal(site.refused(alone), &[alone[0], "needs tls_"]);
    }
    // Encrypted or not: without keys nobody is authenticated.
    let server = site.spawn_at("0.0.0.0", &["--tls-cert", &cert, "--tls-key", &key]);
    check_refusal(server.wait_for_refusal(), &["0.0.0.0", "without --keys"]);
    assert!(!site.data_dir().exists(), "nothing was touched");
}

#[test]
fn an_import_goes_over_tls() {
    let site = Site::new(BINARY);
    let (ours, banks) = (Authority::new("ours"), Authority::new("the banks"));
    let file = site.path("keys.toml");
    let key = make_key(&site, "registrar-1", "registrar", &file);
    let key_file = site.write("registrar.txt", key);
    let text = |path: &std::path::Path| path.to_str().expect("text").to_owned();
    let ca = text(&site.write("ca.crt", ours.pem()));
    let roots = text(&site.write("banks.crt", banks.pem()));
    let more = ["--keys", &text(&file), "--client-ca", &roots];
    let (server, _words) = serve(&site, &ours.issue(), &more);
    let lines = text(&site.write("enrollments.ndjson", enrollment(1)));
    let [cert, key] = write(&site, "client", &banks.issue());
    let key_file = text(&key_file);
    let import = |url: &str, more: &[&str]| {
        let args = [
            "import",
            "enrollments",
            &lines,
            "--key-file",
            &key_file,
            "--server",
            url,
        ];
        site.run(&[&args[..], more].concat())
    };
    let url = format!("https://{}", server.addr());
    let identity = ["--client-cert", &cert, "--client-key", &key];
    let sent = import(&url, &[&["--ca", &ca][..], &identity].concat());
    assert_eq!((sent.code, sent.stderr.as_str()), (Some(0), ""), "{sent:?}");
    let by_name = import(
        &url.replace("127.0.0.1", "localhost"),
        &[&["--ca", &ca][..], &identity].concat(),
    );
    assert_eq!(by_name.code, Some(0), "{by_name:?}");
    let cases: [(&str, &[&str], &str); 4] = [
        (
            &url,
            &[&["--ca", &roots][..], &identity].concat(),
            "UnknownIssuer",
        ),
        (&url, &[], "needs --ca"),
        (&url, &["--ca", &ca], "--client-cert"),
        (&url.replace("https", "http"), &["--ca", &ca], "--ca is for https"),
    ];
    for (url, more, word) in cases {
        let ended = import(url, more);
        check_refusal((ended.code, ended.stderr), &[word]);
    }
}

#[test]
fn a_plain_port_does_not_speak_tls() {
    let site = Site::new(BINARY);
    let server = site.serve(&["--clock", NOON]);
    assert!(connect(server.addr(), &Authority::new("ours"), None, &[]).is_err());
    let answer = Wire::open(server.addr()).and_then(|mut wire| wire.call("GET", "/healthz", b""));
    assert_eq!(answer.expect("an answer").status, 200);
}
