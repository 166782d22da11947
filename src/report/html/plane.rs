//! The plane of a drawing: two axes with their ticks, and where points are.

use maud::{Markup, html};

use super::scale::Axis;

/// Sizes of the drawing, in its own units.
const WIDTH: f64 = 680.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 46.0;

/// Two axes.
pub(super) struct Plane<'a> {
    pub(super) x: &'a Axis,
    pub(super) y: &'a Axis,
}

impl Plane<'_> {
    /// What the drawing spans, for its `viewBox`.
    pub(super) fn view_box() -> String {
        format!("0 0 {WIDTH} {HEIGHT}")
    }

    /// Where a point is.
    pub(super) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let left = LEFT + self.x.place(x) * (WIDTH - LEFT - RIGHT);
        let top = HEIGHT - BOTTOM - self.y.place(y) * (HEIGHT - TOP - BOTTOM);
        (round(left), round(top))
    }

    /// The axes, their ticks and their names.
    pub(super) fn axes(&self) -> Markup {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let middle = (TOP + bottom) / 2.0;
        html! {
            g.axes {
                @for tick in self.y.ticks() {
                    @let (_, y) = self.at(self.x.low, tick);
                    line.grid x1=(LEFT) x2=(right) y1=(y) y2=(y) {}
                    text x=(LEFT - 8.0) y=(y + 4.0) text-anchor="end" { (self.y.tick(tick)) }
                }
                @for tick in self.x.ticks() {
                    @let (x, _) = self.at(tick, self.y.low);
                    line.grid x1=(x) x2=(x) y1=(TOP) y2=(bottom) {}
                    text x=(x) y=(bottom + 18.0) text-anchor="middle" { (self.x.tick(tick)) }
                }
                line.axis x1=(LEFT) x2=(right) y1=(bottom) y2=(bottom) {}
                line.axis x1=(LEFT) x2=(LEFT) y1=(TOP) y2=(bottom) {}
                text x=((LEFT + right) / 2.0) y=(HEIGHT - 8.0) text-anchor="middle" { (self.x.label) }
                text x="14" y=(middle) text-anchor="middle" transform=(format!("rotate(-90 14 {middle})")) { (self.y.label) }
            }
        }
    }
}

/// A coordinate, to a tenth.
pub(super) fn round(value: f64) -> f64 {
    libm::round(value * 10.0) / 10.0
}
