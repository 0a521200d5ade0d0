use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A machine with a clock that only the test moves.
pub(super) struct Bench {
    pub(super) machine: Machine,
    pub(super) now: Moment,
}

impl Bench {
    pub(super) fn idle() -> Self {
        Self {
            machine: Machine::new(Limits::default(), 7),
            now: Moment::ZERO,
        }
    }

    pub(super) fn started() -> Self {
        let mut bench = Self::idle();
        assert_eq!(bench.on(Input::Run { external: false }), [Effect::Start]);
        bench
    }

    pub(super) fn running() -> Self {
        let mut bench = Self::started();
        assert_eq!(
            bench.check(Answer::Answers),
            [Effect::Tell(Notice::Started)]
        );
        bench
    }

    pub(super) fn external() -> Self {
        let mut bench = Self::idle();
        assert_eq!(bench.on(Input::Run { external: true }), []);
        bench
    }

    pub(super) fn on(&mut self, input: Input) -> Vec<Effect> {
        self.machine.on(self.now, input)
    }

    /// Lets time pass to the next deadline.
    pub(super) fn tick(&mut self) -> Vec<Effect> {
        self.now = self.machine.deadline().expect("nothing is awaited");
        self.on(Input::Tick)
    }

    /// Lets a check come due and be answered.
    pub(super) fn check(&mut self, answer: Answer) -> Vec<Effect> {
        let effects = self.tick();
        let [Effect::Check(run)] = effects[..] else {
            panic!("no check: {effects:?}")
        };
        self.on(Input::Checked { run, answer })
    }

    /// Lets it end by itself: what was told, and the pause.
    pub(super) fn crash(&mut self) -> (Vec<Notice>, Duration) {
        let notices: Vec<_> = self
            .on(Input::Ended(exit()))
            .into_iter()
            .map(|effect| match effect {
                Effect::Tell(notice) => notice,
                other => panic!("unexpected {other:?}"),
            })
            .collect();
        let Some(Notice::Crashed { again_in, .. }) = notices.first() else {
            panic!("no crash: {notices:?}")
        };
        let again_in = *again_in;
        (notices, again_in)
    }

    pub(super) fn reason(&self) -> String {
        match self.machine.phase() {
            Phase::Failed { reason } => reason,
            other => panic!("not failed: {other:?}"),
        }
    }
}

pub(super) fn exit() -> Exit {
    Exit {
        status: "exit status: 1".into(),
        lines: vec!["no such bucket".into()],
    }
}

pub(super) fn failed(effects: &[Effect]) -> bool {
    matches!(effects, [Effect::Tell(Notice::Failed { .. })])
}

#[test]
fn it_runs_when_it_answers_and_not_before() {
    let mut bench = Bench::started();
    for _ in 0..10 {
        assert_eq!(bench.check(Answer::Silent), []);
        assert_eq!(bench.machine.phase(), Phase::Starting);
    }
    assert_eq!(
        bench.check(Answer::Answers),
        [Effect::Tell(Notice::Started)]
    );
    assert_eq!(bench.machine.phase(), Phase::Running);
    assert_eq!(bench.check(Answer::Answers), []);
}

#[test]
fn a_process_that_starts_is_asked_often_and_then_each_second() {
    let mut bench = Bench::started();
    bench.check(Answer::Silent);
    assert_eq!(bench.now, Limits::default().check_first);
    for _ in 0..20 {
        bench.check(Answer::Silent);
    }
    let before = bench.now;
    bench.check(Answer::Answers);
    assert_eq!(bench.now - before, SECOND);
    let before = bench.now;
    bench.check(Answer::Answers);
    assert_eq!(bench.now - before, SECOND);
}

#[test]
fn three_misses_are_reported_and_an_answer_takes_it_back() {
    let mut bench = Bench::running();
    assert_eq!(bench.check(Answer::Silent), []);
    assert_eq!(bench.check(Answer::Silent), []);
    assert_eq!(bench.machine.phase(), Phase::Running);
    assert!(failed(&bench.check(Answer::Silent)));
    assert!(bench.reason().contains("does not answer"));
    assert_eq!(bench.check(Answer::Silent), []);
    assert_eq!(
        bench.check(Answer::Answers),
        [Effect::Tell(Notice::Started)]
    );
    assert_eq!(bench.machine.phase(), Phase::Running);
}

#[test]
fn what_it_complains_of_is_told_once_and_taken_back_when_it_complains_no_more() {
    let mut bench = Bench::running();
    let complaint = || Answer::Complains("no disk".into());
    assert!(failed(&bench.check(complaint())));
    assert_eq!(bench.reason(), "no disk");
    for _ in 0..1_000 {
        assert_eq!(
            bench.check(complaint()),
            [],
            "it is told once, and never killed"
        );
    }
    assert_eq!(
        bench.check(Answer::Answers),
        [Effect::Tell(Notice::Started)]
    );
    assert_eq!(bench.machine.phase(), Phase::Running);
}

#[test]
fn one_that_stays_silent_is_killed_and_started_again() {
    let mut bench = Bench::running();
    let first = bench.now + SECOND;
    let effects = loop {
        let effects = bench.check(Answer::Silent);
        if effects == [Effect::Kill] {
            break effects;
        }
    };
    assert_eq!(effects, [Effect::Kill]);
    assert_eq!(bench.now - first, Limits::default().silence_max);
    assert_eq!(bench.machine.deadline(), None, "only its end is awaited");
    let (notices, _) = bench.crash();
    let Notice::Crashed { exit, .. } = &notices[0] else {
        panic!("{notices:?}")
    };
    assert!(exit.status.ends_with("did not answer"), "{}", exit.status);
    assert_eq!(bench.tick(), [Effect::Start]);
}

