use http_body_util::{Full, StreamBody};
use lattice_client::stream::pipe;
use lattice_protocol::error::{CallError, ErrorCode};

use super::*;

type Result = std::result::Result<Frame<Bytes>, std::convert::Infallible>;

const INLINE: Wanted = Wanted {
    bytes_max: 8,
    streams: true,
};

fn body(frames: Vec<Result>) -> impl Body<Data = Bytes, Error = std::convert::Infallible> + Unpin {
    StreamBody::new(futures_util::stream::iter(frames))
}

fn data(text: &'static str) -> Result {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

#[tokio::test]
async fn a_short_body_that_is_there_is_whole() {
    let mut short = body(vec![data("ab"), data("cd"), data("ef")]);
    let Gathered::Whole(whole) = gather(&mut short, INLINE).await.unwrap() else {
        panic!("it was not whole");
    };
    assert_eq!(whole, "abcdef");
    let mut empty = Full::new(Bytes::new());
    assert!(matches!(
        gather(&mut empty, INLINE).await,
        Ok(Gathered::Whole(bytes)) if bytes.is_empty()
    ));
}

#[tokio::test]
async fn a_longer_body_begins_with_what_was_gathered_or_is_too_large() {
    let long = || body(vec![data("12345"), data("67890"), data("rest")]);
    let Gathered::Begun(first, None) = gather(&mut long(), INLINE).await.unwrap() else {
        panic!("it did not begin");
    };
    assert_eq!(first, "1234567890");
    let whole = Wanted {
        streams: false,
        ..INLINE
    };
    let gathered = gather(&mut long(), whole).await.unwrap();
    assert!(matches!(gathered, Gathered::TooLarge));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_lets_wait_begins_with_what_is_there() {
    let (mut writer, reader) = pipe(100);
    writer.push(Bytes::from_static(b"now"));
    let mut slow = Streamed::new(reader, Of::Response);
    let Gathered::Begun(first, None) = gather(&mut slow, INLINE).await.unwrap() else {
        panic!("it did not begin");
    };
    assert_eq!(first, "now");
    writer.push(Bytes::from_static(b"later"));
    let next = slow.frame().await.unwrap().unwrap();
    assert_eq!(next.into_data().unwrap(), "later");
}

#[tokio::test]
async fn trailers_become_the_tail_of_a_stream_and_trailers_again() {
    let mut fields = ::http::HeaderMap::new();
    fields.insert("x-sum", "42".parse().unwrap());
    let mut with_trailers = body(vec![data("ab"), Ok(Frame::trailers(fields.clone()))]);
    let Gathered::Begun(first, Some(trailers)) = gather(&mut with_trailers, INLINE).await.unwrap()
    else {
        panic!("it did not begin");
    };
    assert_eq!((&*first, &trailers), (&b"ab"[..], &fields));
    let mut body = Streamed::new(Reader::whole(first, tail(Some(&trailers))), Of::Response);
    body.frame().await.unwrap().unwrap();
    let last = body.frame().await.unwrap().unwrap();
    assert_eq!(last.into_trailers().unwrap(), fields);
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_the_body_with_what_http_calls_it() {
    for (code, of, wanted) in [
        (
            ErrorCode::Unavailable,
            Of::Response,
            Error::HttpResponseIncomplete,
        ),
        (
            ErrorCode::Trapped,
            Of::Response,
            Error::HttpResponseIncomplete,
        ),
        (
            ErrorCode::Deadline,
            Of::Response,
            Error::ConnectionReadTimeout,
        ),
        (
            ErrorCode::Cancelled,
            Of::Request,
            Error::ConnectionTerminated,
        ),
        (
            ErrorCode::Deadline,
            Of::Request,
            Error::ConnectionReadTimeout,
        ),
    ] {
        let (writer, reader) = pipe(100);
        writer.fail(CallError::begun(code, "gone"));
        let mut body = Streamed::new(reader, of);
        let error = body.frame().await.unwrap().unwrap_err();
        assert_eq!(error.to_string(), wanted.to_string(), "{code}");
        assert!(body.frame().await.is_none());
    }
}
