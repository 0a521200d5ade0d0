use lattice_protocol::standard::http::Patience;
use serde_json::json;
use tokio::net::{TcpListener, TcpSocket};

use super::testing::{Actor, Got, LONG, Site, request, with_headers};
use super::*;

const PATIENT: Patience = Patience {
    connect_ms: None,
    first_byte_ms: None,
    between_bytes_ms: None,
};

#[tokio::test]
async fn what_the_link_does_not_allow_is_denied_with_the_words_that_would_allow_it() {
    let site = Site::plain().await;
    let port = site.address.port();
    let allow = json!({"allow": [format!("http://localhost:{port}")], "private": true});
    let actor = Actor::new(json!({}), allow).await;
    assert_eq!(actor.get(&site, "/saw").await.unwrap().response.status, 200);
    for (scheme, authority) in [
        ("https", site.authority()),
        ("http", format!("127.0.0.1:{port}")),
        ("http", format!("x.localhost:{port}")),
        ("http", "localhost".to_owned()),
    ] {
        let request = request("GET", scheme, &authority, "/");
        let error = actor.call(request, None, None).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Denied);
        let wanted = format!(
            "write allow = [\"{scheme}://{authority}\"] in \
             [actor.mailer.link.\"wasi:http/outgoing-handler\"]"
        );
        assert!(error.message.ends_with(&wanted), "{error}");
    }
    let nothing = actor.through(json!({}));
    let to = request("GET", "http", &site.authority(), "/");
    let error = nothing.call(to, None, None).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Denied);
    assert_eq!(site.accepted(), 1);
}

#[tokio::test]
async fn only_a_call_through_a_link_sends_anything() {
    let outgoing = Outgoing::default();
    let call = Call::new(
        handle().unwrap(),
        None,
        Default::default(),
        Default::default(),
    );
    let error = outgoing.call(call.unwrap()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Denied);
}

#[tokio::test]
async fn a_link_whose_config_means_nothing_is_answered_so() {
    let site = Site::plain().await;
    let actor = Actor::new(json!({}), json!({"allow": ["localhost"]})).await;
    let fault = actor.get(&site, "/saw").await.unwrap_err();
    assert_eq!(fault, Fault::ConfigurationError);
}

#[tokio::test]
async fn names_and_literals_that_lead_inside_are_not_connected_to_unless_that_is_granted() {
    let site = Site::plain().await;
    let port = site.address.port();
    let allow = json!([
        format!("http://*:{port}"),
        format!("http://[::ffff:127.0.0.1]:{port}")
    ]);
    let plain = Actor::new(json!({}), json!({"allow": allow})).await;
    let granted = plain.through(json!({"allow": allow, "allow_addresses": ["127.0.0.0/8"]}));
    let other = plain.through(json!({"allow": allow, "allow_addresses": ["10.0.0.0/8"]}));
    // The number is what the system's resolver takes for 127.0.0.1.
    for host in [
        "localhost",
        "LOCALHOST.",
        "127.0.0.1",
        "[::ffff:127.0.0.1]",
        "2130706433",
    ] {
        let to = || request("GET", "http", &format!("{host}:{port}"), "/saw");
        for refused in [&plain, &other] {
            let fault = refused.send(to()).await.unwrap_err();
            assert_eq!(fault, Fault::DestinationIpProhibited, "{host}");
        }
        assert_eq!(
            granted.send(to()).await.unwrap().response.status,
            200,
            "{host}"
        );
        // The connection that the other link has left open is not for this one.
        let fault = plain.send(to()).await.unwrap_err();
        assert_eq!(fault, Fault::DestinationIpProhibited, "{host}");
    }
    let unspecified = request("GET", "http", &format!("0.0.0.0:{port}"), "/saw");
    let fault = granted.send(unspecified).await.unwrap_err();
    assert_eq!(fault, Fault::DestinationIpProhibited);
}

