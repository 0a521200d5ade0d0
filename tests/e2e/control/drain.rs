//! `lattice drain`: a host is taken out by its name.

use lattice_tests::Lattice;

use crate::faults::hosts::{settled_on, three};
use crate::{cli, program};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_is_drained_by_its_name_and_the_command_ends_when_it_has_left() {
    let mut lattice = Lattice::start(program()).await;
    let mut machines = three(&mut lattice, &[]).await;
    let drained = cli::run(&mut lattice, &["drain", "b", "--json"]).await;
    assert!(drained.status.success(), "{}", drained.text());
    assert_eq!(
        drained.json(),
        serde_json::json!({"host": "b", "left": true, "nowhere": []})
    );
    settled_on(&lattice, 2, 6).await;
    let ended = machines.remove(1).ended().await;
    assert!(ended.status.success(), "{}", ended.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_not_there_or_alone_is_not_drained_and_the_error_says_what_to_do() {
    let mut lattice = Lattice::start(program()).await;
    let machine = lattice.machine("rack-a", &[]).await;
    let refused = cli::run(&mut lattice, &["drain", "rakc-a"]).await;
    assert_eq!(refused.status.code(), Some(2), "{}", refused.text());
    assert!(
        refused.text().contains("did you mean rack-a?"),
        "{}",
        refused.text()
    );
    let refused = cli::run(&mut lattice, &["drain", "rack-a"]).await;
    assert_eq!(refused.status.code(), Some(1), "{}", refused.text());
    assert!(
        refused.text().contains("nobody could take its work"),
        "{}",
        refused.text()
    );
    machine.until_listed(&lattice).await;
}
