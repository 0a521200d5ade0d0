use super::*;
use crate::Manifest;

const LEASE: &str =
    r#"{"format":1,"lease":{"holder":"0123456789ab","epoch":3,"renewals":1,"ttl_ms":2000}}"#;
const APP: &str = concat!(
    r#"{"format":1,"app":{"name":"demo","version":"1","actors":{"counter":{"component":"c.wasm","#,
    r#""instances":8,"instance":"fresh","config":{},"limits":{"time_ms":10000,"memory_mib":64,"#,
    r#""table_elements":50000,"handles":4096,"payload_bytes":16777216,"random_bytes":1048576,"#,
    r#""log_bytes_per_s":65536,"waiting":128,"headers":128,"header_bytes":65536,"at_once":16,"compile_ms":120000,"component_mib":64},"links":[{"interface":"wasi:keyvalue","#,
    r#""name":"default","to":"kv","config":{"bucket":"b"},"idempotent":false}],"require":{},"#,
    r#""daemon":false}},"providers":{"kv":{"runs":{"kind":"keyvalue"},"config":{},"routes":[],"#,
    r#""copies":1,"env":{},"require":{}}}}}"#,
);

fn lease() -> Lease {
    let lease = Lease::take("0123456789ab".parse().unwrap(), 0);
    Lease { epoch: 3, ..lease }.renewed()
}

fn app() -> App {
    let text = r#"
        name = "demo"
        version = "1"
        actor.counter = { component = "c.wasm", instances = 8, link."wasi:keyvalue" = { to = "kv", bucket = "b" } }
        provider.kv.kind = "keyvalue"
    "#;
    Manifest::parse(text).unwrap().app().clone()
}

#[test]
fn records_are_these_bytes() {
    assert_eq!(String::from_utf8(encode(&lease()).unwrap()).unwrap(), LEASE);
    assert_eq!(String::from_utf8(encode(&app()).unwrap()).unwrap(), APP);
}

#[test]
fn records_read_back() {
    assert_eq!(decode::<Lease>(LEASE.as_bytes()).unwrap(), lease());
    assert_eq!(decode::<App>(APP.as_bytes()).unwrap(), app());
    let config = Config::from([("k".to_owned(), "v".to_owned())]);
    assert_eq!(decode::<Config>(&encode(&config).unwrap()).unwrap(), config);
    let empty = Assignment {
        epoch: 7,
        ..Assignment::default()
    };
    assert_eq!(
        decode::<Assignment>(&encode(&empty).unwrap()).unwrap(),
        empty
    );
}

#[test]
fn fields_of_a_newer_host_are_passed_over() {
    let newer = APP
        .replace(
            r#""daemon":false"#,
            r#""daemon":false,"canary":{"weight":5}"#,
        )
        .replace(r#""format":1"#, r#""format":1,"written_by":"9.0""#);
    assert_eq!(decode::<App>(newer.as_bytes()).unwrap(), app());
}

#[test]
fn a_format_of_a_newer_host_is_refused() {
    let newer = LEASE.replace(r#""format":1"#, r#""format":3"#);
    assert!(matches!(
        decode::<Lease>(newer.as_bytes()),
        Err(Error::TooNew { format: 3, .. })
    ));
}

#[test]
fn another_record_or_none_is_an_error_and_not_an_empty_value() {
    assert!(matches!(
        decode::<Assignment>(LEASE.as_bytes()),
        Err(Error::Absent { .. })
    ));
    for text in ["", "{}", "null", r#"{"format":1,"lease":{}}"#] {
        assert!(decode::<Lease>(text.as_bytes()).is_err(), "{text:?}");
    }
}