#[tokio::test]
async fn a_redirect_is_the_actors_to_follow() {
    let site = Site::plain().await;
    let actor = Actor::free(json!({}), &site).await;
    let got = actor.get(&site, "/moved").await.unwrap();
    assert_eq!(got.response.status, 302);
    let location = ("location".to_owned(), "http://169.254.169.254/".into());
    assert!(got.response.headers.contains(&location));
}

#[tokio::test]
async fn the_server_sees_the_request_its_authority_and_the_trace_and_no_hop() {
    let site = Site::plain().await;
    let actor = Actor::free(json!({}), &site).await;
    let sent = with_headers(
        request("PATCH", "http", &site.authority(), "/saw?a=b"),
        &[
            ("host", "metadata.internal"),
            ("connection", "x-hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("X-Mine", "yes"),
        ],
    );
    let saw = actor.send(sent).await.unwrap().json().await;
    let headers = json!({
        "host": site.authority(),
        "x-mine": "yes",
        "traceparent": "00-trace",
        "content-length": "0",
    });
    assert_eq!(saw["method"], "PATCH");
    assert_eq!(saw["uri"], "/saw?a=b");
    assert_eq!(saw["version"], "HTTP/1.1");
    assert_eq!(saw["headers"], headers);
}

#[tokio::test]
async fn https_speaks_what_was_agreed_on_with_whom_ca_trusts() {
    for (alpn, version) in [
        (&["h2", "http/1.1"][..], "HTTP/2.0"),
        (&["http/1.1"], "HTTP/1.1"),
        (&[], "HTTP/1.1"),
    ] {
        let site = Site::secure(alpn).await;
        let to = || request("GET", "https", &site.authority(), "/saw");
        let stranger = Actor::free(json!({}), &site).await;
        let fault = stranger.send(to()).await.unwrap_err();
        assert_eq!(fault, Fault::TlsCertificateError);
        let actor = Actor::free(site.trusted(), &site).await;
        let saw = actor.send(to()).await.unwrap().json().await;
        assert_eq!(saw["version"], version);
        // The certificate is for the name, and for no address.
        let address = request("GET", "https", &site.address.to_string(), "/saw");
        let fault = actor.send(address).await.unwrap_err();
        assert_eq!(fault, Fault::TlsCertificateError);
    }
}

#[tokio::test]
async fn each_way_not_to_be_answered_has_its_own_fault() {
    let site = Site::plain().await;
    // Kept to the end, so that nobody else listens there.
    let unheard = TcpSocket::new_v4().unwrap();
    unheard.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = unheard.local_addr().unwrap();
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mute_port = mute.local_addr().unwrap().port();
    let allow: Vec<_> = [site.address.port(), closed.port(), mute_port]
        .iter()
        .flat_map(|port| [format!("http://*:{port}"), format!("https://*:{port}")])
        .chain(["http://*".to_owned()])
        .collect();
    let actor = Actor::new(json!({}), json!({"allow": allow, "private": true})).await;
    let connect = Patience {
        connect_ms: Some(50),
        ..PATIENT
    };
    let first_byte = Patience {
        first_byte_ms: Some(50),
        ..PATIENT
    };
    for (scheme, authority, path, options, wanted) in [
        (
            "http",
            closed.to_string(),
            "/",
            PATIENT,
            Fault::ConnectionRefused,
        ),
        (
            "http",
            "nothing.invalid".into(),
            "/",
            PATIENT,
            Fault::DnsError,
        ),
        (
            "https",
            site.authority(),
            "/",
            PATIENT,
            Fault::TlsProtocolError,
        ),
        (
            "https",
            format!("localhost:{mute_port}"),
            "/",
            connect,
            Fault::ConnectionTimeout,
        ),
        (
            "http",
            site.authority(),
            "/never",
            first_byte,
            Fault::HttpResponseTimeout,
        ),
        (
            "http",
            site.authority(),
            "/head?70000",
            PATIENT,
            Fault::HttpResponseHeaderSectionSize,
        ),
        (
            "ftp",
            site.authority(),
            "/",
            PATIENT,
            Fault::HttpRequestUriInvalid,
        ),
        (
            "http",
            "u@h".into(),
            "/",
            PATIENT,
            Fault::HttpRequestUriInvalid,
        ),
    ] {
        let to = request("GET", scheme, &authority, path);
        let fault = actor
            .call(to, Some(options), None)
            .await
            .unwrap()
            .unwrap_err();
        assert_eq!(fault, wanted, "{scheme}://{authority}{path}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_or_speaks_something_else_is_told_apart() {
    for (said, wanted) in [
        ("", Fault::ConnectionTerminated),
        ("220 smtp.example.com ESMTP\r\n", Fault::HttpProtocolError),
        ("HTTP/1.1 200 OK\r\ncontent-le", Fault::ConnectionTerminated),
        (
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
            Fault::HttpProtocolError,
        ),
    ] {
        let fault = answered(said).await.map(|got| got.response.status);
        assert_eq!(fault.unwrap_err(), wanted, "{said:?}");
    }
}

#[tokio::test]
async fn what_a_server_says_before_its_response_is_no_response() {
    let said = "HTTP/1.1 100 Continue\r\n\r\n\
        HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n\
        HTTP/1.1 200 OK\r\nx-own: 1\r\ncontent-length: 0\r\n\r\n";
    let response = answered(said).await.unwrap().response;
    assert_eq!(response.status, 200);
    let names: Vec<_> = response.headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["x-own", "content-length"]);
}

/// What becomes of a request to a server that says this, whatever it is asked, and hangs up.
async fn answered(said: &'static str) -> Result<Got, Fault> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 1024];
            let _ = stream.read(&mut asked).await;
            let _ = stream.write_all(said.as_bytes()).await;
        }
    });
    let link = json!({"allow": [format!("http://{address}")], "private": true});
    let actor = Actor::new(json!({}), link).await;
    let to = request("GET", "http", &address.to_string(), "/");
    actor.send(to).await
}

