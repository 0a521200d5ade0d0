//! Listings as columns, two spaces apart, as wide as they need to be.

use comfy_table::Table;
use comfy_table::presets::NOTHING;

use super::out;

/// Prints rows under a header; `empty` in their place when there are none.
pub fn print<const N: usize>(
    header: [&str; N],
    rows: Vec<[String; N]>,
    empty: &str,
) -> anyhow::Result<()> {
    if rows.is_empty() {
        return out(empty);
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(header).add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    out(table.trim_fmt())
}
