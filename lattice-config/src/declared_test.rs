use super::*;
use crate::Manifest;

fn declared(manifests: &[&str]) -> Declared {
    let read = |text: &&str| {
        let app = Manifest::parse(text).unwrap().app().clone();
        (
            app.name.clone(),
            Revised {
                revision: 1,
                value: app,
            },
        )
    };
    Declared {
        apps: manifests.iter().map(read).collect(),
        ..Declared::default()
    }
}

const SHOP: &str = r#"
    name = "shop"
    actor.cart = { component = "c", link."wasi:keyvalue" = { to = "kv" } }
"#;
const STORE: &str = "name = \"store\"\nprovider.kv.kind = \"keyvalue\"";

#[test]
fn a_name_is_found_with_its_app() {
    let declared = declared(&[SHOP, STORE]);
    let kv: TargetName = "kv".parse().unwrap();
    assert_eq!(
        declared.actor(&"cart".parse().unwrap()).unwrap().0.as_str(),
        "shop"
    );
    assert_eq!(
        declared
            .provider(&"kv".parse().unwrap())
            .unwrap()
            .0
            .as_str(),
        "store"
    );
    assert_eq!(declared.owner(&kv).unwrap().as_str(), "store");
    assert!(declared.owner(&"nobody".parse().unwrap()).is_none());
    let links: Vec<_> = declared
        .links_to(&kv)
        .map(|(source, _)| source.as_str())
        .collect();
    assert_eq!(links, ["cart"]);
}

#[test]
fn an_app_cannot_take_the_name_of_another_but_keeps_its_own() {
    let declared = declared(&[SHOP, STORE]);
    let read = |text: &str| Manifest::parse(text).unwrap().app().clone();
    assert_eq!(declared.check_names(&read(STORE)), Ok(()));
    let taken = declared
        .check_names(&read("name = \"x\"\nactor.kv.component = \"c\""))
        .unwrap_err();
    assert_eq!(
        taken[0].to_string(),
        "kv belongs to app store: choose another name, or delete that app first"
    );
}

#[test]
fn names_of_others_leave_out_ones_own() {
    let declared = declared(&[SHOP, STORE]);
    let names = declared.names_of_others(&"shop".parse().unwrap());
    assert_eq!(names, BTreeSet::from(["kv".parse().unwrap()]));
}
