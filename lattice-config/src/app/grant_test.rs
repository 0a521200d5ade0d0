use super::*;

fn socket(text: &str) -> SocketRule {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn name(text: &str) -> NameRule {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_path_is_absolute_and_leads_straight_down() {
    for (text, path) in [("/", "/"), ("/data", "/data"), ("/a/b c/", "/a/b c")] {
        assert_eq!(text.parse::<GuestPath>().unwrap().as_str(), path);
    }
    for text in [
        "", "data", "./data", "/a/../b", "/..", "//", "/a//b", "/a/.", "/a\0",
    ] {
        let error = text.parse::<HostPath>().unwrap_err().to_string();
        assert!(error.contains("absolute path"), "{text:?}: {error}");
    }
    assert!(
        format!("/{}", "a".repeat(5000))
            .parse::<HostPath>()
            .is_err()
    );
}

#[test]
fn a_socket_rule_survives_text() {
    for text in [
        "tcp:10.0.0.0/8:5432",
        "udp:[fd00::]/8:53",
        "tcp-listen:127.0.0.1:7000-7099",
        "udp-listen:[::1]:1",
        "*:443",
        "tcp:*:*",
        "0.0.0.0/0:1",
    ] {
        assert_eq!(socket(text).to_string(), text);
    }
}

#[test]
fn what_is_no_socket_rule_is_refused_with_what_to_write() {
    for text in [
        "",
        "tcp",
        "tcp:10.0.0.1",
        "sctp:10.0.0.1:1",
        "tcp:10.0.0.1:x",
        "tcp:10.0.0.1:2-1",
        "tcp:10.0.0.1/33:1",
        "tcp:10.0.0.1/8:1",
        "tcp:fd00::1:1",
        "tcp:[10.0.0.1]:1",
        "tcp:db.internal:5432",
        "tcp:10.0.0.1:65536",
    ] {
        let error = text.parse::<SocketRule>().unwrap_err().to_string();
        assert!(error.contains("tcp:10.0.0.0/8:5432"), "{text:?}: {error}");
    }
}

#[test]
fn a_socket_rule_allows_its_network_its_ports_and_its_use() {
    let allows =
        |rule: &str, wanted, address: &str| socket(rule).allows(wanted, address.parse().unwrap());
    assert!(allows("tcp:10.0.0.0/8:1-9", Use::Tcp, "10.255.0.1:9"));
    assert!(!allows("tcp:10.0.0.0/8:1-9", Use::Tcp, "11.0.0.1:9"));
    assert!(!allows("tcp:10.0.0.0/8:1-9", Use::Tcp, "10.0.0.1:10"));
    assert!(!allows("tcp:10.0.0.0/8:1-9", Use::Udp, "10.0.0.1:9"));
    assert!(!allows("tcp:*:*", Use::TcpListen, "10.0.0.1:9"));
    assert!(allows("*:*", Use::Udp, "[::1]:9"));
    assert!(!allows("*:*", Use::UdpListen, "[::1]:9"));
    assert!(!allows("tcp:0.0.0.0/0:*", Use::Tcp, "[::1]:9"));
    // An IPv4 address in an IPv6 coat is that IPv4 address.
    assert!(allows("tcp:10.0.0.1:9", Use::Tcp, "[::ffff:10.0.0.1]:9"));
    assert!(!allows("tcp:[::]/0:*", Use::Tcp, "[::ffff:10.0.0.1]:9"));
}

#[test]
fn a_socket_rule_covers_what_is_no_wider_than_itself() {
    for (wide, narrow) in [
        ("tcp:10.0.0.0/8:*", "tcp:10.1.0.0/16:5432"),
        ("*:*", "udp:[::1]:53"),
        ("*:1-9", "10.0.0.1:2-3"),
    ] {
        assert!(socket(wide).covers(&socket(narrow)), "{wide} {narrow}");
        assert!(!socket(narrow).covers(&socket(wide)), "{narrow} {wide}");
    }
    assert!(!socket("tcp:*:*").covers(&socket("10.0.0.1:1")));
    assert!(!socket("tcp:10.0.0.1:1").covers(&socket("tcp:*:1")));
}

#[test]
fn a_name_rule_allows_a_name_or_all_below_one() {
    for (rule, found) in [
        ("db.internal", "DB.internal."),
        ("*.internal", "db.internal"),
        ("*.internal", "a.b.internal"),
        ("*", "anything"),
    ] {
        assert!(name(rule).allows(found), "{rule} {found}");
    }
    for (rule, other) in [
        ("db.internal", "x.db.internal"),
        ("*.internal", "internal"),
        ("*.internal", ".internal"),
        ("*.internal", "evilinternal"),
    ] {
        assert!(!name(rule).allows(other), "{rule} {other}");
    }
}

#[test]
fn a_name_rule_covers_what_is_no_wider_than_itself() {
    assert!(name("*").covers(&name("*.a")));
    assert!(name("*.a").covers(&name("*.a")));
    assert!(name("*.a").covers(&name("*.b.a")));
    assert!(name("*.a").covers(&name("b.a")));
    assert!(!name("*.b.a").covers(&name("*.a")));
    assert!(!name("b.a").covers(&name("*.b.a")));
    assert!(!name("*.a").covers(&name("*")));
}

#[test]
fn what_is_no_name_is_refused() {
    for text in ["", ".", "a..b", "*.", "a.*", "a b", "**.a", "a/b"] {
        assert!(text.parse::<NameRule>().is_err(), "{text:?}");
    }
}
