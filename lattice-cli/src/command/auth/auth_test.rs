use clap::Parser as _;

use super::*;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    auth: Auth,
}

fn users(words: &[&str]) -> anyhow::Result<Vec<User>> {
    let words = ["auth"].iter().chain(words);
    let line = Line::try_parse_from(words)?;
    line.auth.users(&"shop".parse().unwrap())
}

#[test]
fn a_config_names_the_account_its_users_and_what_they_may() {
    let users = users(&["--caller", "web-1=greeter,kv"]).unwrap();
    insta::assert_snapshot!(written::config(&"shop".parse().unwrap(), &users), @r#"
    # The account of the lattice shop. Passwords are in the environment of nats-server, or in lines
    # above this, such as LATTICE_PASSWORD_HOST: "…".
    accounts {
      lattice_shop {
        jetstream: enabled
        users: [
          {
            user: "host"
            password: $LATTICE_PASSWORD_HOST
            permissions {
              publish {
                allow: ["lattice.shop.>", "_INBOX.>", "$JS.API.>", "$JS.ACK.>", "$JS.FC.>", "$KV.>", "$O.lattice_shop_artifacts.>"]
              }
              subscribe {
                allow: ["lattice.shop.>", "_INBOX.lattice.shop.>"]
              }
            }
          }
          {
            user: "operator"
            password: $LATTICE_PASSWORD_OPERATOR
            permissions {
              publish {
                allow: ["lattice.shop.ctl.>", "lattice.shop.host.*.ctl.>", "lattice.shop.call.>", "lattice.shop.cancel.*", "_INBOX.lattice.shop.>", "$O.lattice_shop_artifacts.>", "$JS.FC.>", "$JS.API.STREAM.INFO.OBJ_lattice_shop_artifacts", "$JS.API.STREAM.MSG.GET.OBJ_lattice_shop_artifacts", "$JS.API.DIRECT.GET.OBJ_lattice_shop_artifacts", "$JS.API.DIRECT.GET.OBJ_lattice_shop_artifacts.>", "$JS.API.CONSUMER.CREATE.OBJ_lattice_shop_artifacts", "$JS.API.CONSUMER.CREATE.OBJ_lattice_shop_artifacts.>", "$JS.API.CONSUMER.INFO.OBJ_lattice_shop_artifacts.>", "$JS.API.CONSUMER.DELETE.OBJ_lattice_shop_artifacts.>", "$JS.API.STREAM.CREATE.OBJ_lattice_shop_artifacts", "$JS.API.STREAM.PURGE.OBJ_lattice_shop_artifacts"]
              }
              subscribe {
                allow: ["_INBOX.lattice.shop.>", "lattice.shop.evt.>", "lattice.shop.log.*"]
              }
            }
          }
          {
            user: "web-1"
            password: $LATTICE_PASSWORD_WEB_1
            permissions {
              publish {
                allow: ["lattice.shop.call.greeter.>", "lattice.shop.cancel.greeter", "lattice.shop.call.kv.>", "lattice.shop.cancel.kv"]
              }
              subscribe {
                allow: ["_INBOX.web-1.>"]
              }
            }
          }
        ]
      }
    }
    "#);
}

#[test]
fn nsc_is_told_the_same() {
    let users = users(&["--keyvalue", "kv=watcher"]).unwrap();
    let text = written::nsc(&"shop".parse().unwrap(), &users);
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.contains("name kv "))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    nsc add user --account lattice_shop --name kv --allow-pub '_INBOX.>,lattice.shop.call.kv.>,$JS.FC.>,$JS.API.>,$JS.ACK.>,$KV.>,lattice.shop.call.watcher.>,lattice.shop.cancel.watcher' --deny-pub '$KV.lattice_shop.>,$O.lattice_shop_artifacts.>,$JS.API.STREAM.DELETE.KV_lattice_shop,$JS.API.STREAM.PURGE.KV_lattice_shop,$JS.API.STREAM.UPDATE.KV_lattice_shop,$JS.API.STREAM.RESTORE.KV_lattice_shop,$JS.API.STREAM.MSG.DELETE.KV_lattice_shop,$JS.API.STREAM.DELETE.OBJ_lattice_shop_artifacts,$JS.API.STREAM.PURGE.OBJ_lattice_shop_artifacts,$JS.API.STREAM.UPDATE.OBJ_lattice_shop_artifacts,$JS.API.STREAM.RESTORE.OBJ_lattice_shop_artifacts,$JS.API.STREAM.MSG.DELETE.OBJ_lattice_shop_artifacts,$JS.API.STREAM.DELETE.lattice_shop_audit,$JS.API.STREAM.PURGE.lattice_shop_audit,$JS.API.STREAM.UPDATE.lattice_shop_audit,$JS.API.STREAM.RESTORE.lattice_shop_audit,$JS.API.STREAM.MSG.DELETE.lattice_shop_audit' --allow-sub '_INBOX.lattice.shop.>,lattice.shop.call.kv.>,lattice.shop.cancel.kv,lattice.shop.process.*.call.>'
    nsc generate creds --account lattice_shop --name kv > kv.creds
    "#);
}

#[test]
fn names_that_are_none_and_users_of_one_name_are_refused() {
    assert!(users(&["--caller", "a.>=b"]).is_err());
    assert!(users(&["--caller", "a=*"]).is_err());
    let twice = users(&["--caller", "a=b", "--provider", "a"]).unwrap_err();
    assert!(twice.to_string().contains("two users a"), "{twice}");
    assert!(users(&["--caller", "host=b"]).is_err());
}
