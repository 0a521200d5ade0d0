use super::*;

fn map(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn source(
    header: ProxyHeader,
    peer: &str,
    fields: &[(&'static str, &str)],
) -> (String, &'static str, Option<String>) {
    let trust = Trust {
        proxies: vec!["10.0.0.0/8".parse().unwrap()],
        header,
    };
    let peer = Peer {
        address: peer.parse().unwrap(),
        tls: false,
    };
    let source = trust.source(&map(fields), peer);
    (source.forwarded_for(), source.scheme, source.host)
}

fn x(peer: &str, fields: &[(&'static str, &str)]) -> (String, &'static str, Option<String>) {
    source(ProxyHeader::XForwarded, peer, fields)
}

fn rfc(peer: &str, forwarded: &str) -> (String, &'static str, Option<String>) {
    source(ProxyHeader::Forwarded, peer, &[("forwarded", forwarded)])
}

#[test]
fn a_stranger_is_the_client_whatever_it_says() {
    let forged = [
        (FORWARDED_FOR, "198.51.100.1"),
        (FORWARDED_PROTO, "https"),
        (FORWARDED_HOST, "bank.example"),
        ("forwarded", "for=198.51.100.1;proto=https"),
    ];
    let plain = ("192.0.2.7".to_owned(), "http", None);
    assert_eq!(x("192.0.2.7", &forged), plain);
    assert_eq!(source(ProxyHeader::Forwarded, "192.0.2.7", &forged), plain);
}

#[test]
fn the_scheme_is_the_connections_own() {
    let peer = Peer {
        address: "::1".parse().unwrap(),
        tls: true,
    };
    let source = Trust::default().source(&HeaderMap::new(), peer);
    assert_eq!(
        (source.scheme, source.forwarded_for().as_str()),
        ("https", "::1")
    );
}

#[test]
fn a_trusted_proxy_says_who_the_client_is() {
    let said = [
        (FORWARDED_FOR, "203.0.113.9"),
        (FORWARDED_PROTO, "https"),
        (FORWARDED_HOST, "shop.example"),
    ];
    let wanted = (
        "203.0.113.9, 10.0.0.1".to_owned(),
        "https",
        Some("shop.example".to_owned()),
    );
    assert_eq!(x("10.0.0.1", &said), wanted);
    assert_eq!(
        rfc(
            "10.0.0.1",
            "for=203.0.113.9;Proto=HTTPS;host=\"shop.example\""
        ),
        wanted
    );
    assert_eq!(x("::ffff:10.0.0.1", &said), wanted);
}

#[test]
fn what_the_client_wrote_itself_is_cut_off_at_the_first_address_that_is_no_proxy() {
    let way = "203.0.113.9, 10.0.0.2, 10.0.0.1";
    let forged = [
        (FORWARDED_FOR, "10.0.0.9"),
        (FORWARDED_FOR, "203.0.113.9,10.0.0.2"),
    ];
    assert_eq!(x("10.0.0.1", &forged).0, way);
    assert_eq!(
        rfc("10.0.0.1", "for=10.0.0.9, for=203.0.113.9, for=10.0.0.2").0,
        way
    );
}

#[test]
fn only_the_headers_that_the_proxies_write_are_read() {
    let both = [
        (FORWARDED_FOR, "203.0.113.1"),
        ("forwarded", "for=203.0.113.2"),
    ];
    assert_eq!(x("10.0.0.1", &both).0, "203.0.113.1, 10.0.0.1");
    assert_eq!(
        source(ProxyHeader::Forwarded, "10.0.0.1", &both).0,
        "203.0.113.2, 10.0.0.1"
    );
}

#[test]
fn ports_and_brackets_are_understood() {
    for (text, wanted) in [
        ("192.0.2.7:80", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
    ] {
        assert_eq!(
            x("10.0.0.1", &[(FORWARDED_FOR, text)]).0,
            format!("{wanted}, 10.0.0.1")
        );
        assert_eq!(
            rfc("10.0.0.1", &format!("for=\"{text}\"")).0,
            format!("{wanted}, 10.0.0.1")
        );
    }
}

#[test]
fn what_is_hidden_or_garbled_ends_what_is_known() {
    for text in ["unknown", "_hidden", "", "1.2.3.4.5", "a\"b", "[::1"] {
        assert_eq!(
            x("10.0.0.1", &[(FORWARDED_FOR, text)]).0,
            "10.0.0.1",
            "{text}"
        );
        assert_eq!(
            rfc("10.0.0.1", &format!("for={text}")).0,
            "10.0.0.1",
            "{text}"
        );
    }
    let beyond = [(FORWARDED_FOR, "203.0.113.9, unknown, 10.0.0.2")];
    assert_eq!(x("10.0.0.1", &beyond).0, "10.0.0.2, 10.0.0.1");
    assert_eq!(rfc("10.0.0.1", "for=\"a;b,c\";proto=https").1, "https");
    assert_eq!(
        x(
            "10.0.0.1",
            &[(FORWARDED_PROTO, "gopher"), (FORWARDED_HOST, "a@b")]
        ),
        ("10.0.0.1".into(), "http", None)
    );
}

#[test]
fn an_endless_way_is_cut() {
    let loop_ = ["10.0.0.2"; 100].join(",");
    let (way, ..) = x("10.0.0.1", &[(FORWARDED_FOR, &loop_)]);
    assert_eq!(way.split(", ").count(), HOPS_MAX + 1);
}
