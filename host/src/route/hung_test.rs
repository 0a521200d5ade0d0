use super::*;

struct Bench {
    hung: Hung,
    kv: TargetName,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self {
            hung: Hung::default(),
            kv: "kv".parse().unwrap(),
            now: Instant::now(),
        }
    }

    fn fail(&mut self, times: u32) {
        for _ in 0..times {
            self.hung.failed(&self.kv, self.now);
        }
    }

    fn verdict(&mut self, copies: &Copies) -> (bool, bool) {
        let verdict = self.hung.verdict(&self.kv, copies, self.now);
        (verdict.hung_since.is_some(), verdict.ask)
    }

    fn silent(&self) -> Copies {
        Copies::Silent { since: self.now }
    }
}

#[test]
fn seven_calls_without_an_answer_raise_the_question_and_silence_upon_it_refuses_calls() {
    let mut bench = Bench::new();
    bench.fail(6);
    assert_eq!(bench.verdict(&Copies::Unknown), (false, false));
    bench.fail(1);
    assert_eq!(bench.verdict(&Copies::Unknown), (false, true));
    assert_eq!(bench.verdict(&Copies::Unknown), (false, false));
    bench.hung.silent(&bench.kv);
    assert_eq!(bench.verdict(&Copies::Unknown), (true, false));
    bench.now += ASK_MIN;
    assert_eq!(bench.verdict(&Copies::Unknown), (true, true));
    bench.now += ASK_MAX;
    let asked = bench.verdict(&Copies::Unknown);
    assert_eq!(asked, (true, false), "one question at a time");
    bench.hung.answered(&bench.kv, bench.now);
    assert_eq!(bench.verdict(&Copies::Unknown), (false, false));
}

#[test]
fn the_first_call_that_waits_too_long_raises_the_question_and_the_others_do_not() {
    let mut bench = Bench::new();
    assert!(bench.hung.overdue(&bench.kv, bench.now));
    assert!(!bench.hung.overdue(&bench.kv, bench.now));
    assert_eq!(bench.verdict(&Copies::Unknown), (false, false));
    bench.hung.silent(&bench.kv);
    assert_eq!(bench.verdict(&Copies::Unknown), (true, false));
    bench.hung.answered(&bench.kv, bench.now);
    assert_eq!(bench.verdict(&Copies::Unknown), (false, false));
}

#[test]
fn an_answer_forgives_the_failures_before_it() {
    let mut bench = Bench::new();
    bench.fail(6);
    bench.hung.answered(&bench.kv, bench.now);
    bench.fail(6);
    assert_eq!(bench.verdict(&Copies::Unknown), (false, false));
}

#[test]
fn a_slow_provider_that_answers_for_its_health_is_never_refused() {
    let mut bench = Bench::new();
    for _ in 0..100 {
        bench.fail(7);
        assert_eq!(bench.verdict(&Copies::Well), (false, true));
        bench.hung.answered(&bench.kv, bench.now);
        bench.fail(7);
        assert_eq!(bench.verdict(&Copies::Well), (false, false), "not at once");
        bench.now += ASK_MIN;
        bench.hung.answered(&bench.kv, bench.now);
    }
}

#[test]
fn the_question_is_asked_more_and_more_seldom_up_to_a_bound() {
    let mut bench = Bench::new();
    bench.fail(7);
    let mut pause = ASK_MIN;
    for _ in 0..10 {
        assert!(bench.verdict(&Copies::Unknown).1);
        bench.hung.silent(&bench.kv);
        bench.now += pause - Duration::from_millis(1);
        assert!(!bench.verdict(&Copies::Unknown).1);
        bench.now += Duration::from_millis(1);
        pause = (pause * 2).min(ASK_MAX);
    }
}

#[test]
fn the_word_of_its_host_refuses_calls_at_once_and_lets_them_through_again() {
    let mut bench = Bench::new();
    assert_eq!(bench.verdict(&bench.silent()), (true, true));
    assert_eq!(bench.verdict(&bench.silent()), (true, false));
    assert_eq!(bench.verdict(&Copies::Well), (false, false));
}

#[test]
fn another_who_answers_for_a_silent_one_gets_its_calls() {
    let mut bench = Bench::new();
    assert_eq!(bench.verdict(&bench.silent()), (true, true));
    bench.hung.answered(&bench.kv, bench.now);
    assert_eq!(bench.verdict(&bench.silent()), (false, false));
    bench.now += ASK_MIN;
    assert_eq!(bench.verdict(&bench.silent()), (false, true));
    bench.hung.silent(&bench.kv);
    assert_eq!(bench.verdict(&bench.silent()), (true, false));
}

#[test]
fn a_question_whose_answer_could_not_be_heard_changes_nothing_and_is_asked_again() {
    let mut bench = Bench::new();
    bench.fail(7);
    assert_eq!(bench.verdict(&Copies::Unknown), (false, true));
    bench.hung.unheard(&bench.kv);
    assert_eq!(bench.verdict(&Copies::Unknown), (false, false));
    bench.now += ASK_MIN;
    assert_eq!(bench.verdict(&Copies::Unknown), (false, true));
    bench.hung.silent(&bench.kv);
    bench.now += ASK_MAX;
    assert_eq!(bench.verdict(&Copies::Unknown), (true, true));
    bench.hung.unheard(&bench.kv);
    assert_eq!(bench.verdict(&Copies::Unknown), (true, false));
}
