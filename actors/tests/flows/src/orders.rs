//! The work as somebody else does it.

use wit_bindgen::rt::async_support::StreamReader;

use crate::bindings::exports::lattice::flows::orders::Guest;
use crate::bindings::lattice::flows::work::{self, Point};
use crate::bindings::{wit_future, wit_stream};
use crate::{Flows, PIECE, piece};

impl Guest for Flows {
    async fn echo(n: u64) -> u64 {
        let (mut writer, text) = wit_stream::new();
        wit_bindgen::spawn_local(async move {
            let mut rest = n;
            while rest > 0 {
                let len = rest.min(PIECE as u64);
                writer.write_all(vec![b'a'; len as usize]).await;
                rest -= len;
            }
        });
        let mut back = work::upper(text).await;
        let mut came = 0;
        while let Some(piece) = piece(&mut back).await {
            came += piece.iter().filter(|byte| **byte == b'A').count() as u64;
        }
        came
    }

    async fn upper(text: StreamReader<u8>) -> StreamReader<u8> {
        work::upper(text).await
    }

    async fn sum(n: u32) -> u64 {
        work::sum(work::count(n).await).await
    }

    async fn mirror(n: u32) -> Vec<String> {
        let (mut writer, points) = wit_stream::new();
        wit_bindgen::spawn_local(async move {
            let point = |x: u32| Point {
                x: x as i32,
                name: x.is_multiple_of(2).then(|| format!("p{x}")),
            };
            writer.write_all((0..n).map(point).collect()).await;
        });
        let back = work::mirror(points).await.collect().await;
        back.iter()
            .map(|point| format!("{} {:?}", point.x, point.name))
            .collect()
    }

    async fn later(text: String) -> String {
        let (mut writer, bytes) = wit_stream::new();
        let value = work::later(bytes).await;
        writer.write_all(text.into_bytes()).await;
        drop(writer);
        value.await
    }

    async fn now(text: String) -> String {
        let (writer, value) = wit_future::new(String::new);
        wit_bindgen::spawn_local(async move {
            let _ = writer.write(text).await;
        });
        work::now(value).await
    }

    async fn read(n: u32, fail: bool) -> Result<u32, String> {
        let (bytes, outcome) = work::read(n, fail).await?;
        let came = bytes.collect().await.len() as u32;
        let said = outcome.await?;
        if came == said {
            Ok(came)
        } else {
            Err(format!("{came} bytes came of {said}"))
        }
    }

    async fn endless(n: u32) -> u32 {
        let mut bytes = work::endless().await;
        let mut came = 0;
        while came < n {
            match piece(&mut bytes).await {
                Some(piece) => came += piece.len() as u32,
                None => break,
            }
        }
        came
    }

    async fn sip(n: u32) -> u32 {
        let (mut writer, bytes) = wit_stream::new();
        wit_bindgen::spawn_local(async move {
            while writer.write_all(vec![b'x'; PIECE]).await.is_empty() {}
        });
        work::sip(bytes, n).await
    }

    async fn hand_on(n: u32, whole: bool) -> Result<u32, String> {
        let bytes = match whole {
            true => work::read(n, false).await?.0,
            false => work::break_off(n).await,
        };
        Ok(work::swallow(bytes).await)
    }

    async fn break_off(n: u32) -> u32 {
        work::break_off(n).await.collect().await.len() as u32
    }

    async fn never() -> String {
        work::never().await.await
    }
}
