//! An HTTP server of `wstd` that keeps what it is sent and sends requests of its own: standard
//! interfaces only, nothing in it knows of Lattice.
//!
//! | path | what it does |
//! |---|---|
//! | `PUT /stock/NAME` | keeps the request's body |
//! | `GET /stock/NAME` | answers what is kept |
//! | `POST /sold/NAME` | adds one, and answers how many there are |
//! | `POST /order?to=URL` | sends the request's body on to there, and answers what comes back as it comes |

mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "wit"],
        world: "lattice:wstd-shop/shop",
        generate_all,
    });
}

use bindings::wasi::keyvalue::atomics::increment;
use bindings::wasi::keyvalue::store;
use wstd::http::body::Body;
use wstd::http::{Client, Error, Method, Request, Response, StatusCode};

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let mut parts = path.trim_start_matches('/').split('/');
    match (request.method(), parts.next(), parts.next()) {
        (&Method::PUT, Some("stock"), Some(name)) => {
            let body = request.into_body().contents().await?.to_vec();
            bucket()?.set(name, &body).map_err(words)?;
            status(StatusCode::CREATED)
        }
        (&Method::GET, Some("stock"), Some(name)) => match bucket()?.get(name).map_err(words)? {
            Some(kept) => Ok(Response::new(kept.into())),
            None => status(StatusCode::NOT_FOUND),
        },
        (&Method::POST, Some("sold"), Some(name)) => {
            let sold = increment(&bucket()?, name, 1).map_err(words)?;
            Ok(Response::new(sold.to_string().into()))
        }
        (&Method::POST, Some("order"), None) => order(&query, request.into_body()).await,
        _ => status(StatusCode::NOT_FOUND),
    }
}

async fn order(query: &str, body: Body) -> Result<Response<Body>, Error> {
    let to = query.trim_start_matches("to=");
    let request = Request::builder().method(Method::POST).uri(to).body(body)?;
    let answer = Client::new().send(request).await?;
    Ok(Response::builder()
        .status(answer.status())
        .body(answer.into_body())?)
}

fn status(code: StatusCode) -> Result<Response<Body>, Error> {
    Ok(Response::builder().status(code).body(().into())?)
}

fn bucket() -> Result<store::Bucket, Error> {
    store::open("shop").map_err(words)
}

fn words(error: store::Error) -> Error {
    Error::msg(format!("{error:?}"))
}
