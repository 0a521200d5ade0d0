//! A call of a function that takes or gives streams: answered when it returns, over when they are.
//!
//! A caller that takes no streams gets all of them in the result, and may give all of one in its place.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all, pending};
use lattice_client::Reply;
use lattice_client::stream::{Progress, Watch};
use lattice_protocol::codec::{Arguments, Encoding};
use lattice_protocol::error::{CallError, ErrorCode};
use tokio::sync::oneshot;
use wasmtime::component::ComponentExportIndex;

use super::call::{Outcome, Running, bad_request, encode};
use super::gather;
use super::instance::{self, Ended, Flow, Flowing, Work};
use super::left::Left;
use crate::wire::Export;
use crate::wire::flow::Valve;

/// How long a guest may go on by itself when its caller has given up what it reads: time to hear of it
/// and to put things in order.
const GIVEN_UP_GRACE: Duration = Duration::from_secs(1);

/// The call in its instance; dropped, it is given up.
type Going = BoxFuture<'static, Result<Vec<u8>, Ended>>;

impl Running<'_> {
    pub(super) async fn flowing(
        &self,
        index: &ComponentExportIndex,
        export: &Export,
        encoding: Encoding,
        progress: Progress,
    ) -> Result<Outcome, CallError> {
        let signature = export.signature();
        let payload = encoding.decode(&self.call.payload).map_err(bad_request)?;
        let arguments =
            Arguments::new(&payload, encoding, signature.parameters()).map_err(bad_request)?;
        let streams = self.call.streams.clone();
        signature.check(&arguments).map_err(bad_request)?;
        signature
            .check_streams(&arguments, streams.len())
            .map_err(bad_request)?;
        let (head, answered) = oneshot::channel();
        let flowing = Flowing {
            index: *index,
            export: export.clone(),
            payload: Bytes::from(payload.into_owned()),
            source: encoding,
            streams,
            progress,
            head,
        };
        let mut going = self.begin(flowing);
        let (result, flows) = tokio::select! {
            biased;
            Ok(head) = answered => head,
            ended = &mut going => return Err(self.unanswered(ended)),
        };
        // JSON has no word for a stream.
        if encoding == Encoding::MessagePack && self.takes_streams {
            return Ok(self.answered(result, flows, going));
        }
        let (result, going) = self.gathered(result, flows, going).await?;
        let result = encode(encoding, result)?;
        Ok(self.answered(result, Vec::new(), going))
    }

    fn begin(&self, flowing: Flowing) -> Going {
        let (errand, _) = self.errand();
        let ticket = self.revision.instances.requests().begin(instance::Call {
            work: Work::Flowing(Box::new(flowing)),
            errand,
        });
        Box::pin(ticket.answer())
    }

    fn unanswered(&self, ended: Result<Vec<u8>, Ended>) -> CallError {
        match ended {
            Err(ended) => self.ended(ended),
            Ok(_) => CallError::begun(
                ErrorCode::Internal,
                format!("{} ended without an answer", self.call.endpoint),
            ),
        }
    }

    /// The result with all that its streams carry in it, and what is left of the call.
    async fn gathered(
        &self,
        result: Vec<u8>,
        flows: Vec<Flow>,
        mut going: Going,
    ) -> Result<(Vec<u8>, Going), CallError> {
        let mut ended = None;
        let whole = {
            let gathering = gather::whole(result, flows, self.payload_bytes_max());
            tokio::pin!(gathering);
            tokio::select! {
                biased;
                end = &mut going => match end {
                    Ok(end) => {
                        ended = Some(end);
                        gathering.await?
                    }
                    Err(end) => return Err(self.ended(end)),
                },
                whole = &mut gathering => whole?,
            }
        };
        let going = match ended {
            Some(end) => Box::pin(std::future::ready(Ok(end))),
            None => going,
        };
        Ok((whole, going))
    }

    fn answered(&self, result: Vec<u8>, flows: Vec<Flow>, going: Going) -> Outcome {
        let mut streams = Vec::with_capacity(flows.len());
        let mut hands = Vec::with_capacity(flows.len());
        for flow in flows {
            streams.push(flow.reader);
            hands.push((flow.valve, flow.watch));
        }
        Outcome {
            reply: Reply {
                payload: result.into(),
                streams,
            },
            rest: Some(Box::pin(finish(self.left(), going, hands))),
        }
    }
}

/// Waits until the call is over; when it ends otherwise, whoever reads its streams hears why.
async fn finish(left: Left, mut going: Going, hands: Vec<(Valve, Watch)>) {
    let (valves, watches): (Vec<_>, Vec<_>) = hands.into_iter().unzip();
    let error = tokio::select! {
        biased;
        ended = &mut going => match ended {
            Ok(_) => return,
            Err(ended) => left.running().ended(ended),
        },
        () = left.deadline.passed() => left.running().out_of_time(),
        () = given_up(watches) => return,
    };
    for valve in valves {
        valve.fail(error.clone());
    }
}

/// Returns when nobody reads any stream of the result any more, one of them before its end, and the
/// guest has had its time to hear of it.
async fn given_up(watches: Vec<Watch>) {
    let over = |mut watch: Watch| async move { watch.given_up().await };
    match join_all(watches.into_iter().map(over))
        .await
        .contains(&true)
    {
        true => tokio::time::sleep(GIVEN_UP_GRACE).await,
        false => pending().await,
    }
}
