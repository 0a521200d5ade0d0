//! The reconciler in a made-up world: hosts, a store and a network without NATS, threads or a clock.
//!
//! Everything that decides is the real thing: [`Campaign`](super::campaign::Campaign),
//! [`Term`](super::term::Term), [`Duty`](super::duty::Duty) and [`View`](crate::peers::View). What is
//! made up is what carries it out: messages that are late, lost, doubled or out of order, hosts that
//! are killed, frozen, cut off, or whose clock jumps, a store that is away, wiped or set back. All of
//! it follows from one seed. A seed that fails is printed; `LATTICE_SIM_SEED=N` runs that one alone,
//! `LATTICE_SIM_SEEDS=N` runs more than the usual number.
//!
//! - [`world`]: time and what happens in it; [`store`], [`node`], [`link`]: its parts;
//! - [`drive`], [`lead`]: what the tasks of a host do around the deciders;
//! - [`deed`]: what operators and faults do, one by one; [`story`]: in a row; [`apps`]: what is declared;
//! - [`invariant`]: what must hold, one file each.

mod apps;
mod deed;
mod drive;
mod invariant;
mod lead;
mod link;
mod node;
mod store;
mod story;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use story::moves;
use world::World;

/// Seeds of each story that a test runs: a few seconds.
const SEEDS: u64 = 60;
/// Those of stories in which little is left to chance.
const SEEDS_FEW: u64 = 12;

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().expect("the variable is a number"))
}

/// Runs a story under many seeds, or under the one that is asked for.
fn under_seeds(count: u64, story: fn(&mut World)) {
    let seeds = match number("LATTICE_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("LATTICE_SIM_SEEDS").unwrap_or(count),
    };
    for seed in seeds {
        let run = AssertUnwindSafe(|| story(&mut World::new(seed)));
        if let Err(panic) = catch_unwind(run) {
            eprintln!("seed {seed} fails; to see it again: LATTICE_SIM_SEED={seed}");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn through_every_fault_the_lattice_keeps_its_promises_and_settles_as_declared() {
    under_seeds(SEEDS, story::storm);
}

#[test]
fn through_a_store_that_is_wiped_set_back_or_away_nothing_stops_and_all_settles() {
    under_seeds(SEEDS, story::broken_store);
}

#[test]
fn through_stores_that_count_alike_no_host_follows_an_older_leader_and_all_settles() {
    under_seeds(SEEDS, story::stores_alike);
}

#[test]
fn updates_scaling_and_hosts_that_come_and_go_never_leave_an_actor_without_a_server() {
    under_seeds(SEEDS, story::calm);
}

#[test]
fn what_moves_to_other_hosts_is_served_all_the_while() {
    under_seeds(SEEDS, moves::anywhere);
}

#[test]
fn what_moves_between_hosts_of_different_versions_is_served_all_the_while() {
    under_seeds(SEEDS_FEW, moves::among_versions);
}

#[test]
fn what_moves_to_and_fro_quicker_than_hosts_speak_is_served_all_the_while() {
    under_seeds(SEEDS_FEW, moves::to_and_fro);
}

#[test]
fn what_others_serve_is_let_go_at_their_next_word() {
    under_seeds(SEEDS_FEW, moves::at_once);
}

#[test]
fn what_waits_for_hosts_that_fail_or_say_nothing_is_let_go_only_once_somebody_serves_it() {
    under_seeds(SEEDS_FEW, moves::to_who_ails);
}

#[test]
fn heartbeats_that_are_lost_or_out_of_order_are_never_taken_for_what_does_not_run() {
    under_seeds(SEEDS, moves::confused);
}

#[test]
fn a_leader_that_leaves_is_followed_at_once() {
    under_seeds(SEEDS, story::leader_leaves);
}

#[test]
fn a_killed_or_frozen_host_is_made_up_for_within_five_seconds() {
    under_seeds(SEEDS, story::one_host_lost);
}

#[test]
fn a_leader_that_thaws_writes_nothing_and_its_host_takes_its_place_again() {
    under_seeds(SEEDS, story::frozen_leader);
}

#[test]
fn what_cannot_start_is_taken_back_once_and_never_replaces_what_runs_whoever_is_lost() {
    under_seeds(SEEDS, story::refusals);
}

#[test]
fn the_assignment_of_a_host_that_stays_away_is_collected() {
    under_seeds(4, story::gone_for_good);
}

#[test]
fn a_seed_tells_the_same_story_twice() {
    let tell = || {
        let mut world = World::new(7);
        story::storm(&mut world);
        world.log_digest()
    };
    assert_eq!(tell(), tell());
}
