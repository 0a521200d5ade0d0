//! The caller's end.

mod begin;

use std::time::Duration;

use async_nats::{HeaderMap, Message, StatusCode};
use bytes::Bytes;
use lattice_protocol::error::{CallError, ErrorCode};
use lattice_protocol::frame::{Event, PAYLOAD};
use lattice_protocol::id::{CallId, TargetName};
use tokio::sync::oneshot;

use super::awaited::{Answer, Awaited};
use crate::call::{Heard, REPLY_GRACE, heard, plain_reply};
use crate::cancel;
use crate::stream::faults::{abandonment, closed, lost, never, silent, unwanted};
use crate::stream::gather::Gather;
use crate::stream::pump::{Pump, Step, frame_of};
use crate::stream::streams::Streams;

/// The caller's end of a channel, until it has its reply and every stream is closed.
pub(crate) struct Asking {
    pump: Pump,
    target: TargetName,
    id: CallId,
    /// The streams of the call, until the callee wants them.
    streams: Streams,
    reply: Awaited,
}

/// Whether a channel goes on.
enum Next {
    Go,
    Over,
}

impl Asking {
    /// Goes on in a task of its own; whoever drops the answer's future cancels the call.
    async fn spawn(
        self,
        answer: oneshot::Receiver<Answer>,
        gone: impl Future<Output = ()> + Send + 'static,
    ) -> Answer {
        tokio::spawn(self.run(gone));
        answer.await.unwrap_or_else(|_| unheard())
    }

    /// Goes on until all is over, or the callee's process is known to be gone.
    async fn run(mut self, gone: impl Future<Output = ()> + Send + 'static) {
        let target = self.target.clone();
        let ended = tokio::select! {
            biased;
            ended = self.until_over() => ended,
            () = gone => {
                let message = format!("the host that served {target} is gone");
                Err(CallError::begun(ErrorCode::Unavailable, message))
            }
        };
        let Err(error) = ended else {
            return;
        };
        // Those here first: without a connection, a word to the callee waits for one.
        self.pump.break_off(&error);
        let heard = match (&self.pump.peer, self.pump.client.is_connected()) {
            (Some(_), _) => Heard::Answer,
            (None, true) => Heard::Nothing,
            (None, false) => Heard::Unknown,
        };
        self.reply.settle(heard, Err(error.clone()));
        self.leave(&error).await;
    }

    /// Tells the callee that nobody is here any more: it need not find out by silence. Where silence is
    /// the reason, it has found out.
    async fn leave(&mut self, error: &CallError) {
        let gone_away = error.code == ErrorCode::Cancelled;
        if self.pump.peer.is_none() {
            if gone_away {
                cancel::tell(&self.pump.client, &self.target, self.id).await;
            }
            return;
        }
        let told = gone_away || self.pump.fail_outgoing(error).await.is_ok();
        if told && error.code != ErrorCode::Deadline {
            let frame = self.pump.machine.cancel();
            let _ = self.pump.send(frame, HeaderMap::new(), Bytes::new()).await;
        }
    }

    async fn until_over(&mut self) -> Result<(), CallError> {
        loop {
            let patience = self.patience();
            let progress = self.pump.progress.clone();
            let step = tokio::select! {
                biased;
                step = self.pump.step() => step,
                () = progress.silence(patience) => return Err(silent(self.pump.patience)),
                () = self.reply.abandoned() => return Err(abandonment()),
            };
            let next = match step {
                Step::Message(message) => self.message(message).await?,
                Step::Disconnected => return Err(closed()),
                Step::Piece(stream, piece) => {
                    self.pump.send_piece(stream, piece).await?;
                    Next::Go
                }
                Step::Taken(stream, taken) => {
                    self.pump.grant(stream, taken).await?;
                    Next::Go
                }
                Step::Unwanted(stream) => {
                    self.pump.stop(stream).await?;
                    Next::Go
                }
                Step::Silence => {
                    self.pump.nudge().await?;
                    Next::Go
                }
            };
            if matches!(next, Next::Over) || self.pump.machine.is_over() {
                return Ok(());
            }
        }
    }

