use super::*;

const WHOLE: &str = r#"{"host":"h1","version":"0.1.0","labels":{"zone":"a"},"capacity":9,"uptime_ms":1,"actors":{"a":{"revision":"r","slots":8,"busy":1,"waiting":0,"phase":"running"}},"providers":{},"news":{"process":"p1","sequence":1}}"#;
const PAGE: &str = r#"{"host":"h1","version":"0.1.0","labels":{},"capacity":9,"uptime_ms":1,"actors":{},"providers":{},"news":{"process":"p1","sequence":7,"page":{"number":2,"of":3}}}"#;
const CHANGE: &str = r#"{"host":"h1","version":"0.1.0","labels":{},"capacity":9,"uptime_ms":501,"actors":{"b":{"revision":"r","slots":1,"busy":0,"waiting":0,"phase":"starting"}},"providers":{},"news":{"process":"p1","sequence":8,"follows":7,"loads":{"a":[3,2]},"gone":["c"]}}"#;
const AT_REST: &str = r#"{"host":"h1","version":"0.1.0","labels":{},"capacity":9,"uptime_ms":1001,"assignment":{"epoch":65543,"revision":12},"actors":{},"providers":{},"news":{"process":"p1","sequence":8,"follows":8}}"#;
const OLDER: &str = r#"{"host":"h1","version":"0.0.9","labels":{},"capacity":9,"uptime_ms":1,"actors":{},"providers":{}}"#;

fn read(text: &str) -> Heartbeat {
    serde_json::from_str(text).unwrap()
}

#[test]
fn heartbeats_are_spelled_as_the_protocol_says() {
    for text in [WHOLE, PAGE, CHANGE, AT_REST, OLDER] {
        assert_eq!(serde_json::to_string(&read(text)).unwrap(), text);
    }
}

#[test]
fn each_kind_is_told_from_the_others() {
    let news = |text| read(text).news.unwrap();
    assert_eq!((news(WHOLE).follows, news(WHOLE).page), (None, None));
    assert_eq!(news(PAGE).page, Some(Page { number: 2, of: 3 }));
    let change = news(CHANGE);
    assert_eq!((change.follows, change.sequence), (Some(7), 8));
    assert_eq!(change.loads["a"], (3, 2));
    assert_eq!(news(AT_REST).follows, Some(8));
    assert_eq!(read(OLDER).news, None, "an older version says all");
}

#[test]
fn news_that_can_not_be_read_are_no_heartbeat_of_an_older_version() {
    // Else a change would be taken for all there is.
    for news in [r#"{"process":"p1"}"#, r#"{"process":"","sequence":1}"#, "7"] {
        let text = OLDER.replace(
            "\"providers\":{}}",
            &format!("\"providers\":{{}},\"news\":{news}}}"),
        );
        assert!(serde_json::from_str::<Heartbeat>(&text).is_err(), "{text}");
    }
}

#[test]
fn a_reader_of_an_older_version_can_read_every_heartbeat() {
    for text in [WHOLE, PAGE, CHANGE, AT_REST] {
        serde_json::from_str::<Report>(text).unwrap();
    }
}

#[test]
fn a_heartbeat_at_rest_is_short_whatever_runs_there() {
    assert!(AT_REST.len() < 250, "{}", AT_REST.len());
}
