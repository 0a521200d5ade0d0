//! A callee that is not ours, frame by frame: what a caller does with answers that no callee of ours gives.

use async_nats::{HeaderMap, Message, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt as _;
use lattice_client::{Client, Reply};
use lattice_protocol::error::{CallError, ErrorCode};
use tokio::task::JoinHandle;

use super::*;

/// A plain client that answers `echo.echo`.
struct Hand {
    _nats: Nats,
    caller: Client,
    plain: async_nats::Client,
    calls: Subscriber,
}

/// One end of a channel: where its frames come to.
struct End {
    subject: String,
    frames: Subscriber,
}

impl Hand {
    async fn start() -> Self {
        let nats = Nats::start().await;
        let (caller, plain) = (connect(&nats.url()).await, nats.plain_client().await);
        let calls = plain
            .subscribe("lattice.default.call.echo.echo")
            .await
            .unwrap();
        // An answer from the server means that it has the subscription.
        let inbox = plain.new_inbox();
        let mut answer = plain.subscribe(inbox.clone()).await.unwrap();
        plain.publish(inbox, Bytes::new()).await.unwrap();
        answer.next().await.unwrap();
        Self {
            _nats: nats,
            caller,
            plain,
            calls,
        }
    }

    /// Makes a call that may stand still for so long; answers it, and the subject of its caller's end.
    async fn called(
        &mut self,
        remaining: Duration,
    ) -> (JoinHandle<Result<Reply, CallError>>, async_nats::Subject) {
        let call = Call {
            target: "echo".parse().unwrap(),
            endpoint: "echo".parse().unwrap(),
            context: Context {
                remaining,
                ..Context::default()
            },
            payload: Bytes::new(),
            streams: Streams::default(),
        };
        let caller = self.caller.clone();
        let call = tokio::spawn(async move { caller.call(call).await });
        (call, self.calls.next().await.unwrap().reply.unwrap())
    }

    async fn end(&self) -> End {
        let subject = self.plain.new_inbox();
        let frames = self.plain.subscribe(subject.clone()).await.unwrap();
        End { subject, frames }
    }

    async fn send(&self, from: &End, to: &async_nats::Subject, frame: &str, payload: &'static str) {
        let mut headers = HeaderMap::new();
        headers.insert("Lattice-Frame", frame);
        let (to, from) = (to.clone(), from.subject.clone());
        self.plain
            .publish_with_reply_and_headers(to, from, headers, payload.into())
            .await
            .unwrap();
    }
}

impl End {
    /// The next frame that comes and says anything, without its number.
    async fn next(&mut self) -> String {
        loop {
            match self.next_of_any_kind().await {
                silence if silence == "here" => {}
                frame => return frame,
            }
        }
    }

    async fn next_of_any_kind(&mut self) -> String {
        let frame: Message = self.frames.next().await.unwrap();
        let headers = frame.headers.unwrap();
        let text = headers.get("Lattice-Frame").unwrap().as_str();
        text.split_once(' ').unwrap().1.to_owned()
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answers_of_two_who_got_the_same_request_are_never_mixed() {
    let mut hand = Hand::start().await;
    let (call, caller) = hand.called(HOUR).await;
    let (one, other) = (hand.end().await, hand.end().await);
    hand.send(&one, &caller, "0 open 1 0", "").await;
    hand.send(&other, &caller, "0 open 1 0", "").await;
    hand.send(&other, &caller, "1 data 1", "of the other").await;
    hand.send(&one, &caller, "1 data 1", "of the one").await;
    hand.send(&other, &caller, "2 end 1", "").await;
    hand.send(&one, &caller, "2 data 1", ", whole").await;
    hand.send(&one, &caller, "3 end 1", "").await;
    let mut reply = call.await.unwrap().unwrap();
    let (bytes, _) = drain(reply.streams.remove(0)).await.unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap(), "of the one, whole");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callee_hears_at_once_that_its_callers_end_broke() {
    let mut hand = Hand::start().await;
    let (call, caller) = hand.called(HOUR).await;
    let mut end = hand.end().await;
    hand.send(&end, &caller, "0 open 1 0", "").await;
    let mut reply = call.await.unwrap().unwrap();
    // Number 1 is lost.
    hand.send(&end, &caller, "2 end 1", "").await;
    let error = drain(reply.streams.remove(0)).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unavailable, "{error}");
    assert_eq!(end.next().await, "cancel");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callee_whose_first_frame_is_out_of_turn_hears_that_it_is_not_wanted() {
    let mut hand = Hand::start().await;
    let (call, caller) = hand.called(HOUR).await;
    let mut end = hand.end().await;
    hand.send(&end, &caller, "1 open 1 0", "").await;
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.code, ErrorCode::Unavailable, "{error}");
    assert_eq!(end.next().await, "cancel");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_took_little_says_so_while_it_waits_for_more() {
    let mut hand = Hand::start().await;
    let (call, caller) = hand.called(Duration::from_secs(8)).await;
    let mut end = hand.end().await;
    hand.send(&end, &caller, "0 open 1 0", "").await;
    hand.send(&end, &caller, "1 data 1", "a little").await;
    let mut reply = call.await.unwrap().unwrap();
    let piece = reply.streams[0].next().await.unwrap().unwrap();
    assert_eq!(piece, "a little");
    // Nothing more is read, and nothing more comes.
    assert_eq!(end.next().await, "credit 1 1024");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_has_sent_more_than_came_breaks_the_channel() {
    let mut hand = Hand::start().await;
    let (call, caller) = hand.called(HOUR).await;
    let mut end = hand.end().await;
    hand.send(&end, &caller, "0 open 1 0", "").await;
    let mut reply = call.await.unwrap().unwrap();
    hand.send(&end, &caller, "1 here", "").await;
    hand.send(&end, &caller, "1 data 1", "a piece").await;
    let piece = reply.streams[0].next().await.unwrap().unwrap();
    assert_eq!(piece, "a piece");
    // Number 2 is lost.
    hand.send(&end, &caller, "3 here", "").await;
    let error = drain(reply.streams.remove(0)).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unavailable, "{error}");
    assert_eq!(end.next().await, "cancel");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_missed_the_last_word_hears_that_the_channel_is_over() {
    let mut hand = Hand::start().await;
    let (call, caller) = hand.called(HOUR).await;
    let mut end = hand.end().await;
    hand.send(&end, &caller, "0 open 0 0", "").await;
    call.await.unwrap().unwrap();
    eventually("the channel is over", async || {
        hand.send(&end, &caller, "1 here", "").await;
        let told: Message = end.frames.next().await.unwrap();
        let headers = told.headers.unwrap();
        match headers.get("Lattice-Error") {
            Some(code) if code.as_str() == "unavailable" => Ok(()),
            other => Err(other.cloned()),
        }
    })
    .await;
}
