//! Real processes, with the test in the place of NATS: it answers the checks and reads the mail.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;

use lattice_config::app::Provider;
use lattice_config::revision::Revision;
use lattice_protocol::log::Record;
use lattice_protocol::report::Phase;
use tokio::task::JoinHandle;

use super::super::inline::{Around, Kinds, Start};
use super::super::outbox::{Mail, News, Post};
use super::*;

struct Bench {
    wanted: Option<watch::Sender<Wanted>>,
    status: watch::Receiver<Status>,
    asks: mpsc::Receiver<Ask>,
    answers: mpsc::Sender<Checked>,
    mail: Mail,
    task: JoinHandle<()>,
}

fn checked(run: u64, answer: Answer) -> Checked {
    Checked {
        run,
        answer,
        health: Health::default(),
    }
}

fn exec(script: &str) -> Wanted {
    let words = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    provider(Provider::new(Runs::Exec(words)))
}

fn provider(provider: Provider) -> Wanted {
    let spec = provider.spec();
    let revision = Revision::of_provider(&spec);
    Some(AssignedProvider {
        app: "shop".parse().unwrap(),
        revision,
        spec,
    })
}

/// No patience, so that nothing waits for a clock.
fn hasty() -> Limits {
    Limits {
        backoff_min: Duration::ZERO,
        backoff_max: Duration::ZERO,
        check_first: Duration::ZERO,
        check_every: Duration::ZERO,
        misses_max: 1,
        silence_max: Duration::ZERO,
        stop_grace: Duration::ZERO,
        ..Limits::default()
    }
}

impl Bench {
    fn new(limits: Limits, wanted: Wanted) -> Self {
        Self::with(Kinds::default(), limits, wanted)
    }

    fn with(kinds: Kinds, limits: Limits, wanted: Wanted) -> Self {
        let (post, mail) = Post::new("h1".parse().unwrap());
        let name: ProviderName = "kv".parse().unwrap();
        let client = lattice_client::Options {
            nats: "nats://nowhere".into(),
            creds: None,
            lattice: "test".parse().unwrap(),
            name: "h1".into(),
        };
        let (wanted_out, wanted) = watch::channel(wanted);
        let (status, status_in) = watch::channel(None);
        let (asks_out, asks) = mpsc::channel(1);
        let (answers, answers_in) = mpsc::channel(1);
        let parts = Parts {
            launch: Launch::new(
                "/no/such/lattice".into(),
                client,
                None,
                kinds,
                Around::nothing(),
            ),
            limits,
            wanted,
            status,
            asks: asks_out,
            answers: answers_in,
            outbox: post.outbox(&name),
            name,
        };
        let task = tokio::spawn(Supervisor::new(parts).run());
        Self {
            wanted: Some(wanted_out),
            status: status_in,
            asks,
            answers,
            mail,
            task,
        }
    }

    fn want(&self, wanted: Wanted) {
        self.wanted.as_ref().unwrap().send_replace(wanted);
    }

    async fn answer(&mut self, answer: Answer) {
        let run = self.asks.recv().await.unwrap().run;
        self.answers.send(checked(run, answer)).await.unwrap();
    }

    async fn news(&mut self) -> News {
        self.mail.news.recv().await.unwrap()
    }

    async fn line(&mut self) -> String {
        let record: Record = self.mail.records.recv().await.unwrap();
        record.message
    }

    async fn report(&mut self, is: impl Fn(&Seen) -> bool) -> Seen {
        let status = self
            .status
            .wait_for(|status| status.as_ref().is_some_and(&is))
            .await;
        status.unwrap().clone().unwrap()
    }

    async fn close(mut self) {
        self.wanted = None;
        self.task.await.unwrap();
    }
}

const SERVES: &str = "echo $LATTICE_PROVIDER $LATTICE $LATTICE_SUPERVISED; read line";

#[tokio::test]
async fn a_provider_is_started_with_its_name_runs_when_it_answers_and_stops_in_order() {
    let mut bench = Bench::new(Limits::default(), exec(SERVES));
    assert_eq!(bench.line().await, "kv test 1");
    bench.answer(Answer::Answers).await;
    let started = bench.news().await;
    assert_eq!(started.kind, Kind::ProviderStarted);
    let report = bench.report(|report| report.phase == Phase::Running).await;
    assert_eq!((report.pid, report.restarts), (started.detail.pid, 0));
    bench.want(None);
    assert_eq!(bench.news().await.kind, Kind::ProviderStopped);
    bench.status.wait_for(Option::is_none).await.unwrap();
    bench.close().await;
}

#[tokio::test]
async fn a_crash_is_told_with_status_and_lines_and_it_is_started_again() {
    let mut bench = Bench::new(hasty(), exec("echo no such bucket >&2; exit 7"));
    let crashed = bench.news().await;
    assert_eq!(crashed.kind, Kind::ProviderCrashed);
    assert_eq!(crashed.detail.exit.as_deref(), Some("exit status: 7"));
    assert_eq!(crashed.detail.lines, ["no such bucket"]);
    for _ in 0..5 {
        assert_eq!(bench.news().await.kind, Kind::ProviderCrashed);
    }
    let failed = bench.news().await;
    assert_eq!(failed.kind, Kind::ProviderFailed);
    let report = bench
        .report(|report| matches!(report.phase, Phase::Failed { .. }))
        .await;
    assert!(report.restarts >= 5, "{report:?}");
    bench.close().await;
}

