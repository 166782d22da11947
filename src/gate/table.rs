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

    /// The count in a cell; nothing if there is none.
    pub(super) fn count(&self, row: &[(&str, &str)], column: &str) -> Option<u64> {
        self.cell(row, column)?.parse().ok()
    }

    /// Puts another value into a cell that is there.
    pub(super) fn set(&mut self, row: &[(&str, &str)], column: &str, value: String) {
        let place = |column: &str| self.header.iter().position(|name| name == column);
        let Some(column) = place(column) else { return };
        let Some(wanted) = row.iter().map(|&(column, value)| Some((place(column)?, value))).collect::<Option<Vec<_>>>()
        else {
            return;
        };
        let found = self.rows.iter_mut().find(|cells| wanted.iter().all(|&(place, value)| cells[place] == value));
        if let Some(cells) = found {
            cells[column] = value;
        }
    }

    /// The file.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut csv = csv::Writer::from_writer(Vec::new());
        let header = std::iter::once(&self.header).filter(|header| !header.is_empty());
        for row in header.chain(&self.rows) {
            csv.write_record(row).expect("a row has as many cells as its header");
        }
        csv.into_inner().expect("memory takes what is written to it")
    }

    /// The cells of a column, from top to bottom.
    pub(super) fn column(&self, column: &str) -> impl Iterator<Item = &str> {
        let place = self.header.iter().position(|name| name == column);
        self.rows.iter().filter_map(move |row| row.get(place?)).map(String::as_str)
    }

    /// The names of the columns.
    pub(super) fn columns(&self) -> impl Iterator<Item = &str> {
        self.header.iter().map(String::as_str)
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
