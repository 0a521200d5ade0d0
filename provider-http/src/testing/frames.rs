//! HTTP/2 as bytes: for clients that no library would be.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const GOAWAY: u8 = 7;
const HEADERS: u8 = 1;
const END_STREAM_AND_HEADERS: u8 = 5;

/// A connection that said hello.
pub(crate) struct Raw(TcpStream);

/// A frame that came.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .await
            .unwrap();
        let mut raw = Self(stream);
        raw.send(SETTINGS, 0, 0, &[]).await.unwrap();
        raw
    }

    pub(crate) async fn send(
        &mut self,
        kind: u8,
        flags: u8,
        stream: u32,
        payload: &[u8],
    ) -> std::io::Result<()> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = length[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.0.write_all(&frame).await
    }

    /// `GET` of a path, without a body.
    pub(crate) async fn get(&mut self, stream: u32, path: &str) -> std::io::Result<()> {
        // Method and scheme from the static table, path and authority as plain text.
        let mut head = vec![0x82, 0x86, 0x04, u8::try_from(path.len()).unwrap()];
        head.extend(path.as_bytes());
        head.extend([0x01, 1, b'a']);
        self.send(HEADERS, END_STREAM_AND_HEADERS, stream, &head)
            .await
    }

    /// Takes a request back.
    pub(crate) async fn reset(&mut self, stream: u32) -> std::io::Result<()> {
        self.send(RST_STREAM, 0, stream, &8u32.to_be_bytes()).await
    }

    /// The next frame; none when the connection has ended.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        Some(Frame {
            kind: head[3],
            stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
            payload,
        })
    }

    /// Reads and forgets until the connection has ended; may be broken off and begun again.
    pub(crate) async fn ended(&mut self) {
        let mut bytes = [0; 1024];
        while matches!(self.0.read(&mut bytes).await, Ok(1..)) {}
    }

    /// The next frame of a kind.
    pub(crate) async fn next_of(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }
}
