use lattice_config::state::epoch_after;

use super::*;

const TTL: Duration = Duration::from_millis(LEASE_TTL_MS);

fn host(name: &str) -> HostId {
    name.parse().unwrap()
}

fn lease(holder: &str, epoch: u64) -> Lease {
    Lease {
        holder: host(holder),
        epoch,
        renewals: 0,
        ttl_ms: LEASE_TTL_MS,
    }
}

/// The lease that `a` takes after `known`.
fn taken(known: u64) -> Lease {
    lease("a", epoch_after(known, &host("a")))
}

fn seen(revision: u64, lease: Lease) -> Seen {
    Seen {
        revision,
        lease: Some(lease),
    }
}

fn nothing() -> Seen {
    Seen {
        revision: 0,
        lease: None,
    }
}

/// A candidate that took the first lease at `now`.
fn leading(now: Instant) -> Candidate {
    let mut candidate = Candidate::new(host("a"), 0);
    candidate.observe(nothing(), now);
    let Step::Write { lease, over: 0 } = candidate.decide(now) else {
        panic!("the lease is free")
    };
    candidate.written(lease, 1, now);
    candidate
}

#[test]
fn nothing_is_taken_that_was_not_looked_at() {
    assert_eq!(
        Candidate::new(host("a"), 0).decide(Instant::now()),
        Step::Wait
    );
}

#[test]
fn the_first_candidate_takes_a_lease_that_never_was() {
    assert_eq!(leading(Instant::now()).leads(), Some(taken(0).epoch));
}

#[test]
fn a_lease_that_changes_is_left_alone_and_one_that_does_not_is_taken() {
    let begin = Instant::now();
    let mut candidate = Candidate::new(host("a"), 0);
    candidate.observe(seen(5, lease("b", 3)), begin);
    assert_eq!(
        candidate.decide(begin + TTL - Duration::from_millis(1)),
        Step::Wait
    );
    let renewed = lease("b", 3).renewed();
    candidate.observe(seen(6, renewed.clone()), begin + TTL);
    assert_eq!(candidate.decide(begin + TTL), Step::Wait);
    // Seen again, by another way: that is no sign of life.
    candidate.observe(seen(6, renewed), begin + TTL + TTL / 2);
    assert_eq!(
        candidate.decide(begin + TTL * 2),
        Step::Write {
            lease: taken(3),
            over: 6
        },
        "with the next epoch"
    );
}

#[test]
fn a_lease_that_was_released_is_free_at_once() {
    let now = Instant::now();
    let (released, over) = leading(now).release().unwrap();
    assert_eq!(over, 1);
    let mut other = Candidate::new(host("b"), 0);
    other.observe(seen(2, released), now);
    assert_eq!(
        other.decide(now),
        Step::Write {
            lease: lease("b", epoch_after(taken(0).epoch, &host("b"))),
            over: 2
        }
    );
}

#[test]
fn the_holder_renews_and_keeps_its_epoch() {
    let begin = Instant::now();
    let mut leader = leading(begin);
    assert_eq!(leader.decide(begin + RENEW_EVERY / 2), Step::Wait);
    let Step::Write { lease, over: 1 } = leader.decide(begin + RENEW_EVERY) else {
        panic!("it is time to renew")
    };
    assert_eq!((lease.epoch, lease.renewals), (taken(0).epoch, 1));
    leader.written(lease.clone(), 2, begin + RENEW_EVERY);
    // Its own write comes back by the watch.
    leader.observe(seen(2, lease), begin + RENEW_EVERY);
    assert_eq!(leader.leads(), Some(taken(0).epoch));
}

#[test]
fn its_own_renewal_seen_before_it_is_confirmed_deposes_nobody() {
    let begin = Instant::now();
    let mut leader = leading(begin);
    let Step::Write { lease, .. } = leader.decide(begin + RENEW_EVERY) else {
        panic!("renew")
    };
    leader.observe(seen(2, lease), begin + RENEW_EVERY);
    assert_eq!(leader.leads(), Some(taken(0).epoch));
}

#[test]
fn a_leader_that_can_not_renew_resigns_in_time() {
    let begin = Instant::now();
    let leader = leading(begin);
    assert_eq!(leader.decide(begin + TTL), Step::Resign);
}

