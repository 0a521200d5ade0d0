//! Answers `example:text/shout.up`: text in upper case, with a mark behind it.

use std::process::ExitCode;

use provider_sdk::{
    Call, CallError, Endpoint, Error, ErrorCode, Program, Provider, Reply, Settings, async_trait,
};
use tokio::sync::RwLock;

const UP: &str = "example:text/shout.up";

/// Shouts.
struct Shouter {
    up: Endpoint,
    mark: RwLock<String>,
}

#[async_trait]
impl Provider for Shouter {
    fn endpoints(&self) -> Vec<Endpoint> {
        vec![self.up.clone()]
    }

    async fn configure(&self, settings: &Settings) -> Result<(), Error> {
        let mark = match settings.config.get("mark") {
            None => "!",
            Some(mark) => mark
                .as_str()
                .ok_or_else(|| Error::provider("config mark is no text: write mark = \"!\""))?,
        };
        *self.mark.write().await = mark.to_owned();
        Ok(())
    }

    async fn call(&self, call: Call) -> Result<Reply, CallError> {
        let (text,): (String,) = call.args()?;
        if text.is_empty() {
            let message = "there is nothing to shout: pass a text";
            return Err(CallError::refused(ErrorCode::BadRequest, message));
        }
        let mark = self.mark.read().await;
        call.reply(&(text.to_uppercase() + &mark))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let build = async |_client| {
        let up = UP
            .parse()
            .map_err(|error| Error::provider(format!("{error}")))?;
        let mark = RwLock::default();
        Ok(Shouter { up, mark })
    };
    let program = Program::new("shouter", env!("CARGO_PKG_VERSION"));
    program.serve(build).await
}