#[tokio::test]
async fn one_that_does_not_end_when_asked_is_killed() {
    let stubborn = "trap '' TERM; echo ready; while true; do sleep 1000; done";
    let mut bench = Bench::new(hasty(), exec(stubborn));
    assert_eq!(bench.line().await, "ready");
    bench.want(None);
    assert_eq!(bench.news().await.kind, Kind::ProviderStopped);
    bench.close().await;
}

#[tokio::test]
async fn one_that_is_silent_too_long_is_killed_and_started_again() {
    let mut bench = Bench::new(hasty(), exec(SERVES));
    bench.answer(Answer::Answers).await;
    assert_eq!(bench.news().await.kind, Kind::ProviderStarted);
    bench.answer(Answer::Silent).await;
    let crashed = bench.news().await;
    let exit = crashed.detail.exit.unwrap();
    assert!(
        exit.starts_with("signal: 9") && exit.ends_with("did not answer"),
        "{exit}"
    );
    bench
        .report(|report| report.restarts == 1 && report.pid.is_some())
        .await;
    bench.close().await;
}

#[tokio::test]
async fn a_new_command_replaces_the_process_and_new_settings_do_not() {
    let mut bench = Bench::new(Limits::default(), exec(SERVES));
    let first = bench.report(|report| report.pid.is_some()).await;
    let mut changed = exec(SERVES).unwrap();
    changed
        .spec
        .config
        .insert("backend".into(), "memory".into());
    changed.revision = Revision::of_provider(&changed.spec);
    bench.want(Some(changed));
    let live = bench
        .report(|report| report.revision != first.revision)
        .await;
    assert_eq!(live.pid, first.pid);
    bench.want(exec("echo new; read line"));
    assert_eq!(bench.news().await.kind, Kind::ProviderStopped);
    bench
        .report(|report| report.pid.is_some() && report.pid != first.pid)
        .await;
    bench.close().await;
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named_in_the_report() {
    let mut bench = Bench::new(
        Limits::default(),
        provider(Provider::new(Runs::Kind("kv".into()))),
    );
    let failed = bench.news().await;
    assert_eq!(failed.kind, Kind::ProviderFailed);
    let report = bench
        .report(|report| matches!(report.phase, Phase::Failed { .. }))
        .await;
    let Phase::Failed { reason } = report.phase else {
        unreachable!()
    };
    assert!(reason.contains("/no/such/lattice"), "{reason}");
    assert_eq!(failed.detail.reason, Some(reason));
    bench.close().await;
}

#[tokio::test]
async fn each_start_has_a_process_id_of_its_own_and_is_asked_by_it() {
    let mut bench = Bench::new(hasty(), exec("echo $LATTICE_PROCESS; read line"));
    let mut seen = Vec::new();
    for _ in 0..2 {
        let line = bench.line().await;
        let ask = loop {
            let ask = bench.asks.recv().await.unwrap();
            if ask
                .process
                .as_ref()
                .is_some_and(|process| process.as_str() == line)
            {
                break ask;
            }
            bench
                .answers
                .send(checked(ask.run, Answer::Unknown))
                .await
                .unwrap();
        };
        assert!(
            !ask.knows_itself,
            "a command may be written without the kit"
        );
        seen.push(line);
        bench
            .answers
            .send(checked(ask.run, Answer::Answers))
            .await
            .unwrap();
        bench.answer(Answer::Silent).await;
    }
    assert_ne!(seen[0], seen[1]);
    bench.close().await;
}

#[tokio::test]
async fn one_that_runs_inline_and_panics_is_started_again_and_stops_in_order() {
    let inline = |start: Start| {
        let fails = start.name.as_str() == "kv" && COUNT.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            assert!(!fails, "on purpose");
            start.stop.cancelled().await;
            Ok(())
        }
        .boxed()
    };
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let kinds = Kinds::default().with("kv", Arc::new(inline));
    let mut declared = Provider::new(Runs::Kind("kv".into()));
    declared.inline = true;
    let mut bench = Bench::with(kinds, hasty(), provider(declared));
    let crashed = bench.news().await;
    assert_eq!(crashed.kind, Kind::ProviderCrashed);
    assert_eq!(crashed.detail.exit.as_deref(), Some("panicked"));
    assert_eq!(crashed.detail.lines, ["on purpose"]);
    loop {
        let ask = bench.asks.recv().await.unwrap();
        assert!(ask.knows_itself);
        bench
            .answers
            .send(checked(ask.run, Answer::Answers))
            .await
            .unwrap();
        if bench.report(|_| true).await.phase == Phase::Running {
            break;
        }
    }
    let report = bench.report(|report| report.phase == Phase::Running).await;
    assert_eq!((report.pid, report.restarts), (None, 1));
    bench.want(None);
    loop {
        let news = bench.news().await.kind;
        if news == Kind::ProviderStopped {
            break;
        }
        assert_eq!(news, Kind::ProviderStarted);
    }
    bench.close().await;
}

#[tokio::test]
async fn an_external_provider_has_no_process_and_runs_when_it_answers() {
    let mut bench = Bench::new(hasty(), provider(Provider::new(Runs::External)));
    bench.answer(Answer::Answers).await;
    let report = bench.report(|report| report.phase == Phase::Running).await;
    assert_eq!(report.pid, None);
    bench.close().await;
}

#[tokio::test]
async fn a_host_that_lets_go_of_a_supervisor_leaves_no_process() {
    let mut bench = Bench::new(Limits::default(), exec(SERVES));
    let pid = bench
        .report(|report| report.pid.is_some())
        .await
        .pid
        .unwrap();
    bench.close().await;
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    assert!(rustix::process::test_kill_process(pid).is_err());
}
