use clap::CommandFactory as _;

use super::*;

fn help(words: &[&str]) -> String {
    let mut command = Cli::command().term_width(100);
    command.build();
    let found = words.iter().fold(&mut command, |command, word| {
        command.find_subcommand_mut(word).unwrap()
    });
    found.render_help().to_string()
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_option_says_what_it_is_for() {
    fn check(command: &clap::Command) {
        for arg in command.get_arguments() {
            assert!(
                arg.get_help().is_some(),
                "{} {}",
                command.get_name(),
                arg.get_id()
            );
        }
        command
            .get_subcommands()
            .filter(|c| c.get_name() != "help")
            .for_each(check);
    }
    let mut command = Cli::command();
    command.build();
    check(&command);
}

#[test]
fn help_lists_the_commands() {
    insta::assert_snapshot!(help(&[]), @r#"
    Runs WebAssembly actors on hosts that are joined only by NATS

    Usage: lattice [OPTIONS] <COMMAND>

    Commands:
      up          Run everything on this machine: NATS, a host, providers and the app of a folder
      build       Build the components of a manifest
      apply       Declare an app: push its components and send its manifest
      diff        Show what an apply would change
      delete      Remove an app, and stop what it declared
      history     List the revisions of an app
      rollback    Go back to an earlier revision of an app
      ps          List hosts, actors, providers and links
      call        Call a function of an actor or a provider
      inspect     Show what an actor exports and imports
      scale       Set how many instances an actor has over the whole lattice
      update      Give an actor another component or config
      stop        Remove an actor
      link        Declare, remove and list links
      config      Set, print and remove named configs
      export      Write everything that is declared, as one file
      import      Declare what an export holds
      audit       List who changed what
      auth        Print what each role needs of NATS: an account, users, permissions
      artifact    List and remove components stored in the lattice
      push        Store components in the lattice
      logs        Follow what actors and providers log
      events      Follow what happens in the lattice
      host        Join this machine to a lattice
      label       Set, remove and print labels of a host
      drain       Give the work of a host to the others, then stop it
      provider    Run a provider that this program carries
      completion  Print the completion for a shell
      help        Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Lattice:
          --nats <URL>      NATS server, or several with commas between them; default: that of a
                            `lattice up` in this folder (.lattice/nats.url), else nats://127.0.0.1:4222
                            [env: LATTICE_NATS]
          --creds <FILE>    NATS credentials file [env: LATTICE_CREDS]
          --lattice <NAME>  Name of the lattice [env: LATTICE] [default: default]

    Exit codes:
      0  done
      1  failed
      2  the command line or the manifest is wrong
      3  the call or the request was answered with an error
      4  NATS or the lattice can't be reached
    "#);
}

#[test]
fn help_of_up() {
    insta::assert_snapshot!(help(&["up"]), @r#"
    Run everything on this machine: NATS, a host, providers and the app of a folder

    Usage: lattice up [OPTIONS] [DIR]

    Arguments:
      [DIR]  Folder that has a lattice.toml, or a manifest [default: .]

    Options:
          --data <DIR>                      Folder for all data: what is there survives [default:
                                            .lattice beside the manifest]
          --allow-files <DIR[:ro]>          Folder that actors may be granted with all below it; with
                                            :ro behind it, only to be read. May be given several times
          --allow-sockets <[USE:]NET:PORT>  Sockets that actors may be granted, such as
                                            tcp:10.0.0.0/8:5432; may be given several times
          --allow-names <NAME>              Names that actors may be granted to look up, such as
                                            *.internal; may be given several times
          --metrics <ADDR>                  Address on which the host shows its metrics: GET /metrics
                                            for Prometheus, and GET /healthz [env: LATTICE_METRICS]
      -h, --help                            Print help
      -V, --version                         Print version

    Lattice:
          --nats <URL>      NATS server, or several with commas between them; default: that of a
                            `lattice up` in this folder (.lattice/nats.url), else nats://127.0.0.1:4222
                            [env: LATTICE_NATS]
          --creds <FILE>    NATS credentials file [env: LATTICE_CREDS]
          --lattice <NAME>  Name of the lattice [env: LATTICE] [default: default]
    "#);
}

#[test]
fn help_of_call() {
    insta::assert_snapshot!(help(&["call"]), @r#"
    Call a function of an actor or a provider

    Usage: lattice call [OPTIONS] <ACTOR> <FUNCTION> [ARGS]...

    Arguments:
      <ACTOR>     The actor or provider
      <FUNCTION>  The function: NAME, or NS:PKG/INTERFACE.NAME if several interfaces have one of that
                  name
      [ARGS]...   The arguments, in order; options stand before them

    Options:
          --json-args <JSON>  All arguments as one JSON array, or as an object by parameter name
          --timeout <TIME>    How long the call may take: 500ms, 5s, 2m [default: 10s]
      -h, --help              Print help
      -V, --version           Print version

    Lattice:
          --nats <URL>      NATS server, or several with commas between them; default: that of a
                            `lattice up` in this folder (.lattice/nats.url), else nats://127.0.0.1:4222
                            [env: LATTICE_NATS]
          --creds <FILE>    NATS credentials file [env: LATTICE_CREDS]
          --lattice <NAME>  Name of the lattice [env: LATTICE] [default: default]
    "#);
}
