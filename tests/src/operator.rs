//! A NATS operator of the test's own: an account, and users with permissions, as `nsc` makes them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lattice_protocol::id::LatticeId;
use lattice_protocol::permission::{Permissions, Role};
use nkeys::KeyPair;
use serde_json::{Value, json};

/// An operator with one account for a lattice and one for the system.
pub struct Operator {
    operator: KeyPair,
    lattice: KeyPair,
    system: KeyPair,
}

/// A user: who it is to the server, and the text of its credentials file.
pub struct User {
    /// Its public key.
    pub key: String,
    /// Its credentials.
    pub creds: String,
}

impl Default for Operator {
    fn default() -> Self {
        Self {
            operator: KeyPair::new_operator(),
            lattice: KeyPair::new_account(),
            system: KeyPair::new_account(),
        }
    }
}

impl Operator {
    /// What a server that believes it has in its config.
    pub fn config(&self) -> String {
        let none = json!({"type": "operator", "version": 2});
        let operator = token(&self.operator, &self.operator.public_key(), none);
        let account = |account: &KeyPair, store: i64| {
            let limits = json!({"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1,
                "wildcards": true, "conn": -1, "leaf": -1, "mem_storage": store,
                "disk_storage": store, "streams": store, "consumer": store});
            let said = json!({"type": "account", "version": 2, "limits": limits});
            token(&self.operator, &account.public_key(), said)
        };
        format!(
            "operator: \"{operator}\"\nresolver: MEMORY\nsystem_account: {system}\n\
             resolver_preload: {{\n{system}: \"{}\"\n{lattice}: \"{}\"\n}}\n",
            account(&self.system, 0),
            account(&self.lattice, -1),
            system = self.system.public_key(),
            lattice = self.lattice.public_key(),
        )
    }

    /// A user of the lattice's account, in this role of the lattice `default`.
    pub fn user(&self, role: &Role) -> User {
        let permissions = role.permissions(&LatticeId::default());
        issue(&self.lattice, &permissions)
    }

    /// A user of the system account.
    pub fn system_user(&self) -> User {
        let all = Permissions {
            publish: vec![">".to_owned()],
            never_publish: Vec::new(),
            subscribe: vec![">".to_owned()],
        };
        issue(&self.system, &all)
    }
}

fn issue(account: &KeyPair, permissions: &Permissions) -> User {
    let user = KeyPair::new_user();
    let Permissions {
        publish,
        never_publish,
        subscribe,
    } = permissions;
    let said = json!({"type": "user", "version": 2,
        "pub": {"allow": publish, "deny": never_publish}, "sub": {"allow": subscribe},
        "subs": -1, "data": -1, "payload": -1});
    let token = token(account, &user.public_key(), said);
    let seed = user.seed().expect("a new key has a seed");
    User {
        key: user.public_key(),
        creds: format!(
            "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        ),
    }
}

/// What `issuer` says of `subject`, signed.
fn token(issuer: &KeyPair, subject: &str, said: Value) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(json!({"typ": "JWT", "alg": "ed25519-nkey"}));
    let body = part(
        json!({"jti": subject, "iat": 1_700_000_000, "iss": issuer.public_key(),
        "name": subject, "sub": subject, "nats": said}),
    );
    let signed = format!("{head}.{body}");
    let signature = issuer.sign(signed.as_bytes()).expect("the key can sign");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
