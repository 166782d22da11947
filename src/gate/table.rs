//! A CSV file of a report, read back.

/// Rows of cells with named columns.
pub(super) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Reads a file; one that is no CSV has no rows.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut csv = csv::Reader::from_reader(bytes);
        let cells = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
        let header = csv.headers().map(cells).unwrap_or_default();
        let rows = csv.records().map_while(Result::ok).map(|record| cells(&record)).collect();
        Table { header, rows }
    }

    /// The cell of a column in the first row that has the given values in the given columns.
    pub(super) fn cell(&self, row: &[(&str, &str)], column: &str) -> Option<&str> {
        let place = |column: &str| self.header.iter().position(|name| name == column);
        let wanted: Vec<_> = row.iter().map(|&(column, value)| Some((place(column)?, value))).collect::<Option<_>>()?;
        let matches = |row: &&Vec<String>| wanted.iter().all(|&(place, value)| row[place] == value);
        Some(self.rows.iter().find(matches)?[place(column)?].as_str())
    }

    /// The number in a cell; nothing if there is none.
    pub(super) fn number(&self, row: &[(&str, &str)], column: &str) -> Option<f64> {
        self.cell(row, column)?.parse().ok()
    }

    /// The cells in which this table differs from another one of the same rows: policy, column, here, there.
    pub(super) fn differences<'a>(&'a self, other: &'a Table) -> impl Iterator<Item = [&'a str; 4]> {
        let rows = self.rows.iter().zip(&other.rows);
        rows.flat_map(move |(mine, others)| {
            let policy = mine.get(2).map_or("", String::as_str);
            let cells = self.header.iter().zip(mine.iter().zip(others));
            cells
                .filter(|(_, (a, b))| a != b)
                .map(move |(column, (a, b))| [policy, column.as_str(), a.as_str(), b.as_str()])
        })
    }
}