    /// A callee ends the work at its deadline and says so: its word is better than this end's guess.
    fn patience(&self) -> Duration {
        match self.reply.is_due() {
            true => self.pump.patience + REPLY_GRACE,
            false => self.pump.patience,
        }
    }

    async fn message(&mut self, message: Message) -> Result<Next, CallError> {
        let Some(frame) = frame_of(&message) else {
            return self.plain(message);
        };
        let event = self.pump.receive(frame?, &message)?;
        match event {
            Event::Opened { streams, bytes } => {
                let readers = self.pump.open_incoming(streams);
                let budget = &self.pump.client.gathered;
                let payload = Gather::begin(budget, &message.payload, bytes)?;
                self.reply.opened(payload, readers);
                if self.pump.machine.awaits_payload() {
                    self.ask_for_payload().await?;
                } else {
                    self.whole()?;
                }
            }
            Event::Data(PAYLOAD) => {
                self.reply.add(&message.payload)?;
                self.took_payload(message.payload.len()).await?;
            }
            Event::End(PAYLOAD) => self.whole()?,
            Event::Credit(stream) => self.wanted(stream),
            Event::Stop(_) => self.let_go(),
            _ => {}
        }
        Ok(Next::Go)
    }

    /// The callee reads a stream: from now on the call can't be made again.
    fn wanted(&mut self, stream: u16) {
        if let Some(place) = self.pump.outgoing.readers.get_mut(usize::from(stream))
            && place.is_none()
            && stream != PAYLOAD
        {
            *place = self.streams.take(u32::from(stream));
        }
    }

    async fn ask_for_payload(&mut self) -> Result<(), CallError> {
        match self.pump.machine.begin(PAYLOAD) {
            Some(frame) => self.pump.send(frame, HeaderMap::new(), Bytes::new()).await,
            None => Ok(()),
        }
    }

    async fn took_payload(&mut self, bytes: usize) -> Result<(), CallError> {
        let cost = lattice_protocol::frame::cost(bytes);
        match self.pump.machine.read(PAYLOAD, cost) {
            Some(frame) => self.pump.send(frame, HeaderMap::new(), Bytes::new()).await,
            None => Ok(()),
        }
    }

    /// The payload is whole: the caller has its reply, and the streams go on.
    fn whole(&mut self) -> Result<(), CallError> {
        if self.reply.whole()? {
            self.let_go();
        }
        Ok(())
    }

    /// Lets go of streams that the callee doesn't want: not before there is a reply, for a call that is
    /// refused still has them.
    fn let_go(&mut self) {
        if self.reply.is_due() {
            return;
        }
        for stream in 1..u16::try_from(self.pump.outgoing.readers.len()).unwrap_or(u16::MAX) {
            if self.pump.machine.is_closed(stream)
                && let Some(reader) = self.streams.take(u32::from(stream))
            {
                reader.refuse(unwanted());
            }
        }
    }

    /// A message that is no frame: a reply that ends the channel, or the server's word that nobody is
    /// there.
    fn plain(&mut self, message: Message) -> Result<Next, CallError> {
        if message.status == Some(StatusCode::NO_RESPONDERS) && self.pump.peer.is_some() {
            self.pump.nobody()?;
            return Ok(Next::Go);
        }
        if !self.reply.is_due() {
            let told = plain_reply(&self.target, message).err();
            return Err(told.unwrap_or_else(|| lost("an answer came twice".to_owned())));
        }
        let (heard, reply) = (heard(&message), plain_reply(&self.target, message));
        let ended = CallError::begun(ErrorCode::Cancelled, "the call has ended");
        self.pump.break_off(reply.as_ref().err().unwrap_or(&ended));
        self.reply.settle(heard, reply);
        Ok(Next::Over)
    }
}

/// The task of a channel is gone: that is this process's own doing.
fn unheard() -> Answer {
    (Heard::Unknown, Err(never()))
}
