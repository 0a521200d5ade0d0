use super::*;

fn read(json: &str) -> Result<Config, String> {
    Config::read(&serde_json::from_str(json).unwrap()).map_err(|e| e.to_string())
}

#[test]
fn an_empty_config_has_the_documented_defaults() {
    let config = read("{}").unwrap();
    assert_eq!(config.listen, "127.0.0.1:8080");
    assert_eq!(config.limits.timeout, Duration::from_secs(10));
    assert_eq!(config.limits.connections_max, 10_000);
    assert_eq!(config.limits.body_bytes_max, 16 << 30);
    assert_eq!(config.limits.held_bytes_max, 256 << 20);
}

#[test]
fn a_misspelt_field_is_refused_by_name() {
    let error = read(r#"{"lsten":"x"}"#).unwrap_err();
    assert!(error.contains("unknown field `lsten`"), "{error}");
    assert!(error.contains("`listen`"), "{error}");
}

#[test]
fn a_value_out_of_range_says_the_range() {
    for (json, field) in [
        (r#"{"timeout_ms":0}"#, "timeout_ms = 0"),
        (r#"{"timeout_ms":3600001}"#, "use 1 to 3600000"),
        (r#"{"header_bytes_max":100}"#, "use 8192 to 61440"),
        (r#"{"connections_max":0}"#, "connections_max = 0"),
        (r#"{"requests_max":0}"#, "requests_max = 0"),
        (r#"{"held_bytes_max":1}"#, "use 1048576 to"),
        (r#"{"streams_max":1001}"#, "use 1 to 1000"),
        (r#"{"header_timeout_ms":0}"#, "header_timeout_ms = 0"),
    ] {
        let error = read(json).unwrap_err();
        assert!(error.contains(field), "{error}");
    }
}

#[test]
fn a_value_of_the_wrong_type_is_refused() {
    let error = read(r#"{"timeout_ms":"soon"}"#).unwrap_err();
    assert!(error.contains("expected u64"), "{error}");
}

#[test]
fn a_proxy_that_is_no_network_is_refused_with_how_to_write_it() {
    let error = read(r#"{"trusted_proxies":["10.0.0.5/8"]}"#).unwrap_err();
    assert!(
        error.contains("\"10.0.0.5/8\"") && error.contains("write 10.0.0.0/8"),
        "{error}"
    );
    let config = read(r#"{"trusted_proxies":["10.0.0.0/8"],"proxy_header":"forwarded"}"#).unwrap();
    assert_eq!(config.trust.proxies.len(), 1);
    assert_eq!(config.trust.header, ProxyHeader::Forwarded);
    let many = vec!["10.0.0.1"; 65];
    let error = read(&serde_json::json!({ "trusted_proxies": many }).to_string()).unwrap_err();
    assert!(error.contains("use 0 to 64"), "{error}");
}

#[test]
fn a_certificate_is_named_by_a_whole_path() {
    let error = read(r#"{"tls":{"cert":"web.pem","key":"/etc/web.key"}}"#).unwrap_err();
    assert!(
        error.contains("tls.cert") && error.contains("web.pem"),
        "{error}"
    );
    let error = read(r#"{"tls":{"cert":"/etc/web.pem"}}"#).unwrap_err();
    assert!(error.contains("missing field `key`"), "{error}");
    let config = read(r#"{"tls":{"cert":"/etc/web.pem","key":"/etc/web.key"}}"#).unwrap();
    assert!(config.tls.is_some());
}
