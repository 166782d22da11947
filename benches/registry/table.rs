//! Medians over rounds, as a table.

use crate::subjects::{Registered, Subject};

/// The figures of all rounds: what each subject took in each column.
pub(crate) struct Table {
    title: String,
    columns: &'static [&'static str],
    /// By subject, then by round, then by column.
    rows: Vec<(&'static str, Vec<Vec<Option<f64>>>)>,
}

impl Table {
    pub(crate) fn new(title: String, columns: &'static [&'static str]) -> Self {
        Table { title, columns, rows: Vec::new() }
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

    /// Prints the medians, and the registry's ratios to the fastest other of the same round.
    pub(crate) fn print(&self) {
        println!("{}:", self.title);
        print!("| {:<26} |", "store");
        self.columns.iter().for_each(|column| print!(" {column:>17} |"));
        println!();
        for (name, rounds) in &self.rows {
            print!("| {name:<26} |");
            for column in 0..self.columns.len() {
                print!(" {:>17} |", number(median(rounds.iter().map(|round| round[column])), 0));
            }
            println!();
        }
        print!("| {:<26} |", "ratio to the fastest other");
        for column in 0..self.columns.len() {
            print!(" {:>17} |", number(median(self.ratios(column)), 2));
        }
        println!("\n");
    }

    fn ratios(&self, column: usize) -> impl Iterator<Item = Option<f64>> {
        let (own, others): (Vec<_>, Vec<_>) = self.rows.iter().partition(|(name, _)| *name == Registered::NAME);
        let rounds = own.first().map_or(0, |(_, rounds)| rounds.len());
        (0..rounds).map(move |round| {
            let fastest = others.iter().filter_map(|(_, rounds)| rounds[round][column]).min_by(f64::total_cmp)?;
            Some(own.first()?.1[round][column]? / fastest)
        })
    }
}

fn median(figures: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let mut figures: Vec<f64> = figures.collect::<Option<_>>()?;
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

/// Empty where there is no figure.
fn number(figure: Option<f64>, digits: usize) -> String {
    figure.map_or(String::new(), |figure| format!("{figure:.digits$}"))
}
