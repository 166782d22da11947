//! What the rounds come to, as a table.

use crate::subjects::{Registered, Subject};

/// The figures of all rounds: what each subject took in each column.
pub(crate) struct Table {
    title: String,
    columns: &'static [&'static str],
    /// What the figures of all rounds, from the least to the greatest, come to.
    summary: fn(&[f64]) -> f64,
    /// By subject, then by round, then by column.
    rows: Vec<(&'static str, Vec<Vec<Option<f64>>>)>,
}

impl Table {
    pub(crate) fn new(title: String, columns: &'static [&'static str], summary: fn(&[f64]) -> f64) -> Self {
        Table { title, columns, summary, rows: Vec::new() }
    }

    pub(crate) fn title(&self) -> &str {
        &self.title
    }

    /// Adds one round of one subject.
    pub(crate) fn add<S: Subject>(&mut self, figures: &[Option<f64>]) {
        let row = match self.rows.iter().position(|(name, _)| *name == S::NAME) {
            Some(row) => row,
            None => {
                self.rows.push((S::NAME, Vec::new()));
                self.rows.len() - 1
            }
        };
        self.rows[row].1.push(figures.to_vec());
    }

    /// Prints what the rounds come to, and the registry's ratio to the fastest other.
    pub(crate) fn print(&self) {
        println!("{}:", self.title);
        self.print_row("store", self.columns.iter().map(|column| (*column).to_owned()));
        for (name, rounds) in &self.rows {
            self.print_row(name, (0..self.columns.len()).map(|column| number(self.figure(rounds, column), 0)));
        }
        self.print_row(
            "ratio to the fastest other",
            (0..self.columns.len()).map(|column| number(self.ratio(column), 2)),
        );
        println!();
    }

    fn print_row(&self, name: &str, cells: impl Iterator<Item = String>) {
        print!("| {name:<26} |");
        cells.for_each(|cell| print!(" {cell:>17} |"));
        println!();
    }

    fn ratio(&self, column: usize) -> Option<f64> {
        let (own, others): (Vec<_>, Vec<_>) = self.rows.iter().partition(|(name, _)| *name == Registered::NAME);
        let fastest = others.iter().filter_map(|(_, rounds)| self.figure(rounds, column)).min_by(f64::total_cmp)?;
        Some(self.figure(&own.first()?.1, column)? / fastest)
    }

    fn figure(&self, rounds: &[Vec<Option<f64>>], column: usize) -> Option<f64> {
        let mut figures: Vec<f64> = rounds.iter().map(|round| round[column]).collect::<Option<_>>()?;
        figures.sort_by(f64::total_cmp);
        Some((self.summary)(&figures))
    }
}

/// The middle one.
pub(crate) fn median(figures: &[f64]) -> f64 {
    figures[figures.len() / 2]
}

/// The least one: for what happens in every round, while anything more is the machine's doing.
pub(crate) fn least(figures: &[f64]) -> f64 {
    figures[0]
}

/// Empty where there is no figure.
fn number(figure: Option<f64>, digits: usize) -> String {
    figure.map_or(String::new(), |figure| format!("{figure:.digits$}"))
}
