use lattice_client::ConnectError;

use super::*;

fn arguments(words: &[&str]) -> Result<Arguments, clap::Error> {
    let words = [&["echoer"], words].concat();
    Program::new("echoer", "7.8.9").arguments(words.into_iter().map(OsString::from))
}

#[test]
fn a_program_says_its_version_and_what_it_takes() {
    let version = arguments(&["--version"]).unwrap_err();
    assert_eq!(version.exit_code(), 0);
    assert_eq!(version.to_string(), "echoer 7.8.9\n");
    let help = arguments(&["--help"]).unwrap_err();
    assert_eq!(help.exit_code(), 0);
    let help = help.to_string();
    for said in [
        "The provider echoer",
        "LATTICE_PROVIDER",
        "LATTICE_METRICS",
        "  4  NATS",
    ] {
        assert!(help.contains(said), "{said}: {help}");
    }
}

#[test]
fn arguments_that_are_wrong_are_named_and_end_it_with_2() {
    for (words, named) in [
        (vec!["--name", "No Name"], "No Name"),
        (vec!["--name", "kv", "--lattice", "A"], "--lattice"),
        (vec!["--name", "kv", "--metrics", "9090"], "--metrics"),
        (vec!["--name", "kv", "--port", "1"], "--port"),
        (vec!["--name", "kv", "more"], "more"),
    ] {
        let wrong = arguments(&words).unwrap_err();
        assert_eq!(wrong.exit_code(), i32::from(USAGE), "{wrong}");
        assert!(wrong.to_string().contains(named), "{wrong}");
    }
}

#[test]
fn flags_say_where_and_as_whom_to_connect() {
    let words = "--name kv --nats nats://a:1,nats://b:2 --creds /c --lattice edge";
    let words: Vec<_> = words.split(' ').collect();
    let options = arguments(&words).unwrap().options().unwrap();
    assert_eq!(options.name.as_str(), "kv");
    assert_eq!(options.client.nats, "nats://a:1,nats://b:2");
    assert_eq!(options.client.creds, Some("/c".into()));
    assert_eq!(options.client.lattice.as_str(), "edge");
    assert_eq!(options.client.name, "lattice-provider-kv");
}

#[test]
fn the_status_tells_whether_nats_was_there() {
    let unreachable = || ConnectError::Inbox("closed".into());
    assert_eq!(status(&unreachable().into()), process::UNREACHABLE);
    assert_eq!(status(&Error::Closed), process::UNREACHABLE);
    assert_eq!(status(&Error::provider("no disk")), 1);
}