#[tokio::test]
async fn as_many_requests_as_may_are_under_way_and_no_more() {
    let site = Site::plain().await;
    let actor = Actor::free(
        json!({"requests_max": 2, "requests_per_host_max": 1}),
        &site,
    )
    .await;
    // A body that doesn't end keeps its place.
    let first = actor.get(&site, "/pieces?1").await.unwrap();
    let brief = Patience {
        connect_ms: Some(50),
        ..PATIENT
    };
    let to = |authority: &str| request("GET", "http", authority, "/saw");
    let waited = actor
        .call(to(&site.authority()), Some(brief), None)
        .await
        .unwrap();
    assert_eq!(waited.unwrap_err(), Fault::ConnectionLimitReached);
    // Another name is another host, with places of its own.
    let other = site.address.to_string();
    let elsewhere = actor
        .send(request("GET", "http", &other, "/pieces?1"))
        .await
        .unwrap();
    let fault = actor.send(to(&other)).await.unwrap_err();
    assert_eq!(fault, Fault::ConnectionLimitReached);
    drop(first);
    let freed = tokio::time::timeout(LONG, async {
        while actor.get(&site, "/saw").await.is_err() {
            tokio::task::yield_now().await;
        }
    });
    freed.await.unwrap();
    drop(elsewhere);
}

#[tokio::test]
async fn a_caller_that_takes_no_streams_is_told_that_the_body_is_one() {
    let site = Site::plain().await;
    let actor = Actor::free(json!({}), &site).await;
    let to = json!({"method": "GET", "path": "/pieces?1", "authority": site.authority()});
    let payload = json!([to]).to_string();
    let link = Some(actor.link.clone());
    let call = Call::new(handle().unwrap(), link, Default::default(), payload.into());
    let error = actor.outgoing.call(call.unwrap()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::TooLarge, "{error}");
}
