use super::*;

fn slot(door: &Admission) -> Slot {
    match door.enter() {
        Entry::Slot(slot) => slot,
        _ => panic!("no slot"),
    }
}

fn waiting(door: &Admission) -> Waiting {
    match door.enter() {
        Entry::Waiting(waiting) => waiting,
        _ => panic!("not in the queue"),
    }
}

#[tokio::test]
async fn calls_past_slots_and_queue_are_refused_and_room_comes_back() {
    let door = Admission::new(1, 1);
    let first = slot(&door);
    let second = waiting(&door);
    assert!(matches!(door.enter(), Entry::Full));
    assert_eq!(
        door.load(),
        Load {
            slots: 1,
            busy: 1,
            waiting: 1
        }
    );
    drop(first);
    let second = second.slot().await.unwrap();
    drop(second);
    assert_eq!(
        door.load(),
        Load {
            slots: 1,
            busy: 0,
            waiting: 0
        }
    );
    drop(slot(&door));
}

#[tokio::test]
async fn whoever_leaves_the_queue_keeps_nothing() {
    let door = Admission::new(1, 2);
    let first = slot(&door);
    let gone = waiting(&door);
    let patient = waiting(&door);
    drop(gone);
    // The place of who left is free for another.
    let third = waiting(&door);
    drop(first);
    let patient = patient.slot().await.unwrap();
    assert_eq!(door.load().busy, 1);
    drop(patient);
    drop(third.slot().await.unwrap());
    assert_eq!(door.load().busy, 0);
}

#[tokio::test]
async fn a_slot_that_nobody_picks_up_is_given_on() {
    let door = Admission::new(1, 2);
    let first = slot(&door);
    let unheard = waiting(&door);
    let next = waiting(&door);
    drop(first);
    // The first in the queue was handed the slot and goes away before it looks.
    drop(unheard);
    drop(next.slot().await.unwrap());
    assert_eq!(door.load().busy, 0);
}

#[tokio::test]
async fn growing_lets_the_queue_in_and_shrinking_lets_the_busy_finish() {
    let door = Admission::new(1, 4);
    let first = slot(&door);
    let second = waiting(&door);
    door.resize(2);
    let second = second.slot().await.unwrap();
    door.resize(1);
    let third = waiting(&door);
    drop(first);
    assert_eq!(
        door.load(),
        Load {
            slots: 1,
            busy: 1,
            waiting: 1
        }
    );
    drop(second);
    drop(third.slot().await.unwrap());
}

#[tokio::test]
async fn a_stopped_actor_takes_nobody_in() {
    let door = Admission::new(0, 4);
    assert!(matches!(door.enter(), Entry::Full));
}

#[tokio::test]
async fn idle_waits_for_the_last_call() {
    let door = Admission::new(2, 0);
    door.idle().await;
    let (first, second) = (slot(&door), slot(&door));
    let mut idle = std::pin::pin!(door.idle());
    assert!(futures_util::poll!(&mut idle).is_pending());
    drop(first);
    assert!(futures_util::poll!(&mut idle).is_pending());
    drop(second);
    idle.await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_call_that_comes_as_another_ends_never_waits_beside_an_idle_actor() {
    let door = Admission::new(1, 8);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let door = door.clone();
        calls.spawn(async move {
            for _ in 0..20_000 {
                let slot = match door.enter() {
                    Entry::Slot(slot) => slot,
                    Entry::Waiting(waiting) => waiting.slot().await.unwrap(),
                    Entry::Full => panic!("four callers fill no queue of eight"),
                };
                drop(slot);
            }
        });
    }
    // A slot that was nobody's would leave its caller waiting, and this with it.
    while let Some(call) = calls.join_next().await {
        call.unwrap();
    }
    door.idle().await;
}

#[tokio::test]
async fn a_revision_that_takes_over_has_only_the_room_that_the_one_before_leaves() {
    let old = Admission::new(2, 1);
    let (first, _second) = (slot(&old), slot(&old));
    let waits = waiting(&old);
    let new = old.another();
    assert!(matches!(new.enter(), Entry::Full));
    // It declares more of both.
    new.resize(3);
    new.queue(2);
    let waits = waits.slot().await.unwrap();
    let of_new = waiting(&new);
    assert_eq!((new.load().busy, new.load().waiting), (3, 1));
    drop(first);
    let of_new = of_new.slot().await.unwrap();
    assert_eq!(old.load(), new.load());
    drop((waits, of_new));
    assert_eq!(new.load().busy, 1);
}

#[tokio::test]
async fn a_revision_is_idle_when_its_own_calls_have_ended() {
    let old = Admission::new(1, 2);
    let first = slot(&old);
    let waits = waiting(&old);
    let new = old.another();
    let of_new = waiting(&new);
    let mut idle = std::pin::pin!(old.idle());
    assert!(futures_util::poll!(&mut idle).is_pending());
    drop(first);
    let waits = waits.slot().await.unwrap();
    assert!(futures_util::poll!(&mut idle).is_pending());
    drop(waits);
    idle.await;
    let of_new = of_new.slot().await.unwrap();
    assert_eq!(new.load().busy, 1);
    drop(of_new);
    new.idle().await;
}
