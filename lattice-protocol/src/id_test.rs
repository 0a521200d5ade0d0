use super::*;

#[test]
fn a_name_that_could_reach_another_subject_is_refused() {
    for text in ["", "a.b", "a.>", "*", ">", "A", "a b", "ä", &"x".repeat(64)] {
        assert!(text.parse::<ActorName>().is_err(), "{text:?} was taken");
    }
    for text in ["a", "0", "-", "a-0", &"x".repeat(63)] {
        assert_eq!(text.parse::<ActorName>().unwrap().as_str(), text);
    }
}

#[test]
fn stored_bytes_that_would_be_those_of_others_are_refused() {
    for text in ["", "*", ">", "a.b", "a.>", &"x".repeat(65)] {
        assert!(text.parse::<BytesId>().is_err(), "{text:?} was taken");
    }
    let (ours, of_another_client) = (BytesId::random(), "VMKoYfXVTBz2UUFMALUsHJ");
    assert_eq!(ours.as_str().parse::<BytesId>().unwrap(), ours);
    assert!(of_another_client.parse::<BytesId>().is_ok());
}

#[test]
fn serde_applies_the_same_check() {
    assert!(serde_json::from_str::<LatticeId>("\"a.>\"").is_err());
    let lattice: LatticeId = serde_json::from_str("\"edge-7\"").unwrap();
    assert_eq!(serde_json::to_string(&lattice).unwrap(), "\"edge-7\"");
}

#[test]
fn an_error_names_the_thing_and_the_rule_and_stays_short() {
    let error = "x"
        .repeat(10_000)
        .parse::<HostId>()
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("host id \"xxx"));
    assert!(error.ends_with("is not valid: use 1 to 63 of a-z, 0-9 and -"));
    assert!(error.len() < 200);
}

#[test]
fn random_host_ids_differ_and_are_valid() {
    let (a, b) = (HostId::random(), HostId::random());
    assert_ne!(a, b);
    assert_eq!(a.as_str().parse::<HostId>().unwrap(), a);
}

#[test]
fn a_call_id_survives_text() {
    let id = CallId::new();
    assert_eq!(id.to_string().parse::<CallId>().unwrap(), id);
    assert!("not-a-uuid".parse::<CallId>().is_err());
}
