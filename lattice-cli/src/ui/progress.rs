//! Progress: a spinner on a terminal, plain lines elsewhere.

use std::io::IsTerminal as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often the spinner turns: smooth to the eye, nothing to the machine.
const TICK: Duration = Duration::from_millis(100);

/// Says on standard error what is going on.
pub struct Progress {
    mode: Mode,
    /// The spinner of the step that is going on.
    bar: Mutex<Option<ProgressBar>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Terminal,
    Plain,
    Silent,
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress {
    /// Progress for whoever looks at standard error.
    pub fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self::with(if terminal {
            Mode::Terminal
        } else {
            Mode::Plain
        })
    }

    /// Progress that nobody sees.
    pub fn silent() -> Self {
        Self::with(Mode::Silent)
    }

    fn with(mode: Mode) -> Self {
        Self {
            mode,
            bar: Mutex::new(None),
        }
    }

    /// Something that may take long begins.
    pub fn step(&self, text: &str) {
        self.clear();
        match self.mode {
            Mode::Terminal => self.replace(Some(spinner(text))),
            Mode::Plain => super::err(format_args!("{text} …")),
            Mode::Silent => {}
        }
    }

    /// How far the present step is: only a terminal shows it, since it is replaced by the next.
    pub fn detail(&self, text: &str) {
        if let Some(bar) = &*self.bar.lock().unwrap_or_else(PoisonError::into_inner) {
            bar.set_message(text.trim().to_owned());
        }
    }

    /// The present step is done, and this came of it.
    pub fn done(&self, text: &str) {
        self.clear();
        match self.mode {
            Mode::Terminal => super::err(format_args!("\u{1b}[32m✓\u{1b}[0m {text}")),
            Mode::Plain => super::err(text),
            Mode::Silent => {}
        }
    }

    /// Something worth knowing, in between.
    pub fn note(&self, text: &str) {
        let bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*bar, self.mode) {
            (Some(bar), _) => bar.suspend(|| super::err(text)),
            (None, Mode::Silent) => {}
            (None, _) => super::err(text),
        }
    }

    /// Takes the spinner away.
    pub fn clear(&self) {
        self.replace(None);
    }

    fn replace(&self, bar: Option<ProgressBar>) {
        let mut slot = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = std::mem::replace(&mut *slot, bar) {
            old.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn spinner(text: &str) -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} {prefix} {wide_msg:.dim}") {
        bar.set_style(style.tick_strings(&["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏", " "]));
    }
    bar.set_prefix(text.to_owned());
    bar.enable_steady_tick(TICK);
    bar
}
