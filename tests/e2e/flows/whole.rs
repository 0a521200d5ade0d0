//! All of a stream as a value, and how large one element of a stream may be.

use lattice_client::Client;

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_without_frames_gives_and_takes_all_of_a_stream_as_a_value() {
    let lattice = flows().await;
    for (function, arguments, result) in [
        ("sum", json!([[1, 2, 3]]), json!(6)),
        ("sum", json!({"numbers": []}), json!(0)),
        ("upper", json!(["YWJj"]), json!("QUJD")),
        ("pass", json!([[97, 98]]), json!("YWI=")),
        ("count", json!([4]), json!([0, 1, 2, 3])),
        ("count", json!([0]), json!([])),
        ("now", json!(["soon"]), json!("soon")),
        ("later", json!(["aGk="]), json!("hi")),
        (
            "mirror",
            json!([[{"x": 1, "name": "a"}, {"x": -2}]]),
            json!([{"x": -1, "name": "a"}, {"x": 2, "name": null}]),
        ),
        (
            "read",
            json!([3, false]),
            json!({"ok": ["eHh4", {"ok": 3}]}),
        ),
        (
            "read",
            json!([1, true]),
            json!({"ok": ["eA==", {"err": "it broke"}]}),
        ),
        ("read", json!([0, true]), json!({"err": "nothing to read"})),
    ] {
        let endpoint = format!("flows.lattice:flows/work.{function}");
        let reply = lattice.call(&endpoint, arguments).await;
        assert_eq!(reply.json(), result, "{function}");
    }
    let endless = lattice
        .call("flows.lattice:flows/work.endless", json!([]))
        .await;
    let failure = endless.failure();
    assert!(failure.is("too-large", 413), "{failure:?}");
    assert!(failure.message.contains("takes no frames"), "{failure:?}");
    let broken = lattice
        .call("flows.lattice:flows/work.break-off", json!([9]))
        .await;
    let failure = broken.failure();
    assert!(failure.is("trapped", 502), "{failure:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_element_over_a_chunks_bytes_is_refused_and_one_of_a_result_fails_its_stream() {
    let lattice = flows().await;
    let long = "x".repeat(MIB);
    let text = rmp_serde::to_vec(&[&long]).unwrap();
    let error = ask(&lattice, "now", text, Vec::new()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::BadRequest, "{error}");
    let words =
        "argument \"text\": it has 1048581 bytes, and an element of a stream at most 1048576";
    assert_eq!(error.message, words);
    let points = rmp_serde::to_vec(&[[(1, "short"), (2, &long)]]).unwrap();
    let error = ask(&lattice, "mirror", points, Vec::new())
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::BadRequest, "{error}");
    assert!(error.message.contains("[1]"), "{error}");
    let sent = Reader::whole(long.into(), Bytes::new());
    let mut reply = ask(&lattice, "later", referring(&[1]), vec![sent])
        .await
        .unwrap();
    let error = all(reply.streams.remove(0)).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::TooLarge, "{error}");
}

/// A callee that knows no streams: what a function gives by them is a value of the whole.
async fn stand_in(client: &Client) {
    let mut serving = client.serve(&"stand-in".parse().unwrap()).await.unwrap();
    client.settle().await;
    tokio::spawn(async move {
        while let Some(call) = serving.next().await {
            let result = match call.endpoint.function.as_str() {
                "endless" => &b"\xc4\x03abc"[..],
                "later" => b"\xa4soon",
                "read" => b"\x81\xa2ok\x92\xc4\x03xyz\x81\xa2ok\x03",
                "mirror" => b"\x91\x82\xa1x\x05\xa4name\xc0",
                _ => b"\xc0",
            };
            let answer = async { Ok::<_, CallError>(Bytes::from_static(result).into()) };
            call.responder.answer::<Reply>(answer).await;
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callee_that_knows_no_streams_may_answer_with_all_of_one() {
    let lattice = one_host().await;
    let manifest = "name = \"app\"\n[actor.flows]\ncomponent = \"flows\"\ninstances = 4\n\
                    [actor.flows.link.\"lattice:flows\"]\nto = \"stand-in\"\n\
                    [actor.stand-in]\ncomponent = \"flows\"\ninstances = 0\n\
                    [actor.stand-in.link.\"lattice:flows\"]\nto = \"flows\"\n";
    lattice.apply(manifest).await;
    stand_in(lattice.client()).await;
    for (function, arguments, result) in [
        ("endless", json!([1000]), json!(3)),
        ("later", json!(["late"]), json!("soon")),
        ("read", json!([3, false]), json!({"ok": 3})),
        ("mirror", json!([1]), json!(["5 None"])),
    ] {
        let endpoint = format!("flows.lattice:flows/orders.{function}");
        let reply = lattice.call(&endpoint, arguments).await;
        assert_eq!(reply.json(), result, "{function}");
    }
}
