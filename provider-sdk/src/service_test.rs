use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use lattice_protocol::call::Origin;
use lattice_protocol::error::Executed;
use lattice_protocol::id::LatticeId;
use lattice_telemetry::Telemetry;

use super::*;
use crate::{Error, Settings};

/// Says which link it was called through, panics, or never ends.
#[derive(Default)]
struct Probe {
    dropped: Arc<AtomicBool>,
}

struct OnDrop(Arc<AtomicBool>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl Provider for Probe {
    fn endpoints(&self) -> Vec<Endpoint> {
        [
            "test:kit/probe.link",
            "test:kit/probe.panic",
            "test:kit/probe.hang",
        ]
        .map(|endpoint| endpoint.parse().unwrap())
        .to_vec()
    }

    async fn configure(&self, _: &Settings) -> Result<(), Error> {
        Ok(())
    }

    async fn call(&self, call: Call) -> Result<Reply, CallError> {
        match call.endpoint.function.as_str() {
            "panic" => panic!("on purpose"),
            "hang" => {
                let _dropped = OnDrop(self.dropped.clone());
                std::future::pending().await
            }
            _ => call.reply(&call.link.as_ref().map(|link| link.interface.as_str())),
        }
    }
}

struct Fixture {
    core: Core<Probe>,
    links: watch::Sender<Arc<Links>>,
    admission: Admission,
}

fn fixture() -> Fixture {
    let (sender, links) = watch::channel(Arc::new(Links::new(&[link("counter")])));
    let (name, provider): (ProviderName, _) = ("probe".parse().unwrap(), Probe::default());
    let endpoints = Endpoints::new(name.clone(), provider.endpoints());
    let target = name.as_str().parse().unwrap();
    let shown = Shown::new(Telemetry::off(), LatticeId::default(), target);
    let core = Core {
        name,
        provider,
        endpoints,
        links,
        shown,
        abort: CancellationToken::new(),
    };
    Fixture {
        core,
        links: sender,
        admission: Admission::new(1, 8),
    }
}

fn link(source: &str) -> Link {
    Link {
        source: source.parse().unwrap(),
        interface: "test:kit".parse().unwrap(),
        name: Default::default(),
        config: BTreeMap::new(),
    }
}

fn request(endpoint: &str, source: Option<&str>) -> Request {
    let origin = source.map(|source| Origin {
        source: source.parse().unwrap(),
        link: Default::default(),
    });
    Request {
        endpoint: endpoint.parse().unwrap(),
        context: Context {
            origin,
            ..Context::default()
        },
        payload: Bytes::new(),
        streams: Streams::default(),
        takes_streams: false,
        received: Instant::now(),
        way: Way::Queue,
    }
}

impl Fixture {
    async fn answer(&self, request: Request) -> Result<Reply, CallError> {
        self.core
            .answer(request, &self.admission.enter().unwrap())
            .await
    }
}

#[tokio::test]
async fn a_call_is_answered_with_the_link_it_came_through() {
    let fixture = fixture();
    let through = fixture
        .answer(request("link", Some("counter")))
        .await
        .unwrap();
    assert_eq!(through.payload.as_ref(), b"\"test:kit\"");
    let outside = fixture
        .answer(request("test:kit/probe.link", None))
        .await
        .unwrap();
    assert_eq!(outside.payload.as_ref(), b"null");
}

#[tokio::test]
async fn a_panic_is_one_callers_error_and_the_next_call_is_answered() {
    let fixture = fixture();
    let error = fixture.answer(request("panic", None)).await.unwrap_err();
    assert_eq!(
        (error.code, error.executed),
        (ErrorCode::Internal, Executed::Maybe)
    );
    assert!(
        !error.message.contains("on purpose"),
        "the caller sees the insides"
    );
    assert!(fixture.answer(request("link", None)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_call_past_its_deadline_is_dropped_and_its_caller_told() {
    let fixture = fixture();
    let error = fixture.answer(request("hang", None)).await.unwrap_err();
    assert_eq!(
        (error.code, error.executed),
        (ErrorCode::Deadline, Executed::Maybe)
    );
    assert!(fixture.core.provider.dropped.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_time_is_over_before_its_turn_was_certainly_not_executed() {
    let fixture = fixture();
    let busy = fixture.admission.enter().unwrap();
    let _turn = busy.turn().await;
    let error = fixture.answer(request("link", None)).await.unwrap_err();
    assert_eq!(
        (error.code, error.executed),
        (ErrorCode::Deadline, Executed::No)
    );

    let mut late = request("link", None);
    late.context.remaining = Duration::ZERO;
    let error = self::fixture().answer(late).await.unwrap_err();
    assert_eq!(
        (error.code, error.executed),
        (ErrorCode::Deadline, Executed::No)
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_through_a_link_that_is_not_declared_is_denied() {
    let error = fixture()
        .answer(request("link", Some("stranger")))
        .await
        .unwrap_err();
    assert_eq!(
        (error.code, error.executed),
        (ErrorCode::Denied, Executed::No)
    );
    assert!(
        error.message.contains("[actor.stranger.link.\"test:kit\"]"),
        "{}",
        error.message
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_comes_a_little_before_its_link_is_answered() {
    let fixture = fixture();
    let early = fixture.answer(request("link", Some("late")));
    let declared = async {
        tokio::task::yield_now().await;
        fixture
            .links
            .send_replace(Arc::new(Links::new(&[link("late")])));
    };
    let (answer, ()) = tokio::join!(early, declared);
    assert!(answer.is_ok());
}

#[tokio::test]
async fn a_stop_ends_a_call_that_does_not_finish() {
    let fixture = fixture();
    let hanging = fixture.answer(request("hang", None));
    let stop = async {
        tokio::task::yield_now().await;
        fixture.core.abort.cancel();
    };
    let (answer, ()) = tokio::join!(hanging, stop);
    assert_eq!(answer.unwrap_err().code, ErrorCode::Unavailable);
}

#[test]
fn health_is_answered_in_the_callers_encoding() {
    let said = Health {
        settings: Some("0b1c2d3e4f50".into()),
        refused: None,
    };
    let mut check = request(health::CHECK, None);
    let json = r#"{"settings":"0b1c2d3e4f50"}"#;
    assert_eq!(healthy(check, &said).unwrap().payload, json);
    check = request(health::CHECK, None);
    check.payload = Bytes::from_static(&[0x90]);
    let packed = healthy(check, &said).unwrap().payload;
    // A map of one pair.
    assert_eq!(packed[..10], *b"\x81\xa8settings");
}
