//! What a component wants answered.

use lattice_protocol::interface::Interface;
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::{ComponentInstance, ComponentItem};

/// An interface that a component wants answered.
pub struct Import {
    /// As the component spells it, with its version.
    pub name: String,
    /// Without its version; none for a bare function.
    pub interface: Option<Interface>,
    /// Its items, if it is an interface.
    pub instance: Option<ComponentInstance>,
}

/// Everything that a component imports.
pub fn imports(engine: &Engine, component: &Component) -> Vec<Import> {
    component
        .component_type()
        .imports(engine)
        .map(|(name, item)| Import {
            name: name.to_owned(),
            interface: Interface::from_wit(name).ok(),
            instance: match item.ty {
                ComponentItem::ComponentInstance(instance) => Some(instance),
                _ => None,
            },
        })
        .collect()
}
