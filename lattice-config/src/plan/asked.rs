//! What is asked of each actor: the interfaces by which links and routes lead to it.

use std::collections::{BTreeMap, BTreeSet};

use lattice_protocol::id::{ActorName, TargetName};
use lattice_protocol::interface::InterfacePattern;
use lattice_protocol::standard::http;

use crate::declared::Declared;

/// The most that is told of one actor: no component exports as many.
const ASKED_MAX: usize = 64;

/// What is asked of whom.
pub(super) struct Asked(BTreeMap<TargetName, BTreeSet<InterfacePattern>>);

impl Asked {
    pub(super) fn of_all(declared: &Declared) -> Self {
        let mut asked = Self(BTreeMap::new());
        let web = http::INTERFACE.parse::<InterfacePattern>().ok();
        for app in declared.apps.values().map(|revised| &revised.value) {
            for link in app.actors.values().flat_map(|actor| &actor.links) {
                asked.add(link.to.clone(), &link.interface);
            }
            for route in app.providers.values().flat_map(|provider| &provider.routes) {
                if let Some(web) = &web {
                    asked.add(TargetName::from(&route.actor), web);
                }
            }
        }
        asked
    }

    fn add(&mut self, target: TargetName, interface: &InterfacePattern) {
        let asked = self.0.entry(target).or_default();
        if asked.len() < ASKED_MAX {
            asked.insert(interface.clone());
        }
    }

    pub(super) fn of(&self, name: &ActorName) -> BTreeSet<InterfacePattern> {
        self.0.get(name.as_str()).cloned().unwrap_or_default()
    }
}
