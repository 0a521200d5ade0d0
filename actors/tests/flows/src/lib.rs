//! Streams and futures in and out of async functions.

mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "flows",
    });
}

mod orders;

use std::sync::atomic::{AtomicU32, Ordering};

use bindings::exports::lattice::flows::work::{Guest, Point};
use bindings::{wit_future, wit_stream};
use wit_bindgen::rt::async_support::{FutureReader, StreamReader, StreamResult};

/// What a guest holds of a stream at once.
const PIECE: usize = 64 * 1024;

static BEGUN: AtomicU32 = AtomicU32::new(0);

struct Flows;

bindings::export!(Flows with_types_in bindings);

type Checked = (StreamReader<u8>, FutureReader<Result<u32, String>>);

impl Guest for Flows {
    async fn upper(mut text: StreamReader<u8>) -> StreamReader<u8> {
        let (mut writer, reader) = wit_stream::new();
        wit_bindgen::spawn_local(async move {
            while let Some(mut piece) = piece(&mut text).await {
                piece.make_ascii_uppercase();
                if !writer.write_all(piece).await.is_empty() {
                    return;
                }
            }
        });
        reader
    }

    async fn pass(bytes: StreamReader<u8>) -> StreamReader<u8> {
        bytes
    }

    async fn sum(mut numbers: StreamReader<u32>) -> u64 {
        let mut sum = 0;
        while let Some(piece) = piece(&mut numbers).await {
            sum += piece.into_iter().map(u64::from).sum::<u64>();
        }
        sum
    }

    async fn count(n: u32) -> StreamReader<u32> {
        let (mut writer, reader) = wit_stream::new();
        wit_bindgen::spawn_local(async move {
            writer.write_all((0..n).collect()).await;
        });
        reader
    }

    async fn mirror(mut points: StreamReader<Point>) -> StreamReader<Point> {
        let (mut writer, reader) = wit_stream::new();
        wit_bindgen::spawn_local(async move {
            while let Some(mut piece) = piece(&mut points).await {
                piece.iter_mut().for_each(|point| point.x = -point.x);
                writer.write_all(piece).await;
            }
        });
        reader
    }

    async fn later(text: StreamReader<u8>) -> FutureReader<String> {
        let (writer, reader) = wit_future::new(String::new);
        wit_bindgen::spawn_local(async move {
            let text = String::from_utf8_lossy(&text.collect().await).into_owned();
            // Whoever asked may be gone.
            let _ = writer.write(text).await;
        });
        reader
    }

    async fn now(text: FutureReader<String>) -> String {
        text.await
    }

    async fn read(n: u32, fail: bool) -> Result<Checked, String> {
        if n == 0 {
            return Err("nothing to read".to_owned());
        }
        let (mut writer, bytes) = wit_stream::new();
        let (told, heard) = wit_future::new(|| Ok(0));
        wit_bindgen::spawn_local(async move {
            writer.write_all(vec![b'x'; n as usize]).await;
            drop(writer);
            let outcome = if fail {
                Err("it broke".to_owned())
            } else {
                Ok(n)
            };
            let _ = told.write(outcome).await;
        });
        Ok((bytes, heard))
    }

    async fn endless() -> StreamReader<u8> {
        let (mut writer, reader) = wit_stream::new();
        wit_bindgen::spawn_local(async move {
            while writer.write_all(vec![b'x'; PIECE]).await.is_empty() {}
        });
        reader
    }

    async fn sip(mut bytes: StreamReader<u8>, n: u32) -> u32 {
        let mut taken = 0;
        while taken < n {
            let room = Vec::with_capacity((n - taken) as usize);
            let (state, piece) = bytes.read(room).await;
            taken += piece.len() as u32;
            if !matches!(state, StreamResult::Complete(_)) {
                break;
            }
        }
        taken
    }

    async fn swallow(mut bytes: StreamReader<u8>) -> u32 {
        let mut taken = 0;
        while let Some(piece) = piece(&mut bytes).await {
            taken += piece.len() as u32;
        }
        println!("whole: {taken}");
        taken
    }

    async fn break_off(n: u32) -> StreamReader<u8> {
        let (mut writer, reader) = wit_stream::new();
        wit_bindgen::spawn_local(async move {
            writer.write_all(vec![b'x'; n as usize]).await;
            panic!("asked to break off");
        });
        reader
    }

    async fn never() -> FutureReader<String> {
        let (writer, reader) = wit_future::new(String::new);
        let (mut silent, mut listen) = wit_stream::new::<u8>();
        wit_bindgen::spawn_local(async move {
            listen.read(Vec::with_capacity(1)).await;
            let _writer = writer;
            panic!("asked to give nothing");
        });
        wit_bindgen::spawn_local(async move {
            silent.write_all(vec![0]).await;
        });
        reader
    }

    async fn begun() -> u32 {
        BEGUN.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// What comes next; none at the end.
async fn piece<T: 'static>(reader: &mut StreamReader<T>) -> Option<Vec<T>> {
    let (state, piece) = reader
        .read(Vec::with_capacity(PIECE / size_of::<T>()))
        .await;
    match (state, piece.is_empty()) {
        (StreamResult::Complete(_), _) | (_, false) => Some(piece),
        _ => None,
    }
}
