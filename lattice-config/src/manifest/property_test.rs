use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::Runs;

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(|v| json!(v)),
        any::<i64>().prop_map(|v| json!(v)),
        (-1e9..1e9f64).prop_map(|v| json!(v)),
        "\\PC{0,12}".prop_map(|v| json!(v)),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|v| json!(v)),
            prop::collection::btree_map("[a-z \"#.]{1,6}", inner, 0..4).prop_map(|v| json!(v)),
        ]
    })
}

proptest! {
    #[test]
    fn any_config_survives_toml(
        value in json_value(),
        text in "\\PC{0,20}",
        name in "[a-z0-9-]{1,12}",
    ) {
        let digest = Digest::of(text.as_bytes());
        let mut app = App::new(name.parse().unwrap(), text.clone());
        let mut actor = crate::Actor::new(ComponentRef::Digest(digest));
        actor.config.insert(text.clone(), text.clone());
        let mut link = Link::new("a:b/c".parse().unwrap(), "web".parse().unwrap());
        link.config.insert("value".into(), value.clone());
        actor.links.push(link);
        app.actors.insert(name.parse().unwrap(), actor);
        let mut provider = crate::Provider::new(Runs::Kind("http".into()));
        provider.config.insert(text, value);
        app.providers.insert("web".parse().unwrap(), provider);
        let again = Manifest::parse(&app.to_toml()).unwrap();
        prop_assert_eq!(again.app(), &app);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        let _ = Manifest::parse(&text);
    }
}
