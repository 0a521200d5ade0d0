//! One HTTP/1.1 request on a connection of its own, sent in chunks, with the response read as it comes.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The end of a body in chunks that has no trailers.
pub const END: &str = "0\r\n\r\n";

/// A piece of a body in chunks.
pub fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// A request that goes on, and its response.
pub struct Exchange(TcpStream);

impl Exchange {
    /// Begins to `POST` a body in chunks; the connection ends with the response.
    ///
    /// # Panics
    /// If nobody listens there.
    pub async fn post(address: SocketAddr, path: &str) -> Self {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nte: trailers\r\n\
             connection: close\r\n\r\n"
        );
        let mut exchange = Self(TcpStream::connect(address).await.unwrap());
        exchange.send(&head).await;
        exchange
    }

    /// Sends this text as it is.
    ///
    /// # Panics
    /// If the connection is gone.
    pub async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads up to the end of this text, and answers all that was read.
    ///
    /// # Panics
    /// If the connection ends before.
    pub async fn until(&mut self, end: &str) -> String {
        let mut text = String::new();
        while !text.ends_with(end) {
            let byte = self.0.read_u8().await;
            let byte = byte.unwrap_or_else(|error| panic!("no {end:?} but {error}, after {text}"));
            text.push(char::from(byte));
        }
        text
    }

    /// Reads the head of the response, which must be a 200.
    ///
    /// # Panics
    /// If it is something else.
    pub async fn accepted(&mut self) -> String {
        let head = self.until("\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        head
    }

    /// What comes until the server ends the connection, or cuts it.
    ///
    /// # Panics
    /// If it is no text.
    pub async fn rest(mut self) -> String {
        let mut bytes = Vec::new();
        // One that is reset was cut; what came before that is here.
        let _ = self.0.read_to_end(&mut bytes).await;
        String::from_utf8(bytes).unwrap()
    }
}
