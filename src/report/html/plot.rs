//! A plot: curves over two axes as an inline SVG with a title and a description, and its data as a table.

use maud::{Markup, html};

use super::plane::{Plane, round};
use super::scale::Axis;

/// Markers on each curve.
const MARKERS: usize = 7;

/// How many styles of curves there are: a colour, a dash and a marker each.
pub(super) const STYLES: usize = 6;

/// Rows of a curve in the table, at most.
const ROWS_MAX: usize = 24;

/// Some curves over two axes.
pub(super) struct Plot {
    /// Part of the ids in the page, and so unique in it.
    pub(super) id: String,
    pub(super) title: String,
    /// What is to be seen, for those who do not see it.
    pub(super) description: String,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) curves: Vec<Curve>,
    /// The file that has all of the data.
    pub(super) file: &'static str,
}

/// A curve.
pub(super) struct Curve {
    pub(super) name: String,
    /// Its style's number; those beyond the last begin again.
    pub(super) style: usize,
    /// Whether it goes by steps: a value holds until the next.
    pub(super) is_step: bool,
    /// Whether it is what was calculated, not what was measured.
    pub(super) is_expected: bool,
    pub(super) points: Vec<Point>,
}

/// A point of a curve, with its interval if it has one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) band: Option<(f64, f64)>,
}

impl Plot {
    fn plane(&self) -> Plane<'_> {
        Plane { x: &self.x, y: &self.y }
    }

    /// The figure.
    pub(super) fn render(&self) -> Markup {
        let (title, description) = (format!("{}-title", self.id), format!("{}-desc", self.id));
        html! {
            figure {
                figcaption { (self.title) }
                ul.legend { @for curve in &self.curves { li { (key(curve)) (curve.name) } } }
                div.scroll tabindex="0" role="group" aria-labelledby=(title) {
                    svg viewBox=(Plane::view_box()) role="img" aria-labelledby={ (title) " " (description) } {
                        title id=(title) { (self.title) }
                        desc id=(description) { (self.description) }
                        (self.plane().axes())
                        @for curve in &self.curves { (self.band(curve)) }
                        @for curve in &self.curves { (self.curve(curve)) }
                    }
                }
                (self.table())
            }
        }
    }

    fn band(&self, curve: &Curve) -> Markup {
        let there: Vec<_> = curve.points.iter().filter_map(|point| point.band.map(|band| (point.x, band))).collect();
        let upper = there.iter().map(|&(x, (_, high))| self.at(x, high));
        let lower = there.iter().rev().map(|&(x, (low, _))| self.at(x, low));
        let outline = upper.chain(lower).collect::<Vec<_>>().join(" ");
        html! {
            @if there.len() > 1 { polygon class={ "band s" (curve.style % STYLES) } points=(outline) {} }
            @if let [(x, (low, high))] = there[..] {
                @let ((left, bottom), (_, top)) = (self.plane().at(x, low), self.plane().at(x, high));
                line class={ "curve s" (curve.style % STYLES) } x1=(left) x2=(left) y1=(bottom) y2=(top) {}
            }
        }
    }

    fn curve(&self, curve: &Curve) -> Markup {
        let mut corners = Vec::new();
        let mut before: Option<f64> = None;
        for point in &curve.points {
            if let (true, Some(y)) = (curve.is_step, before) {
                corners.push(self.at(point.x, y));
            }
            corners.push(self.at(point.x, point.y));
            before = Some(point.y);
        }
        let style = curve.style % STYLES;
        let every = curve.points.len().div_ceil(MARKERS).max(1);
        // Each curve has its markers at places of its own.
        let marked = curve.points.iter().skip((every / 2 + style) % every).step_by(every);
        html! {
            polyline class={ "curve s" (style) @if curve.is_expected { " expected" } } points=(corners.join(" ")) {}
            @if !curve.is_expected {
                @for point in marked { @let (x, y) = self.plane().at(point.x, point.y); (marker(style, x, y)) }
            }
        }
    }

    fn at(&self, x: f64, y: f64) -> String {
        {
            let (x, y) = self.plane().at(x, y);
            format!("{x},{y}")
        }
    }

    /// The data, thinned to what can be read.
    fn table(&self) -> Markup {
        let has_bands = self.curves.iter().flat_map(|curve| &curve.points).any(|point| point.band.is_some());
        html! {
            details {
                summary { "Data" }
                p { "At most " (ROWS_MAX) " points of each curve; all of them are in " code { (self.file) } "." }
                div.scroll tabindex="0" role="group" aria-label={ "Data of: " (self.title) } {
                    table {
                        caption { (self.title) }
                        thead { tr {
                            th scope="col" { "curve" } th scope="col" { (self.x.label) } th scope="col" { (self.y.label) }
                            @if has_bands { th scope="col" { "95 % interval" } }
                        } }
                        tbody {
                            @for curve in &self.curves {
                                @for point in thinned(&curve.points) {
                                    tr {
                                        th scope="row" { (curve.name) }
                                        td { (self.x.written(point.x)) }
                                        td { (self.y.written(point.y)) }
                                        @if has_bands {
                                            td { @if let Some((low, high)) = point.band { (self.y.written(low)) " to " (self.y.written(high)) } }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Some of the points, the first and the last among them.
fn thinned(points: &[Point]) -> Vec<&Point> {
    let every = points.len().div_ceil(ROWS_MAX - 1).max(1);
    let last = points.len().saturating_sub(1);
    points
        .iter()
        .enumerate()
        .filter(|(number, _)| number % every == 0 || *number == last)
        .map(|(_, point)| point)
        .collect()
}

/// A piece of the curve, for the legend.
fn key(curve: &Curve) -> Markup {
    let style = curve.style % STYLES;
    html! {
        svg.key viewBox="0 0 34 12" aria-hidden="true" {
            line class={ "curve s" (style) @if curve.is_expected { " expected" } } x1="1" x2="33" y1="6" y2="6" {}
            @if !curve.is_expected { (marker(style, 17.0, 6.0)) }
        }
    }
}

/// The marker of a style.
pub(super) fn marker(style: usize, x: f64, y: f64) -> Markup {
    let class = format!("marker s{style}");
    let polygon = |corners: &[(f64, f64)]| {
        let corners: Vec<_> = corners.iter().map(|(dx, dy)| format!("{},{}", round(x + dx), round(y + dy))).collect();
        html! { polygon class=(class) points=(corners.join(" ")) {} }
    };
    match style {
        0 => html! { circle class=(class) cx=(x) cy=(y) r="3.5" {} },
        1 => polygon(&[(-3.5, -3.5), (3.5, -3.5), (3.5, 3.5), (-3.5, 3.5)]),
        2 => polygon(&[(0.0, -4.5), (4.2, 3.2), (-4.2, 3.2)]),
        3 => polygon(&[(0.0, -5.0), (4.5, 0.0), (0.0, 5.0), (-4.5, 0.0)]),
        4 => polygon(&[(0.0, 4.5), (4.2, -3.2), (-4.2, -3.2)]),
        _ => polygon(&[
            (-1.5, -4.5),
            (1.5, -4.5),
            (1.5, -1.5),
            (4.5, -1.5),
            (4.5, 1.5),
            (1.5, 1.5),
            (1.5, 4.5),
            (-1.5, 4.5),
            (-1.5, 1.5),
            (-4.5, 1.5),
            (-4.5, -1.5),
            (-1.5, -1.5),
        ]),
    }
}
