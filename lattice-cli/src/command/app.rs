//! What commands that change an app have in common.

use lattice_protocol::control::{Applied, Change, ChangeKind};

use crate::ui;

/// Prints what changed, and the app's revision now.
pub(super) fn print_applied(applied: &Applied) -> anyhow::Result<()> {
    print_changes(&applied.changes)?;
    ui::out(format_args!(
        "app {} is at revision {}",
        applied.app, applied.revision
    ))
}

/// Prints one line for each change.
pub(super) fn print_changes(changes: &[Change]) -> anyhow::Result<()> {
    if changes.is_empty() {
        return ui::out("nothing changed");
    }
    for change in changes {
        let mark = match change.what {
            ChangeKind::Added => '+',
            ChangeKind::Changed => '~',
            ChangeKind::Removed => '-',
        };
        ui::out(format_args!("{mark} {}", change.thing))?;
    }
    Ok(())
}
