//! `lattice up`: what it starts, that it stops all of it, and what it says when it can't.

use std::fs;

use lattice_tests::process::{all_gone, run};
use lattice_tests::{Nats, eventually, guest, process};
use rustix::process::Signal;

use crate::program;
use crate::project::Project;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_runs_the_demo_ctrl_c_stops_every_process_and_the_count_survives() {
    let demo = Project::demo();
    for (first, second) in [(1, 2), (3, 4)] {
        let up = demo.up().await;
        assert_eq!((demo.count().await, demo.count().await), (first, second));
        let family = up.family();
        for words in [
            "nats-server",
            " host ",
            "provider keyvalue",
            "provider http",
        ] {
            let count = family
                .iter()
                .filter(|relative| relative.command.contains(words))
                .count();
            assert_eq!(count, 1, "{words}: {family:#?}");
        }
        up.signal(Signal::INT);
        let ended = up.ended().await;
        assert!(ended.status.success(), "{}: {}", ended.status, ended.text());
        // Not eventually: when it has ended, everything has.
        let left: Vec<_> = family.iter().filter(|relative| relative.runs()).collect();
        assert!(left.is_empty(), "{left:#?}");
        assert_eq!(demo.processes(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_ctrl_c_kills_and_leaves_nothing() {
    let demo = Project::demo();
    fs::copy(
        guest::path("misbehave"),
        demo.folder().join("misbehave.wasm"),
    )
    .unwrap();
    let misbehave = "\n[actor.misbehave]\ncomponent = \"misbehave.wasm\"\n\
                     limits = { time_ms = 3_600_000 }\n";
    demo.write(&(demo.manifest() + misbehave));
    let mut up = demo.up().await;
    let family = up.family();
    // The host waits for it, so that there is something to cut short.
    let client = async_nats::connect(demo.nats_url()).await.unwrap();
    let subject = "lattice.default.call.misbehave.sleep-ms";
    let reply = client.new_inbox();
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Lattice-Deadline-Ms", "3600000");
    let arguments = "[3600000]".into();
    let sent = client.publish_with_reply_and_headers(subject, reply, headers, arguments);
    sent.await.unwrap();
    a_call_runs(&client, &demo).await;
    up.signal(Signal::INT);
    up.prints("stopping the host").await;
    up.signal(Signal::INT);
    let ended = up.ended().await;
    assert!(ended.lines.iter().any(|line| line == "killed"), "{ended:?}");
    all_gone(&family).await;
    assert_eq!(demo.processes(), Vec::<String>::new());
}

/// Waits until the host says that the actor has a call.
async fn a_call_runs(client: &async_nats::Client, demo: &Project) {
    let host = fs::read_to_string(demo.folder().join(".lattice/host.id")).unwrap();
    let subject = format!("lattice.default.host.{}.ctl.inventory", host.trim());
    eventually("the call runs", async || {
        let reply = client.request(subject.clone(), "{}".into()).await;
        let reply = reply.map_err(|error| error.to_string())?;
        let report: serde_json::Value = serde_json::from_slice(&reply.payload).unwrap();
        match report["value"]["actors"]["misbehave"]["busy"] == 1 {
            true => Ok(()),
            false => Err(report.to_string()),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_that_is_killed_leaves_nothing_that_hinders_the_next() {
    let demo = Project::demo();
    let up = demo.up().await;
    let before = demo.count().await;
    let family = up.family();
    up.signal(Signal::KILL);
    up.ended().await;
    all_gone(&family).await;
    let up = demo.up().await;
    assert_eq!(demo.count().await, before + 1);
    drop(up);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_other_commands_find_the_lattice_of_the_folder_they_are_run_in() {
    let demo = Project::demo();
    let _up = demo.up().await;
    let called = demo
        .lattice(&["call", "greeter", "greet", "\"World\""])
        .await;
    assert!(called.status.success(), "{}", called.text());
    assert_eq!(called.lines, [r#""Hello, World!""#]);
    let listed = demo.lattice(&["ps"]).await;
    for word in ["counter", "greeter", "kv", "web"] {
        assert!(listed.text().contains(word), "{}", listed.text());
    }
    let wrong = demo.lattice(&["call", "greeter", "great", "World"]).await;
    assert_eq!(wrong.status.code(), Some(3), "{}", wrong.text());
    assert!(wrong.text().contains("greet"), "{}", wrong.text());
    let scaled = demo.lattice(&["scale", "greeter", "0"]).await;
    assert!(scaled.status.success(), "{}", scaled.text());
}

/// What is wrong, what is done about it, the exit code, and what the one error says.
struct Refusal<'a> {
    manifest: String,
    words: &'a [&'a str],
    code: i32,
    says: &'a [&'a str],
}

async fn assert_refused(demo: &Project, refusal: Refusal<'_>) {
    demo.write(&refusal.manifest);
    let mut words = vec!["up"];
    words.extend(refusal.words);
    let ended = demo.lattice(&words).await;
    let errors: Vec<_> = ended
        .lines
        .iter()
        .filter(|line| line.starts_with("error:"))
        .collect();
    assert_eq!(errors.len(), 1, "{}", ended.text());
    assert_eq!(ended.status.code(), Some(refusal.code), "{}", ended.text());
    for says in refusal.says {
        assert!(
            ended.text().contains(says),
            "{says:?} is not in\n{}",
            ended.text()
        );
    }
    assert_eq!(demo.processes(), Vec::<String>::new(), "{}", ended.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_in_an_occupied_port_says_which_and_leaves_nothing_running() {
    let demo = Project::demo();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let manifest = demo.manifest().replace("127.0.0.1:0", &listen);
    let says = [
        "provider web can't listen on",
        &listen,
        "another process listens there",
    ];
    assert_refused(
        &demo,
        Refusal {
            manifest,
            words: &[],
            code: 1,
            says: &says,
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_with_a_broken_manifest_says_where_and_leaves_nothing_running() {
    let demo = Project::demo();
    let good = demo.manifest();
    let misspelt = good.replace("instances = 8", "instance = 8");
    let says = ["lattice.toml", "instance"];
    assert_refused(
        &demo,
        Refusal {
            manifest: misspelt,
            words: &[],
            code: 2,
            says: &says,
        },
    )
    .await;
    let lost = good.replace("to = \"kv\"", "to = \"nobody\"");
    let says = ["lattice.toml", "actor counter", "nobody"];
    assert_refused(
        &demo,
        Refusal {
            manifest: lost,
            words: &[],
            code: 2,
            says: &says,
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_with_a_component_that_does_not_build_shows_the_build_and_leaves_nothing_running() {
    let demo = Project::demo();
    let good = demo.manifest();
    let build = "build = \"echo 'no such crate' >&2; exit 3\"";
    let manifest = good.replacen("build = \"true\"", build, 1);
    let says = ["failed to build counter", "no such crate"];
    assert_refused(
        &demo,
        Refusal {
            manifest,
            words: &[],
            code: 1,
            says: &says,
        },
    )
    .await;
    let manifest = good.replace("greeter.wasm", "missing.wasm");
    let says = ["actor greeter", "missing.wasm"];
    assert_refused(
        &demo,
        Refusal {
            manifest,
            words: &[],
            code: 1,
            says: &says,
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_without_jetstream_says_what_the_server_lacks_and_leaves_nothing_running() {
    let demo = Project::demo();
    let nats = Nats::without_jetstream().await;
    let url = nats.url();
    let refusal = Refusal {
        manifest: demo.manifest(),
        words: &["--nats", &url],
        code: 1,
        says: &["has no JetStream", "-js"],
    };
    assert_refused(&demo, refusal).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_without_a_server_at_the_address_it_was_given_says_so() {
    let demo = Project::demo();
    // Kept to the end, so that nobody else listens there.
    let unheard = tokio::net::TcpSocket::new_v4().unwrap();
    unheard.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("nats://{}", unheard.local_addr().unwrap());
    let says = ["failed to connect to NATS", &url];
    let refusal = Refusal {
        manifest: demo.manifest(),
        words: &["--nats", &url],
        code: 4,
        says: &says,
    };
    assert_refused(&demo, refusal).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_with_an_import_that_nobody_answers_names_the_line_to_write_and_leaves_nothing_running()
{
    let demo = Project::demo();
    fs::copy(guest::path("needy"), demo.folder().join("needy.wasm")).unwrap();
    let manifest = demo.manifest() + "\n[actor.needy]\ncomponent = \"needy.wasm\"\n";
    let says = [
        "actor needy",
        "example:absent/oracle",
        r#"[actor.needy.link."example:absent"]"#,
    ];
    assert_refused(
        &demo,
        Refusal {
            manifest,
            words: &[],
            code: 1,
            says: &says,
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_where_another_one_runs_says_so_and_does_not_disturb_it() {
    let demo = Project::demo();
    let up = demo.up().await;
    let second = demo.lattice(&["up"]).await;
    assert_eq!(second.status.code(), Some(1), "{}", second.text());
    assert!(
        second.text().contains(&format!("(process {})", up.pid())),
        "{}",
        second.text()
    );
    assert_eq!(demo.count().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_uses_a_server_that_runs_already_and_leaves_it_running() {
    let demo = Project::demo();
    let nats = Nats::start().await;
    let words = ["up", "--nats", &nats.url()];
    let mut up = process::Running::start(process::command(program(), &demo.folder(), &words));
    up.prints("ctrl-c stops everything").await;
    assert_eq!((demo.nats_url(), demo.count().await), (nats.url(), 1));
    up.signal(Signal::INT);
    assert!(up.ended().await.status.success());
    nats.plain_client().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_in_the_address_opens_the_server_and_is_shown_nowhere() {
    let demo = Project::demo();
    let login = "authorization { user: somebody, password: secret }\n";
    let nats = Nats::with(|options| options.extra = login.into()).await;
    let mut command = process::command(program(), &demo.folder(), &["up"]);
    let url = nats.url().replace("nats://", "nats://somebody:secret@");
    command.env("LATTICE_NATS", url);
    let mut up = process::Running::start(command);
    up.prints("ctrl-c stops everything").await;
    let listed = demo.lattice(&["ps"]).await;
    assert!(listed.status.success(), "{}", listed.text());
    let seen = format!("{:#?}\n{:#?}", up.family(), up.lines());
    assert!(!seen.contains("secret"), "{seen}");
    assert!(seen.contains(&nats.url()), "{seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_and_their_exit_codes_are_explained_by_help() {
    let folder = tempfile::tempdir().unwrap();
    let help = run(process::command(program(), folder.path(), &["--help"])).await;
    assert!(help.status.success());
    for word in ["up", "call", "apply", "ps", "logs", "Exit codes"] {
        assert!(help.text().contains(word), "{}", help.text());
    }
    let nonsense = run(process::command(program(), folder.path(), &["dance"])).await;
    assert_eq!(nonsense.status.code(), Some(2), "{}", nonsense.text());
}
