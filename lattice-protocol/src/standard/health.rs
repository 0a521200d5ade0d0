//! What a provider says of itself when its host asks for its health.

use serde::{Deserialize, Serialize};

use crate::report::Refused;

/// The answer to [`HEALTH_CHECK`](super::HEALTH_CHECK), as JSON, of a provider that says more than that
/// it is there. All of it is optional, and what a reader does not know it passes over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The `revision` of `provider.settings` by which it works: its links are known to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// The revision of its settings that it could not take, and why; those before stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_spelled_as_the_protocol_says() {
        let refused = Refused {
            revision: "0b1c2d3e4f50".into(),
            reason: "no disk".into(),
            may_pass: false,
        };
        let health = Health {
            settings: Some("a1b2c3d4e5f6".into()),
            refused: Some(refused),
        };
        let text = r#"{"settings":"a1b2c3d4e5f6","refused":{"revision":"0b1c2d3e4f50","reason":"no disk"}}"#;
        assert_eq!(serde_json::to_string(&health).unwrap(), text);
        assert_eq!(serde_json::from_str::<Health>(text).unwrap(), health);
        let least: Health = serde_json::from_str(r#"{"settings":null,"mood":"good"}"#).unwrap();
        assert_eq!(least, Health::default());
    }
}