#[test]
fn without_a_connection_nothing_is_reported_or_killed() {
    let mut bench = Bench::running();
    for _ in 0..1_000 {
        assert_eq!(bench.check(Answer::Unknown), []);
    }
    for _ in 0..1_000 {
        bench.check(Answer::Silent);
        bench.check(Answer::Silent);
        assert_eq!(bench.check(Answer::Unknown), []);
    }
    assert_eq!(bench.machine.phase(), Phase::Running);
}

#[test]
fn an_answer_for_an_earlier_process_says_nothing_of_this_one() {
    let mut bench = Bench::started();
    let effects = bench.tick();
    let [Effect::Check(run)] = effects[..] else {
        panic!("{effects:?}")
    };
    bench.crash();
    bench.tick();
    assert_eq!(
        bench.on(Input::Checked {
            run,
            answer: Answer::Answers
        }),
        []
    );
    assert_eq!(bench.machine.phase(), Phase::Starting);
}

#[test]
fn a_stop_asks_then_kills_and_is_told_when_it_is_over() {
    let mut bench = Bench::running();
    let before = bench.now;
    assert_eq!(bench.on(Input::Stop), [Effect::Terminate]);
    assert_eq!(bench.machine.phase(), Phase::Draining);
    assert_eq!(bench.on(Input::Stop), [], "asking twice changes nothing");
    assert_eq!(bench.tick(), [Effect::Kill]);
    assert_eq!(bench.now - before, Limits::default().stop_grace);
    assert!(!bench.machine.is_idle());
    assert_eq!(
        bench.on(Input::Ended(exit())),
        [Effect::Tell(Notice::Stopped)]
    );
    assert!(bench.machine.is_idle());
}

#[test]
fn a_stop_during_a_pause_starts_nothing_any_more() {
    let mut bench = Bench::running();
    bench.crash();
    assert_eq!(bench.on(Input::Stop), []);
    assert!(bench.machine.is_idle());
    assert_eq!(bench.machine.deadline(), None);
}

#[test]
fn one_that_is_wanted_again_while_it_stops_starts_when_it_has_stopped() {
    let mut bench = Bench::running();
    bench.on(Input::Stop);
    assert_eq!(bench.on(Input::Run { external: false }), []);
    let effects = bench.on(Input::Ended(exit()));
    assert_eq!(effects, [Effect::Tell(Notice::Stopped), Effect::Start]);
}

#[test]
fn a_replacement_starts_after_the_old_process_and_forgets_its_crashes() {
    let mut bench = Bench::started();
    for _ in 0..=Limits::default().crashes_max {
        bench.crash();
        bench.tick();
    }
    assert_eq!(
        bench.on(Input::Replace { external: false }),
        [Effect::Terminate]
    );
    let effects = bench.on(Input::Ended(exit()));
    assert_eq!(effects, [Effect::Tell(Notice::Stopped), Effect::Start]);
    assert_eq!(bench.machine.phase(), Phase::Starting);
    assert_eq!(bench.crash().1, Limits::default().backoff_min);
}

#[test]
fn new_settings_cut_a_pause_short_and_leave_a_process_alone() {
    let mut bench = Bench::running();
    assert_eq!(bench.on(Input::Changed), []);
    bench.crash();
    assert_eq!(bench.on(Input::Changed), [Effect::Start]);
}

#[test]
fn an_external_provider_is_watched_and_never_touched() {
    let mut bench = Bench::external();
    assert_eq!(bench.check(Answer::Silent), []);
    assert_eq!(bench.check(Answer::Silent), []);
    assert!(failed(&bench.check(Answer::Silent)));
    assert!(bench.reason().contains("outside the lattice"));
    for _ in 0..1_000 {
        assert_eq!(bench.check(Answer::Silent), []);
    }
    assert_eq!(
        bench.check(Answer::Answers),
        [Effect::Tell(Notice::Started)]
    );
    assert_eq!(bench.on(Input::Stop), []);
    assert!(bench.machine.is_idle());
}

#[test]
fn where_nobody_is_nobody_hangs_unless_there_is_a_process() {
    let mut bench = Bench::external();
    bench.check(Answer::Answers);
    bench.check(Answer::Silent);
    assert!(bench.machine.silent_since().is_some());
    for _ in 0..10 {
        bench.check(Answer::Absent);
        assert_eq!(bench.machine.silent_since(), None);
    }
    assert!(bench.reason().contains("does not run"));
    let mut bench = Bench::running();
    bench.check(Answer::Absent);
    assert!(bench.machine.silent_since().is_some());
}

#[test]
fn a_process_that_is_not_there_for_calls_is_replaced_as_a_silent_one_is() {
    let mut bench = Bench::running();
    let first = bench.now;
    let effects = loop {
        let answer = match bench.now.as_secs() % 2 {
            0 => Answer::Silent,
            _ => Answer::Absent,
        };
        let effects = bench.check(answer);
        if bench.now - first > Limits::default().silence_max {
            break effects;
        }
    };
    assert_eq!(effects, [Effect::Kill]);
}

#[test]
fn one_that_becomes_external_is_stopped_first() {
    let mut bench = Bench::running();
    assert_eq!(
        bench.on(Input::Replace { external: true }),
        [Effect::Terminate]
    );
    assert_eq!(
        bench.on(Input::Ended(exit())),
        [Effect::Tell(Notice::Stopped)]
    );
    assert_eq!(bench.machine.phase(), Phase::Starting);
    assert_eq!(
        bench.on(Input::Replace { external: false }),
        [Effect::Start]
    );
}
