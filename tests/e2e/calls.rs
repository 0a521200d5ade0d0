//! What any NATS client can ask of an actor, without a line of our code.

use async_nats::{HeaderMap, RequestErrorKind};
use lattice_tests::eventually;
use serde_json::json;

use crate::one_host;

const GREET: &str = "lattice.default.call.greeter.greet";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_nats_client_calls_in_json_and_in_messagepack_byte_for_byte() {
    let lattice = one_host().await;
    lattice.run("greeter").await;
    for (request, reply) in [
        (&br#"["World"]"#[..], &br#""Hello, World!""#[..]),
        (br#"{"name":"World"}"#, br#""Hello, World!""#),
        (b" \n[\"World\"]", br#""Hello, World!""#),
        (b"\x91\xa5World", b"\xadHello, World!"),
        (b"\x81\xa4name\xa5World", b"\xadHello, World!"),
    ] {
        let answer = lattice.request(GREET, request).await;
        assert!(!answer.failed(), "{answer:?}");
        assert_eq!(answer.payload, reply, "{}", request.escape_ascii());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_may_be_absent_empty_or_unknown() {
    let lattice = one_host().await;
    lattice.run("greeter").await;
    let payload = r#"["World"]"#;
    assert_eq!(
        lattice.request(GREET, payload).await.text(),
        r#""Hello, World!""#
    );
    let empty = lattice
        .plain()
        .request_with_headers(GREET, HeaderMap::new(), payload.into())
        .await;
    assert_eq!(empty.unwrap().payload, r#""Hello, World!""#);
    let unknown = [("X-Trace", "1"), ("Lattice-Colour", "green")];
    let answer = lattice.request_with(GREET, &unknown, payload).await;
    assert_eq!(answer.text(), r#""Hello, World!""#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_is_refused_in_headers_that_name_the_parameter_and_its_type() {
    let lattice = one_host().await;
    lattice.run("greeter").await;
    for (request, words) in [
        (
            &br#"[1]"#[..],
            &[r#"argument "name""#, "expected string", "found integer 1"][..],
        ),
        (
            br#"{"name":null}"#,
            &[r#"argument "name""#, "expected string"],
        ),
        (
            br#"["a","b"]"#,
            &["expected 1 argument (name: string)", "2"],
        ),
        (b"[]", &["expected 1 argument (name: string)", "0"]),
        (b"", &["expected 1 argument (name: string)", "0"]),
        (b"{}", &[r#"argument "name" (string) is missing"#]),
        (
            br#"{"nmae":"World"}"#,
            &[r#"unknown argument "nmae""#, "name"],
        ),
        (br#"{"name":"a","name":"b"}"#, &[r#""name" is given twice"#]),
        (br#"["World""#, &[]),
        (br#""World""#, &["JSON array or object"]),
        (b"[\"\xff\"]", &[]),
        (b"\x91\xa5Wor", &[]),
        (b"\x91\xa2\xff\xff", &[]),
    ] {
        let failure = lattice.request(GREET, request).await.failure();
        let request = request.escape_ascii();
        assert!(failure.is("bad-request", 400), "{request}: {failure:?}");
        assert_eq!(failure.executed, "no", "{request}: {failure:?}");
        for word in words {
            assert!(
                failure.message.contains(word),
                "{request}: {word:?} is not in {failure:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_function_is_refused_with_those_that_there_are() {
    let lattice = one_host().await;
    lattice.run("greeter").await;
    for function in ["great", "example:greeter/greeter.greet"] {
        let failure = lattice
            .call(&format!("greeter.{function}"), json!(["World"]))
            .await
            .failure();
        assert!(failure.is("not-found", 404), "{failure:?}");
        assert_eq!(failure.executed, "no");
        assert!(failure.message.contains(function), "{failure:?}");
        assert!(failure.message.contains("there is greet"), "{failure:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_short_form_of_a_name_that_two_interfaces_share_is_refused_with_both_full_forms() {
    let lattice = one_host().await;
    lattice.run("types").await;
    let failure = lattice
        .call("types.echo-string", json!(["a"]))
        .await
        .failure();
    assert_eq!(failure.executed, "no");
    for full in [
        "lattice:test/types.echo-string",
        "lattice:test/shout.echo-string",
    ] {
        assert!(failure.message.contains(full), "{failure:?}");
    }
    let shouted = lattice
        .call("types.lattice:test/shout.echo-string", json!(["a"]))
        .await;
    assert_eq!(shouted.json(), "A");
    let echoed = lattice
        .call("types.lattice:test/types.echo-string", json!(["a"]))
        .await;
    assert_eq!(echoed.json(), "a");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_that_can_not_be_read_is_refused_and_not_passed_over() {
    let lattice = one_host().await;
    lattice.run("greeter").await;
    for (header, value) in [
        ("Lattice-Deadline-Ms", "soon"),
        ("Lattice-Deadline-Ms", "-1"),
        ("Lattice-Id", "7"),
        ("Lattice-Hops", "many"),
    ] {
        let answer = lattice
            .request_with(GREET, &[(header, value)], r#"["World"]"#)
            .await;
        let failure = answer.failure();
        assert!(failure.is("bad-request", 400), "{failure:?}");
        assert!(failure.message.contains(header), "{failure:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_serves_the_caller_is_told_at_once() {
    let lattice = one_host().await;
    let answer = lattice.try_request(GREET, &[], r#"["World"]"#).await;
    assert_eq!(answer.map(|_| ()), Err(RequestErrorKind::NoResponders));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_malformed_requests_are_each_answered_and_harm_nothing() {
    let lattice = one_host().await;
    lattice.run("greeter").await;
    let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..1000 {
        // xorshift: the same bytes on every run.
        let payload: Vec<u8> = (0..round % 64)
            .map(|_| {
                noise ^= noise << 13;
                noise ^= noise >> 7;
                noise ^= noise << 17;
                noise.to_le_bytes()[0]
            })
            .collect();
        let answer = lattice.request(GREET, payload.clone()).await;
        let failure = answer.failure();
        assert!(
            failure.is("bad-request", 400),
            "{}: {failure:?}",
            payload.escape_ascii()
        );
    }
    let answer = lattice.call("greeter.greet", json!(["World"])).await;
    assert_eq!(answer.json(), "Hello, World!");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_peer_answers_for_a_full_host_comes_whole_or_is_too_large_for_a_plain_caller() {
    let mut lattice = one_host().await;
    lattice.host("b").await;
    let manifest = "name = \"app\"\n[actor.guest]\ncomponent = \"misbehave\"\ninstances = 8\n\
        limits = { waiting = 0, time_ms = 3_600_000, random_bytes = 4_000_000 }\n";
    lattice.apply(manifest).await;
    // The four places on `a` are taken for good.
    let mut headers = HeaderMap::new();
    headers.insert("Lattice-Deadline-Ms", "3600000");
    let sleep = "lattice.default.host.a.call.guest.sleep-ms";
    for _ in 0..4 {
        let (headers, nobody_waits) = (headers.clone(), lattice.plain().new_inbox());
        lattice
            .plain()
            .publish_with_reply_and_headers(sleep, nobody_waits, headers, "[3600000]".into())
            .await
            .unwrap();
    }
    eventually("there is no room on a", async || {
        let count = "lattice.default.host.a.call.guest.count";
        let answer = lattice.request(count, "[]").await;
        match answer.failed() && answer.failure().is("overloaded", 503) {
            true => Ok(()),
            false => Err(answer),
        }
    })
    .await;
    let ask = async |bytes: u32| {
        // Until `a` has heard that there is room on `b`.
        eventually("there is room elsewhere", async || {
            let random = "lattice.default.call.guest.random";
            let answer = lattice.request(random, packed(bytes)).await;
            match answer.failed() && answer.failure().is("overloaded", 503) {
                true => Err(answer),
                false => Ok(answer),
            }
        })
        .await
    };
    // Half of them come to `a` first.
    for _ in 0..20 {
        for bytes in [100_000_u32, 900_000] {
            let answer = ask(bytes).await;
            assert!(!answer.failed(), "{:?}", answer.failure());
            // Beside a length of four bytes.
            assert_eq!(answer.payload.len(), 5 + bytes as usize);
        }
        let failure = ask(2_000_000).await.failure();
        assert!(failure.is("too-large", 413), "{failure:?}");
    }
}

/// One number as the arguments of a call.
fn packed(number: u32) -> Vec<u8> {
    rmp_serde::to_vec(&[number]).unwrap()
}