#[test]
fn a_leader_that_sees_another_leads_no_more() {
    let begin = Instant::now();
    let mut leader = leading(begin);
    leader.observe(seen(9, lease("b", taken(0).epoch + 1)), begin);
    assert_eq!(leader.leads(), None);
    assert_eq!(leader.decide(begin + TTL / 2), Step::Wait);
    assert!(leader.release().is_none());
}

#[test]
fn a_conflict_deposes_and_asks_to_look_again() {
    let begin = Instant::now();
    let mut leader = leading(begin);
    leader.conflicted();
    assert_eq!(
        (leader.leads(), leader.decide(begin + TTL * 9)),
        (None, Step::Wait)
    );
}

#[test]
fn after_a_wiped_or_older_store_the_epoch_still_grows() {
    let now = Instant::now();
    let mut candidate = Candidate::new(host("a"), 41);
    candidate.observe(nothing(), now);
    assert_eq!(
        candidate.decide(now),
        Step::Write {
            lease: taken(41),
            over: 0
        }
    );
    candidate.observe(seen(3, lease("b", 2)), now);
    assert_eq!(
        candidate.decide(now),
        Step::Write {
            lease: taken(41),
            over: 3
        }
    );
}

#[test]
fn a_lease_that_can_not_be_read_is_waited_for_and_then_taken() {
    let begin = Instant::now();
    let mut candidate = Candidate::new(host("a"), 7);
    candidate.observe(
        Seen {
            revision: 4,
            lease: None,
        },
        begin,
    );
    assert_eq!(candidate.decide(begin), Step::Wait);
    assert_eq!(
        candidate.decide(begin + TTL),
        Step::Write {
            lease: taken(7),
            over: 4
        }
    );
}

#[test]
fn a_damaged_time_does_not_leave_a_lattice_without_a_leader() {
    let begin = Instant::now();
    let mut candidate = Candidate::new(host("a"), 0);
    let forever = Lease {
        ttl_ms: u64::MAX,
        ..lease("b", 1)
    };
    candidate.observe(seen(4, forever), begin);
    assert!(matches!(
        candidate.decide(begin + TTL_MAX),
        Step::Write { over: 4, .. }
    ));
}

#[test]
fn a_renewal_of_which_the_confirmation_was_lost_is_found_by_looking_and_deposes_nobody() {
    let begin = Instant::now();
    let mut leader = leading(begin);
    let Step::Write { lease, .. } = leader.decide(begin + RENEW_EVERY) else {
        panic!("renew")
    };
    // It was written at revision 2, which nobody told; the next one met a conflict.
    leader.lost_sight();
    assert!(leader.is_blind());
    leader.observe(seen(2, lease.clone()), begin + RENEW_EVERY * 2);
    assert_eq!(
        leader.decide(begin + RENEW_EVERY * 2),
        Step::Write {
            lease: lease.renewed(),
            over: 2
        }
    );
    assert_eq!(
        leader.leads_until(),
        Some(begin + TTL),
        "that prolongs nothing"
    );
}

#[test]
fn a_conflict_with_a_store_that_lost_the_lease_deposes() {
    let begin = Instant::now();
    let mut leader = leading(begin);
    leader.lost_sight();
    leader.observe(nothing(), begin);
    assert_eq!(leader.leads(), None);
}

#[test]
fn another_lease_at_the_same_revision_of_a_store_made_anew_is_seen() {
    let begin = Instant::now();
    let mut candidate = Candidate::new(host("a"), 0);
    candidate.observe(seen(5, lease("b", 3)), begin);
    candidate.observe(seen(5, lease("c", 9)), begin + TTL / 2);
    assert_eq!(candidate.decide(begin + TTL), Step::Wait);
}

#[test]
fn a_lease_of_its_own_from_an_earlier_life_is_taken_over_at_once() {
    let now = Instant::now();
    let mut candidate = Candidate::new(host("a"), 3);
    candidate.observe(seen(5, lease("a", 3)), now);
    assert_eq!(
        candidate.decide(now),
        Step::Write {
            lease: taken(3),
            over: 5
        }
    );
}

#[test]
fn a_confirmation_that_comes_after_another_host_wrote_makes_no_leader() {
    let begin = Instant::now();
    let mut candidate = Candidate::new(host("a"), 0);
    candidate.observe(nothing(), begin);
    candidate.observe(seen(9, lease("b", taken(0).epoch + 1)), begin);
    candidate.written(taken(0), 2, begin);
    assert_eq!(candidate.leads(), None);
}
