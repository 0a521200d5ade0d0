//! Runs rows, and prints what they came to.

use lattice_cli::ui::{err, out, table};
use serde::Serialize;
use serde_json::json;

use crate::cli::Cli;
use crate::figure::{Figure, Ratio, Target, Unit};
use crate::rows::{Bench, Row};
use crate::usage;

/// What a row came to.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    pub(crate) figures: Vec<Figure>,
    /// Where the time went, what could not be compared, and why.
    pub(crate) notes: Vec<String>,
}

impl Report {
    pub(crate) fn add(&mut self, figures: impl IntoIterator<Item = Figure>) {
        self.figures.extend(figures);
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}

/// Runs what the command line asks for. A row that fails is said at once and fails the run at its
/// end: the others still have their say.
pub(crate) async fn run(cli: &Cli) -> anyhow::Result<()> {
    let before = usage::machine();
    err(format!("machine before: {before}"));
    let bench = Bench::prepare(cli).await?;
    let mut whole = Report::default();
    let mut failed = Vec::new();
    for row in cli.rows() {
        err(format!("measuring {row:?}"));
        match row.run(&bench).await {
            Ok(report) => {
                whole.figures.extend(report.figures);
                whole.notes.extend(report.notes);
            }
            Err(error) => {
                err(format!("{row:?} failed: {error:#}"));
                failed.push(row);
            }
        }
    }
    let machine = format!("machine: before {before}; after {}", usage::machine());
    match cli.json {
        true => print_json(&whole, &machine, &failed)?,
        false => print_table(&whole, &machine)?,
    }
    anyhow::ensure!(failed.is_empty(), "failed: {failed:?}");
    Ok(())
}

fn print_json(report: &Report, machine: &str, failed: &[Row]) -> anyhow::Result<()> {
    let figures: Vec<_> = report
        .figures
        .iter()
        .map(|figure| json!({"figure": figure, "met": figure.is_met()}))
        .collect();
    let failed: Vec<_> = failed.iter().map(|row| format!("{row:?}")).collect();
    let value = json!({
        "figures": figures, "notes": report.notes, "machine": machine, "failed": failed,
    });
    out(serde_json::to_string_pretty(&value)?)
}

fn print_table(report: &Report, machine: &str) -> anyhow::Result<()> {
    let header = [
        "WHAT",
        "OURS",
        "LIMIT",
        "RATIO",
        "TARGET",
        "MET",
        "THE LIMIT IS",
    ];
    let rows = report.figures.iter().map(line).collect();
    table::print(header, rows, "nothing was measured")?;
    out("")?;
    for note in &report.notes {
        out(format!("- {note}"))?;
    }
    out(format!("- {machine}"))
}

fn line(figure: &Figure) -> [String; 7] {
    let met = match figure.is_met() {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "",
    };
    [
        figure.what.clone(),
        amount(figure.ours, figure.unit),
        figure
            .limit
            .map_or_else(String::new, |limit| amount(limit, figure.unit)),
        figure.ratio.map_or_else(String::new, ratio),
        target(figure.target, figure.unit),
        met.to_owned(),
        figure.limit_is.clone(),
    ]
}

fn ratio(ratio: Ratio) -> String {
    format!("{:.2} ({:.2}–{:.2})", ratio.median, ratio.least, ratio.most)
}

fn target(target: Target, unit: Unit) -> String {
    match target {
        Target::None => String::new(),
        Target::RatioAtLeast(least) => format!("≥ {least} ×"),
        Target::RatioAtMost(most) => format!("≤ {most} ×"),
        Target::AtMost(most) => format!("≤ {}", amount(most, unit)),
    }
}

fn amount(value: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond => format!("{value:.0}/s"),
        Unit::Micros => format!("{value:.1} µs"),
        Unit::Millis => format!("{value:.2} ms"),
        Unit::Mebibytes => format!("{value:.1} MiB"),
        Unit::MebibytesPerSecond => format!("{value:.0} MiB/s"),
        Unit::Kibibytes => format!("{value:.1} KiB"),
        Unit::Count => format!("{value:.0}"),
    }
}
