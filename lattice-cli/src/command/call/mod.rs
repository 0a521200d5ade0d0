//! `lattice call`.

mod arguments;
mod help;

use std::time::Duration;

use anyhow::ensure;
use lattice_client::Call;
use lattice_client::stream::Streams;
use lattice_protocol::call::Context;
use lattice_protocol::id::TargetName;
use lattice_protocol::interface::Endpoint;

use crate::connection::Connection;
use crate::exit::Usage;
use crate::ui;

/// What the payload is said to be.
const JSON: &str = "application/json";

/// Call a function of an actor or a provider, and print its result as JSON. Each argument is JSON,
/// or text if it is none: `lattice call greeter greet World` and `… '"World"'` are the same.
#[derive(Debug, clap::Args)]
pub struct CallCommand {
    /// The actor or provider.
    #[arg(value_name = "ACTOR")]
    target: TargetName,

    /// The function: NAME, or NS:PKG/INTERFACE.NAME if several interfaces have one of that name.
    function: Endpoint,

    /// The arguments, in order; options stand before them.
    #[arg(allow_hyphen_values = true)]
    args: Vec<String>,

    /// All arguments as one JSON array, or as an object by parameter name.
    #[arg(long, value_name = "JSON", conflicts_with = "args")]
    json_args: Option<String>,

    /// How long the call may take: 500ms, 5s, 2m.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = arguments::time)]
    timeout: Duration,
}

impl CallCommand {
    pub(super) async fn run(self, connection: &Connection) -> anyhow::Result<()> {
        let payload = match self.json_args {
            Some(text) => whole(text)?,
            None => arguments::payload(&self.args),
        };
        let client = connection.connect().await?;
        let call = Call {
            target: self.target.clone(),
            endpoint: self.function.clone(),
            context: Context {
                remaining: self.timeout,
                content_type: Some(JSON.to_owned()),
                ..Context::default()
            },
            payload: payload.into(),
            streams: Streams::default(),
        };
        match client.call(call).await {
            Ok(result) => ui::out(ui::json::fold(&String::from_utf8_lossy(&result.payload))),
            Err(error) => Err(help::explain(&client, &self.target, &self.function, error).await),
        }
    }
}

fn whole(text: String) -> anyhow::Result<String> {
    let begins = |c| text.trim_start().starts_with(c);
    let parsed = serde_json::from_str::<serde::de::IgnoredAny>(&text);
    let usage = |what: String| Usage(format!("--json-args takes a JSON array or object: {what}"));
    parsed.map_err(|error| usage(error.to_string()))?;
    ensure!(begins('[') || begins('{'), usage("this is neither".into()));
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_as_one_are_an_array_or_an_object() {
        assert_eq!(whole("[1]".into()).unwrap(), "[1]");
        assert!(whole(r#"{"name":"World"}"#.into()).is_ok());
        assert!(whole("3".into()).is_err());
        assert!(whole("[1".into()).is_err());
    }
}
