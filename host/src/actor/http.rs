//! A call of `wasi:http/incoming-handler.handle`, or `wasi:http/handler.handle`: a request, until its
//! response is whole or sent on.

use lattice_client::Reply;
use lattice_client::stream::Progress;
use lattice_protocol::codec::Encoding;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::standard::http::{Request, Response};

use super::call::{Outcome, Running, bad_request};
use super::left::Left;
use super::log::Tail;
use crate::capability::http::{Answer, Asked, Cut, Fault, Handler, Rest, Room};

impl Running<'_> {
    pub(super) async fn http(
        &self,
        encoding: Encoding,
        progress: Progress,
    ) -> Result<Outcome, CallError> {
        let Some(handler) = &self.revision.http else {
            let message = "the actor serves no HTTP";
            return Err(CallError::refused(ErrorCode::NotFound, message));
        };
        let request: Request = encoding.read(&self.call.payload).map_err(bad_request)?;
        let asked = Asked {
            request,
            streams: self.call.streams.clone(),
            // JSON has no word for a stream.
            takes_streams: self.takes_streams && encoding == Encoding::MessagePack,
            body_bytes_max: self.payload_bytes_max(),
            room: Room::of(self.revision.limits()),
            progress,
        };
        let (answer, tail) = match handler {
            Handler::Incoming(handler) => {
                let (instance, tail) = self.instance().await?;
                (handler.handle(instance, asked).await, tail)
            }
            Handler::Service(handler) => {
                let (errand, tail) = self.errand();
                let instances = self.revision.instances.requests();
                (handler.handle(instances, errand, asked).await, tail)
            }
        };
        match answer.map_err(|fault| self.http_failed(fault, &tail))? {
            Answer::Ended(response, instance) => {
                if let Some(instance) = instance {
                    self.revision.instances.give_back(instance);
                }
                let payload = written(encoding, &response)?.into();
                Ok(Outcome::whole(payload))
            }
            Answer::Begun(response, reader, rest) => {
                let reply = Reply {
                    payload: written(encoding, &response)?.into(),
                    streams: reader.into_iter().collect(),
                };
                Ok(Outcome {
                    reply,
                    rest: Some(Box::pin(finish(self.left(), rest, tail))),
                })
            }
        }
    }

    fn http_failed(&self, fault: Fault, tail: &Tail) -> CallError {
        match fault {
            Fault::BadRequest(reason) => CallError::refused(ErrorCode::BadRequest, reason),
            Fault::Trap(error) => self.trapped(&error, tail.panic()),
            Fault::Ended(ended) => self.ended(ended),
            fault @ Fault::TooLarge(_) => CallError::begun(ErrorCode::TooLarge, fault.to_string()),
            fault => CallError::begun(ErrorCode::Trapped, fault.to_string()),
        }
    }
}

async fn finish(left: Left, rest: Box<Rest>, tail: Tail) {
    let (writer, error) = match rest.finish(&left.deadline).await {
        Ok(Some(instance)) => return left.revision.instances.give_back(instance),
        Ok(None) | Err(Cut::Unwanted) => return,
        Err(Cut::Failed(fault, writer)) => (writer, left.running().http_failed(fault, &tail)),
        Err(Cut::Late(writer)) => (writer, left.running().out_of_time()),
    };
    if let Some(writer) = writer {
        writer.fail(error);
    }
}

fn written(encoding: Encoding, response: &Response) -> Result<Vec<u8>, CallError> {
    let written = match encoding {
        Encoding::Json => serde_json::to_vec(response).map_err(|error| error.to_string()),
        Encoding::MessagePack => rmp_serde::to_vec_named(response).map_err(|e| e.to_string()),
    };
    written.map_err(|error| CallError::begun(ErrorCode::Internal, error))
}
