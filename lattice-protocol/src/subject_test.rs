use proptest::prelude::*;

use super::*;

fn id<T: std::str::FromStr<Err = crate::id::Error>>(text: &str) -> T {
    text.parse().unwrap()
}

#[test]
fn a_call_subject_is_spelled_as_the_protocol_says() {
    let (lattice, greeter) = (LatticeId::default(), id("greeter"));
    assert_eq!(
        call(&lattice, &greeter, &"greet".parse().unwrap()).as_str(),
        "lattice.default.call.greeter.greet"
    );
    assert_eq!(
        call(
            &lattice,
            &id("kv"),
            &"wasi:keyvalue/store.bucket.get".parse().unwrap()
        )
        .as_str(),
        "lattice.default.call.kv.wasi:keyvalue/store.bucket.get"
    );
}

#[test]
fn a_call_subject_reads_back_with_and_without_interface_and_host() {
    let lattice = LatticeId::default();
    assert_eq!(
        parse(
            &lattice,
            "lattice.default.call.kv.wasi:keyvalue/store.bucket.get"
        ),
        Ok(Route::Call {
            host: None,
            target: "kv",
            interface: Some("wasi:keyvalue/store"),
            function: "bucket.get",
        })
    );
    assert_eq!(
        parse(&lattice, "lattice.default.host.h1.call.greeter.greet"),
        Ok(Route::Call {
            host: Some("h1"),
            target: "greeter",
            interface: None,
            function: "greet"
        })
    );
}

#[test]
fn a_call_to_one_process_of_a_provider_reads_back_as_a_call() {
    let (lattice, process) = (LatticeId::default(), id("p1"));
    let subject = process_call(
        &lattice,
        &process,
        &id("kv"),
        &"lattice:provider/health.check".parse().unwrap(),
    );
    let text = "lattice.default.process.p1.call.kv.lattice:provider/health.check";
    assert_eq!(subject.as_str(), text);
    assert_eq!(
        parse(&lattice, text),
        Ok(Route::Call {
            host: None,
            target: "kv",
            interface: Some("lattice:provider/health"),
            function: "check",
        })
    );
    assert_eq!(
        process_calls(&lattice, &process).as_str(),
        "lattice.default.process.p1.call.>"
    );
    for wrong in ["process.p1", "process.P.call.kv.get", "process.p1.ctl.ping"] {
        let subject = format!("lattice.default.{wrong}");
        assert_eq!(parse(&lattice, &subject), Err(Error::Shape), "{wrong}");
    }
}

#[test]
fn control_events_and_logs_read_back() {
    let lattice: LatticeId = id("edge");
    assert_eq!(
        parse(
            &lattice,
            control(&lattice, crate::control::Verb::AppApply).as_str()
        ),
        Ok(Route::Control {
            host: None,
            verb: "app.apply"
        })
    );
    assert_eq!(
        parse(&lattice, "lattice.edge.host.h1.ctl.drain"),
        Ok(Route::Control {
            host: Some("h1"),
            verb: "drain"
        })
    );
    assert_eq!(
        parse(
            &lattice,
            event(&lattice, crate::event::Kind::ActorStarted).as_str()
        ),
        Ok(Route::Event {
            kind: "actor.started"
        })
    );
    assert_eq!(
        parse(&lattice, log(&lattice, &id("greeter")).as_str()),
        Ok(Route::Log { target: "greeter" })
    );
    assert_eq!(
        parse(&lattice, cancel(&lattice, &id("greeter")).as_str()),
        Ok(Route::Cancel { target: "greeter" })
    );
}

#[test]
fn a_foreign_or_broken_subject_says_what_is_wrong() {
    let lattice = LatticeId::default();
    assert_eq!(
        parse(&lattice, "lattice.other.call.a.b"),
        Err(Error::Foreign)
    );
    assert_eq!(
        parse(&lattice, "lattice.defaultx.call.a.b"),
        Err(Error::Foreign)
    );
    assert_eq!(
        parse(&lattice, "lattice.default.nothing.a"),
        Err(Error::Shape)
    );
    assert_eq!(
        parse(&lattice, "lattice.default.call.greeter"),
        Err(Error::Function)
    );
    assert_eq!(
        parse(&lattice, "lattice.default.call.Greeter.greet"),
        Err(Error::Target)
    );
    assert_eq!(
        parse(&lattice, "lattice.default.call.greeter.a b"),
        Err(Error::Function)
    );
    assert_eq!(
        parse(&lattice, "lattice.default.call.kv.wasi:x.y"),
        Err(Error::Function)
    );
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "(lattice\\.default\\.)?.{0,80}") {
        let _ = parse(&LatticeId::default(), &text);
    }

    #[test]
    fn every_call_subject_reads_back(
        target in "[a-z0-9-]{1,63}",
        interface in proptest::option::of("[a-z]{1,8}:[a-z]{1,8}/[a-z]{1,8}"),
        function in "[a-z]{1,8}(-[a-z]{1,8})?(\\.[a-z]{1,8})?",
        host in proptest::option::of("[a-z0-9-]{1,63}"),
    ) {
        let lattice = LatticeId::default();
        let endpoint = Endpoint {
            interface: interface.as_deref().map(id),
            function: id(&function),
        };
        let subject = match &host {
            Some(host) => host_call(&lattice, &id(host), &id(&target), &endpoint),
            None => call(&lattice, &id(&target), &endpoint),
        };
        prop_assert_eq!(
            parse(&lattice, subject.as_str()),
            Ok(Route::Call {
                host: host.as_deref(),
                target: &target,
                interface: interface.as_deref(),
                function: &function,
            })
        );
    }
}

#[test]
fn the_id_of_stored_bytes_reads_back_and_what_could_reach_others_is_none() {
    let lattice = LatticeId::default();
    let id: BytesId = "a1-B2".parse().unwrap();
    let subject = artifact_bytes(&lattice, &id);
    assert_eq!(bytes_of_artifact(&lattice, &subject), Some(id));
    for other in [
        "$O.lattice_default_artifacts.C.*",
        "$O.lattice_default_artifacts.C.",
        "$O.lattice_default_artifacts.M.a1",
        "$O.other.C.a1",
    ] {
        assert_eq!(bytes_of_artifact(&lattice, other), None, "{other}");
    }
}

#[test]
fn the_component_of_a_record_reads_back_and_other_objects_have_none() {
    let lattice = LatticeId::default();
    let digest = Digest::of(b"component");
    let subject = artifact_record(&lattice, &digest);
    assert_eq!(artifact_of_record(&lattice, &subject), Some(digest));
    for other in [
        "$O.lattice_default_artifacts.M.bm90ZXM=",
        "$O.lattice_default_artifacts.M.*",
        "$O.other.M.x",
    ] {
        assert_eq!(artifact_of_record(&lattice, other), None, "{other}");
    }
}
