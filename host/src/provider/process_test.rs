use lattice_protocol::log::Record;
use rustix::process::test_kill_process;
use tokio::sync::mpsc;

use super::super::outbox::Post;
use super::*;

struct Run {
    process: Process,
    records: mpsc::Receiver<Record>,
}

fn sh(script: &str) -> Run {
    let (post, mail) = Post::new("h1".parse().unwrap());
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    let process = Process::start(command, &post.outbox(&"kv".parse().unwrap())).unwrap();
    Run {
        process,
        records: mail.records,
    }
}

impl Run {
    /// The next line that it writes.
    async fn line(&mut self) -> String {
        self.records.recv().await.expect("it ended").message
    }
}

#[tokio::test]
async fn a_crash_tells_its_status_and_the_last_lines_of_both_streams() {
    let mut run = sh("echo one; echo two >&2; exit 3");
    let exit = run.process.ended().await;
    assert_eq!(exit.status, "exit status: 3");
    let mut lines = exit.lines;
    lines.sort();
    assert_eq!(lines, ["one", "two"]);
    assert_eq!(
        run.process.ended().await.status,
        "exit status: 3",
        "asked again"
    );
}

#[tokio::test]
async fn a_process_that_is_asked_ends_by_itself() {
    let mut run = sh("trap 'echo bye; exit 0' TERM; echo ready; read line; wait");
    assert_eq!(run.line().await, "ready");
    run.process.terminate();
    let exit = run.process.ended().await;
    assert_eq!(exit.status, "exit status: 0");
}

#[tokio::test]
async fn a_process_that_does_not_listen_is_ended() {
    let mut run = sh("trap '' TERM; echo ready; while true; do sleep 1000; done");
    assert_eq!(run.line().await, "ready");
    run.process.terminate();
    run.process.kill();
    assert!(run.process.ended().await.status.starts_with("signal: 9"));
}

#[tokio::test]
async fn a_process_reads_the_end_of_its_input_when_it_is_asked_to_end() {
    let mut run = sh("trap '' TERM; echo ready; read line || echo over");
    assert_eq!(run.line().await, "ready");
    run.process.terminate();
    assert_eq!(run.process.ended().await.lines, ["ready", "over"]);
}

#[tokio::test]
async fn what_a_process_leaves_behind_in_its_group_ends_with_it() {
    let mut run = sh("sleep 1000 & echo $!; kill -9 $$");
    let left: i32 = run.line().await.parse().unwrap();
    run.process.ended().await;
    let left = Pid::from_raw(left).unwrap();
    let gone = async {
        while test_kill_process(left).is_ok() && !is_zombie(left) {
            tokio::task::yield_now().await;
        }
    };
    let patience = Duration::from_secs(30);
    tokio::time::timeout(patience, gone)
        .await
        .expect("the background process is still there");
}

/// Whether a process is dead but not yet fetched by its parent, which here is nobody of ours.
fn is_zombie(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    stat.is_ok_and(|stat| stat.contains(") Z"))
}

#[tokio::test]
async fn an_end_that_is_awaited_and_given_up_is_seen_the_next_time() {
    let mut run = sh("echo ready; read line; exit 4");
    assert_eq!(run.line().await, "ready");
    tokio::select! {
        biased;
        _ = run.process.ended() => panic!("it still reads"),
        () = std::future::ready(()) => {}
    }
    run.process.stdin = None;
    assert_eq!(run.process.ended().await.status, "exit status: 4");
}

#[tokio::test]
async fn an_end_that_is_asked_for_again_and_again_waits_for_left_output_once() {
    // What goes on has a group of its own, and the pipes.
    let mut run = sh("setsid sh -c 'echo $$; exec sleep 1000' & read line; exit 5");
    let left: i32 = run.line().await.parse().unwrap();
    run.process.stdin = None;
    // More than ten times what its output may take.
    let mut asked = 0;
    let exit = loop {
        tokio::select! {
            exit = run.process.ended() => break Some(exit),
            () = tokio::time::sleep(OUTPUT_GRACE / 20) => {
                asked += 1;
                if asked == 250 {
                    break None;
                }
            }
        }
    };
    let _ = rustix::process::kill_process(Pid::from_raw(left).unwrap(), Signal::KILL);
    assert_eq!(exit.expect("it has ended").status, "exit status: 5");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_error() {
    let (post, _mail) = Post::new("h1".parse().unwrap());
    let outbox = post.outbox(&"kv".parse().unwrap());
    let error = Process::start(Command::new("/no/such/program"), &outbox).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}
