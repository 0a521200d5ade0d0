use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::watched::Watched;

const TIMEOUT: Duration = Duration::from_secs(4);

fn activity() -> Arc<Activity> {
    Arc::new(Activity::new())
}

async fn is_idle_within(activity: &Activity, time: Duration) -> bool {
    let idle = activity.idle(TIMEOUT);
    tokio::time::timeout(time, idle).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn a_connection_with_a_request_at_its_actor_is_not_idle() {
    let activity = activity();
    let mut exchange = activity.begin(None);
    assert!(!is_idle_within(&activity, TIMEOUT * 20).await);
    exchange.answered();
    assert!(is_idle_within(&activity, TIMEOUT * 2).await);
    exchange.wait_for_actor();
    assert!(!is_idle_within(&activity, TIMEOUT * 20).await);
    drop(exchange);
    assert!(is_idle_within(&activity, TIMEOUT * 2).await);
}

async fn read_at(bytes_per_s: u64) -> Over {
    let activity = activity();
    let (near, mut far) = tokio::io::duplex(1);
    let mut near = Watched::new(near, activity.clone());
    let _exchange = {
        let mut exchange = activity.begin(None);
        exchange.answered();
        exchange
    };
    let reading = async {
        for _ in 0..60 * bytes_per_s {
            tokio::time::sleep(Duration::from_secs(1) / bytes_per_s as u32).await;
            far.read_u8().await.unwrap();
        }
    };
    let writing = async { while near.write_all(&[0; 64]).await.is_ok() {} };
    tokio::select! {
        over = activity.too_slow(TIMEOUT, TIMEOUT) => over,
        () = writing => Over::Flooded,
        () = reading => Over::Flooded,
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_at_the_least_pace_is_served_and_a_slower_one_is_not() {
    assert_eq!(read_at(RATE_MIN * 2).await, Over::Flooded);
    assert_eq!(read_at(RATE_MIN / 2).await, Over::Idle);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_takes_too_long_is_over_and_one_that_came_is_not() {
    let activity = activity();
    let head = Duration::from_secs(1);
    activity.read_of_head();
    assert_eq!(activity.too_slow(TIMEOUT, head).await, Over::SlowHead);
    let mut exchange = activity.begin(None);
    activity.read_of_head();
    let over = tokio::time::timeout(TIMEOUT * 20, activity.too_slow(TIMEOUT, head)).await;
    assert!(over.is_err(), "bytes of a body are no head");
    exchange.answered();
    drop(exchange);
    assert_eq!(activity.too_slow(TIMEOUT, head).await, Over::Idle);
    activity.read_of_head();
    activity.no_head();
    assert_eq!(activity.too_slow(TIMEOUT, head).await, Over::Idle);
}

#[tokio::test(start_paused = true)]
async fn taking_back_most_of_many_requests_is_a_flood() {
    let activity = activity();
    let flooded = async || {
        tokio::time::timeout(TIMEOUT, activity.flooded.notified())
            .await
            .is_ok()
    };
    for _ in 0..=TAKEN_BACK_MAX {
        activity.begin(None).answered();
    }
    for _ in 0..TAKEN_BACK_MAX {
        drop(activity.begin(None));
    }
    assert!(!flooded().await);
    for _ in 0..2 {
        drop(activity.begin(None));
    }
    assert!(flooded().await);
}
