//! What the matrix says, in words.

use super::{Cell, Effect, Remedy, Row};
use crate::measure::interval::Estimate;

/// How shares and intervals are written: this room knows no formats of reports.
#[derive(Clone, Copy)]
pub struct Style {
    /// A share.
    pub share: fn(f64) -> String,
    /// An interval of shares.
    pub interval: fn(Estimate) -> String,
    /// A count.
    pub count: fn(u64) -> String,
}

impl Style {
    fn misled(self, cell: &Cell) -> String {
        cell.rate().map_or_else(String::new, |rate| (self.share)(rate.value))
    }

    fn precisely(self, rate: Option<Estimate>) -> String {
        rate.map_or_else(String::new, |rate| match rate.value {
            1.0 => "all users".to_owned(),
            value => format!("{} ({}) of users", (self.share)(value), (self.interval)(rate)),
        })
    }
}

/// A sentence or two on a cause: whether it gives the incident's symptom, whether 60 min / 5 % helps, and what does.
#[must_use]
pub fn sentence(row: &Row, style: Style) -> String {
    let before = row.before();
    let what = match (before.symptom, before.misled()) {
        (0, 0) => {
            let bound = before.rate().map_or_else(String::new, style.interval);
            let uploads = (style.count)(before.uploads);
            return format!("{} ({}): misleads nobody (0 of {uploads}, {bound}).", row.cause, row.title);
        }
        (0, _) => format!(
            "{} are told something false, but none of them that a success is lost: not this symptom",
            style.precisely(before.rate())
        ),
        (symptom, misled) if symptom == misled => format!("{} lose a success", style.precisely(before.rate())),
        _ => format!(
            "{} are told \"lost\" or something false, {} after a success",
            style.precisely(before.rate()),
            style.precisely(before.symptom_rate())
        ),
    };
    format!("{} ({}): {what}. {}. {}.", row.cause, row.title, change(row, style), remedies(row, style))
}

/// What the team's change does.
fn change(row: &Row, style: Style) -> String {
    let Some(after) = row.cell(Remedy::After) else {
        return "60 min / 5 % does not apply: this sweep knows neither number".to_owned();
    };
    let share = style.misled(after);
    match row.effect(after) {
        Effect::Cures => format!("60 min / 5 % cures it, {share}"),
        Effect::Helps => format!("60 min / 5 % helps in part, to {share}"),
        Effect::None => "60 min / 5 % changes nothing".to_owned(),
        Effect::Hurts => format!("60 min / 5 % makes it worse, {share}"),
    }
}

/// Which remedies help.
fn remedies(row: &Row, style: Style) -> String {
    let singles =
        |effect: Effect| row.cells.iter().filter(move |cell| cell.remedy.is_single() && row.effect(cell) == effect);
    // Who looks cannot tell apart what reads the same.
    let before = style.misled(row.before());
    let with_shares = |effect| -> Vec<_> {
        let shares = singles(effect).map(|cell| (cell.remedy.name(), style.misled(cell)));
        shares.filter(|(_, share)| *share != before).map(|(name, share)| format!("{name} ({share})")).collect()
    };
    let cures: Vec<_> = singles(Effect::Cures).map(|cell| cell.remedy.name()).collect();
    let all = row.cell(Remedy::All).map_or(Effect::None, |cell| row.effect(cell));
    let mut parts = vec![match (cures.is_empty(), all) {
        (false, _) => format!("Cured by {}", cures.join(" or by ")),
        (true, Effect::Cures) => "Cured by all remedies together".to_owned(),
        (true, _) => "Cured by none of these: the cause itself has to go".to_owned(),
    }];
    // Where users are told other things too, the symptom may go without them.
    let alone: Vec<_> = row
        .cells
        .iter()
        .filter(|cell| {
            cell.remedy.is_single() && row.symptom_effect(cell) == Effect::Cures && row.effect(cell) != Effect::Cures
        })
        .map(|cell| cell.remedy.name())
        .collect();
    if !alone.is_empty() {
        parts.push(format!("the lost successes alone are cured by {}", alone.join(" or by ")));
    }
    for (effect, words) in [(Effect::Helps, "helps in part"), (Effect::Hurts, "makes it worse")] {
        let named = with_shares(effect);
        if !named.is_empty() {
            parts.push(format!("{words}: {}", named.join(", ")));
        }
    }
    parts.join("; ")
}

/// What all causes together say of the team's change.
#[must_use]
pub fn conclusion(rows: &[Row], style: Style) -> String {
    let share = |row: &Row, remedy| row.cell(remedy).map_or_else(String::new, |cell| style.misled(cell));
    let names = |rows: &[&Row]| rows.iter().map(|row| row.cause.as_str()).collect::<Vec<_>>().join(", ");
    let harmless: Vec<_> = rows.iter().filter(|row| row.before().misled() == 0).collect();
    let touched = |row: &&Row| {
        row.cell(Remedy::After).is_some_and(|cell| matches!(row.effect(cell), Effect::Helps | Effect::Cures))
    };
    let touched: Vec<_> = rows.iter().filter(touched).collect();
    let deployed = rows.iter().filter(|row| row.deployed.is_some_and(|difference| difference.high < 0.0));
    let deployed: Vec<_> = deployed
        .map(|row| {
            let (from, to) = (share(row, Remedy::DeployedBefore), share(row, Remedy::DeployedAfter));
            format!("{}, {from} to {to}", row.cause)
        })
        .collect();
    let mut left: Vec<_> = rows
        .iter()
        .filter_map(|row| row.cell(Remedy::DeployedAfter).filter(|cell| cell.symptom > 0).map(|cell| (row, cell)))
        .collect();
    left.sort_by(|(_, one), (_, other)| (other.symptom * one.uploads).cmp(&(one.symptom * other.uploads)));
    let left: Vec<_> = left
        .iter()
        .map(|(row, cell)| {
            let rate = cell.symptom_rate().map_or_else(String::new, |rate| (style.share)(rate.value));
            format!("{} {rate}", row.cause)
        })
        .collect();
    let list = |items: &[String], none: &str| if items.is_empty() { none.to_owned() } else { items.join("; ") };
    let mut sentences = Vec::new();
    if !harmless.is_empty() {
        let harmless: Vec<_> = harmless.iter().map(|row| format!("{} ({})", row.title, row.cause)).collect();
        sentences.push(format!("Not the cause: {}.", harmless.join("; ")));
    }
    let of = if touched.is_empty() { "none of these".to_owned() } else { names(&touched) };
    sentences.push(format!("30 to 60 min and 10 to 5 % touch {of}, if the units are right."));
    sentences.push(format!(
        "In the deployed code, whose unit bug keeps every entry that has a timestamp, they changed {}.",
        list(&deployed, "nothing")
    ));
    sentences.push(format!(
        "There, successes went on being lost by: {}. Which of these it was, the answers of the day would tell: diagnose --like.",
        if left.is_empty() { "none of these".to_owned() } else { left.join(", ") }
    ));
    sentences.join(" ")
}
