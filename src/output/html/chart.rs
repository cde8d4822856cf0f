//! Charts of days as inline SVG: stacked bars and lines, on an axis that begins at 0.
//!
//! Each chart is drawn twice, for a wide page and for a phone, and the style shows one of them: a drawing that is
//! only scaled down has letters that nobody can read. Drawn numbers are floats; the exact ones stand in the tooltips
//! and in the table beside the chart.

use std::fmt::Write;

use super::escape;
use super::scale::Scale;
pub use super::scale::Unit;

/// A chart over some days.
#[derive(Debug, Clone)]
pub struct Chart<'a> {
    /// Its name within the page: letters and hyphens.
    pub id: &'a str,
    /// What it shows.
    pub title: &'a str,
    /// What there is to see in it, for those who cannot see it.
    pub description: String,
    /// What its axis counts.
    pub unit: Unit,
    /// Bars or lines.
    pub form: Form,
    /// The days, the earliest first.
    pub days: &'a [Slot],
    /// One or two; stacked, when they are bars.
    pub series: Vec<Series<'a>>,
    /// A value that is drawn across all days, and its name.
    pub limit: Option<(f64, String)>,
}

/// How values are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A bar a day.
    Bars,
    /// A line, broken where a day has no value.
    Lines,
}

/// A day's place on the axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its date.
    pub date: String,
    /// Whether its bars are drawn as something that is not over, or that is still to come.
    pub state: SlotState,
}

/// How sure the values of a day are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotState {
    /// It is over.
    Over,
    /// It still runs.
    Running,
    /// It is forecast.
    Forecast,
}

/// Values of the days, in their order.
#[derive(Debug, Clone)]
pub struct Series<'a> {
    /// What they are of.
    pub name: &'a str,
    /// From 0; `None` where there is none.
    pub values: Vec<Option<f64>>,
    /// What the tooltip says of each.
    pub texts: Vec<String>,
}

/// Where things are drawn, in the drawing's own units.
struct Frame {
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    scale: Scale,
    days: usize,
}

const WIDE: (f64, f64) = (960.0, 240.0);
const NARROW: (f64, f64) = (380.0, 220.0);
/// About the width of a digit at 12 px.
const DIGIT: f64 = 7.0;
/// About the width of a letter of a series' name, which is bold.
const LETTER: f64 = 8.5;
/// A date such as `21 Nov` has about so much.
const DATE_WIDTH: f64 = 42.0;
/// From the middle of one date to the next at least.
const DATE_PITCH: f64 = 56.0;
/// A bar is no wider: a single day is not a wall.
const WIDEST_BAR: f64 = 48.0;
/// A limit so many times above all else would press everything to the ground: it is left to the words.
pub const LIMIT_IN_SIGHT: f64 = 4.0;

impl Chart<'_> {
    /// Both drawings, and the key to the colours where there is more than one.
    pub fn render(&self) -> String {
        let mut out = format!("<figure class=\"{}\">\n", if self.form == Form::Bars { "bars" } else { "lines" });
        if self.series.len() > 1 {
            out.push_str("<figcaption>");
            for (series, n) in self.series.iter().zip(1..) {
                _ = write!(out, "<span class=\"key k{n}\"></span>{}", escape(series.name));
            }
            out.push_str("</figcaption>\n");
        }
        out += &self.svg("broad", WIDE);
        out += &self.svg("narrow", NARROW);
        out.push_str("</figure>\n");
        out
    }

    /// Whether the limit is drawn.
    pub fn limit_in_sight(&self) -> bool {
        let most = self.most();
        self.limit.as_ref().is_some_and(|(limit, _)| most == 0.0 || *limit <= most * LIMIT_IN_SIGHT)
    }

    /// The highest point of all series.
    fn most(&self) -> f64 {
        let of_day = |i: usize| {
            let values = self.series.iter().filter_map(|series| series.values.get(i).copied().flatten());
            match self.form {
                Form::Bars => values.sum::<f64>(),
                Form::Lines => values.fold(0.0, f64::max),
            }
        };
        (0..self.days.len()).map(of_day).fold(0.0, f64::max)
    }

    fn frame(&self, (width, height): (f64, f64)) -> Frame {
        let limit = self.limit.as_ref().filter(|_| self.limit_in_sight()).map_or(0.0, |(limit, _)| *limit);
        let scale = Scale::up_to(self.unit, self.most().max(limit));
        let longest = scale.ticks().iter().map(|(_, label)| label.chars().count()).max().unwrap_or(1);
        let names = match self.form {
            Form::Lines if self.series.len() > 1 => {
                self.series.iter().map(|s| s.name.chars().count()).max().unwrap_or(0)
            }
            _ => 0,
        };
        let width_of = |chars: usize, each: f64| float(chars) * each;
        Frame {
            width,
            height,
            left: width_of(longest, DIGIT) + 10.0,
            right: if names > 0 { width_of(names, LETTER) + 12.0 } else { 8.0 },
            top: if limit > 0.0 { 22.0 } else { 12.0 },
            bottom: 26.0,
            scale,
            days: self.days.len().max(1),
        }
    }

    fn svg(&self, class: &str, size: (f64, f64)) -> String {
        let frame = self.frame(size);
        let id = format!("{}-{class}", self.id);
        let mut out = format!(
            "<svg class=\"{class}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\n\
             <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>\n",
            frame.width,
            frame.height,
            escape(self.title),
            escape(&self.description)
        );
        axis(&mut out, &frame);
        self.dates(&mut out, &frame);
        for i in 0..self.days.len() {
            self.day(&mut out, &frame, i);
        }
        if self.form == Form::Lines {
            self.lines(&mut out, &frame);
        }
        if let Some((value, name)) = self.limit.as_ref().filter(|_| self.limit_in_sight()) {
            let (y, right) = (frame.y(*value), frame.width - frame.right);
            _ = writeln!(
                out,
                "<path class=\"mark\" d=\"M{:.1} {y:.1}H{right:.1}\"/>\
                 <text class=\"limit\" x=\"{right:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                frame.left,
                y - 6.0,
                escape(name)
            );
        }
        out.push_str("</svg>\n");
        out
    }

    /// A day's tooltip, and its bars.
    fn day(&self, out: &mut String, frame: &Frame, i: usize) {
        let day = &self.days[i];
        let texts = self.series.iter().filter_map(|s| s.texts.get(i)).filter(|text| !text.is_empty());
        let told: Vec<&str> = texts.map(String::as_str).collect();
        let state = match day.state {
            SlotState::Over => "",
            SlotState::Running => ", so far",
            SlotState::Forecast => ", forecast",
        };
        let told = if told.is_empty() { "nothing".to_owned() } else { told.join(", ") };
        _ = write!(
            out,
            "<g class=\"slot\"><title>{}{state}: {}</title>\
             <rect class=\"hit\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.2}\" height=\"{:.1}\"/>",
            escape(&day.date),
            escape(&told),
            frame.x(i),
            frame.top,
            frame.slot(),
            frame.inner_height()
        );
        if self.form == Form::Bars {
            self.bars(out, frame, i);
        }
        out.push_str("</g>\n");
    }

    fn bars(&self, out: &mut String, frame: &Frame, i: usize) {
        let gap = if frame.slot() >= 6.0 { (frame.slot() * 0.22).min(8.0) } else { 0.0 };
        let width = (frame.slot() - gap).clamp(0.4, WIDEST_BAR);
        let x = frame.middle(i) - width / 2.0;
        let mut below = 0.0;
        for (series, n) in self.series.iter().zip(1..) {
            let Some(value) = series.values.get(i).copied().flatten().filter(|v| *v > 0.0) else { continue };
            let (bottom, top) = (frame.y(below), frame.y(below + value));
            below += value;
            // What is not 0 is seen.
            let height = (bottom - top).max(1.0);
            let class = match self.days[i].state {
                SlotState::Over => format!("s{n}"),
                SlotState::Running => format!("s{n} part"),
                SlotState::Forecast => "ghost".to_owned(),
            };
            let y = bottom - height;
            _ = write!(
                out,
                "<rect class=\"{class}\" x=\"{x:.2}\" y=\"{y:.1}\" width=\"{width:.2}\" height=\"{height:.1}\"/>"
            );
        }
    }

    fn lines(&self, out: &mut String, frame: &Frame) {
        let mut ends: Vec<(f64, usize)> = Vec::new();
        for (n, series) in self.series.iter().enumerate() {
            let mut path = String::new();
            let value = |i: usize| series.values.get(i).copied().flatten();
            for i in 0..self.days.len() {
                let Some(y) = value(i).map(|v| frame.y(v)) else { continue };
                let begins = i == 0 || value(i - 1).is_none();
                _ = write!(path, "{}{:.1} {y:.1}", if begins { 'M' } else { 'L' }, frame.middle(i));
                if begins && (i + 1 == self.days.len() || value(i + 1).is_none()) || self.days.len() <= 31 {
                    let (x, class) = (frame.middle(i), n + 1);
                    _ = write!(out, "<circle class=\"s{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>");
                }
            }
            _ = writeln!(out, "<path class=\"s{}\" d=\"{path}\"/>", n + 1);
            ends.extend(series.values.iter().rev().flatten().next().map(|v| (frame.y(*v), n)));
        }
        if self.series.len() > 1 {
            self.names(out, frame, ends);
        }
    }

    /// The series' names at the ends of their lines, apart from each other.
    fn names(&self, out: &mut String, frame: &Frame, mut ends: Vec<(f64, usize)>) {
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let floor = frame.height - frame.bottom;
        let mut lowest = frame.top - 14.0;
        let count = ends.len();
        for (rank, (y, n)) in ends.into_iter().enumerate() {
            let room = 14.0 * f64::from(u16::try_from(count - 1 - rank).unwrap_or(0));
            let y = y.min(floor - room).max(lowest + 14.0);
            lowest = y;
            _ = writeln!(
                out,
                "<text class=\"name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                frame.width - frame.right + 8.0,
                y + 4.0,
                escape(self.series[n].name)
            );
        }
    }

    /// Dates below the axis: as many as there is room for, the last day among them; months where days are many.
    fn dates(&self, out: &mut String, frame: &Frame) {
        let by_month = self.days.len() > 92;
        let every = if by_month { 1 } else { frame.days_per_label() };
        let least = if by_month { DATE_PITCH } else { DATE_WIDTH };
        let last = self.days.iter().rposition(|day| day.state != SlotState::Forecast).unwrap_or(0);
        let mut before = f64::NEG_INFINITY;
        for (i, day) in self.days.iter().enumerate() {
            let wanted =
                if by_month { day.date.ends_with("-01") } else { (i + every - last % every).is_multiple_of(every) };
            let x = frame.middle(i).min(frame.width - DATE_WIDTH / 2.0);
            if !wanted || x - before < least {
                continue;
            }
            before = x;
            let label = short_date(&day.date, by_month);
            _ = writeln!(
                out,
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                frame.height - 8.0,
                escape(&label)
            );
        }
    }
}

fn axis(out: &mut String, frame: &Frame) {
    for (value, label) in frame.scale.ticks() {
        let (y, class) = (frame.y(value), if value == 0.0 { "base" } else { "grid" });
        _ = writeln!(
            out,
            "<path class=\"{class}\" d=\"M{:.1} {y:.1}H{:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            frame.left,
            frame.width - frame.right,
            frame.left - 6.0,
            y + 4.0,
            escape(&label)
        );
    }
}

/// `21 Nov`; a month alone as `Nov`, and the first of a year as the year.
fn short_date(date: &str, by_month: bool) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut parts = date.rsplitn(3, '-');
    let (day, month, year) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next().unwrap_or(""));
    let name = month.parse::<usize>().ok().and_then(|n| MONTHS.get(n.checked_sub(1)?));
    match name {
        None => date.to_owned(),
        Some(&"Jan") if by_month => year.to_owned(),
        Some(name) if by_month => (*name).to_owned(),
        Some(name) => format!("{} {name}", day.trim_start_matches('0')),
    }
}

impl Frame {
    fn inner_width(&self) -> f64 {
        self.width - self.left - self.right
    }

    fn inner_height(&self) -> f64 {
        self.height - self.top - self.bottom
    }

    /// How wide a day is.
    fn slot(&self) -> f64 {
        self.inner_width() / float(self.days)
    }

    fn x(&self, day: usize) -> f64 {
        self.left + self.slot() * float(day)
    }

    fn middle(&self, day: usize) -> f64 {
        self.x(day) + self.slot() / 2.0
    }

    fn y(&self, value: f64) -> f64 {
        let share = (value / self.scale.top()).clamp(0.0, 1.0);
        self.height - self.bottom - share * self.inner_height()
    }

    fn days_per_label(&self) -> usize {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let days = (DATE_PITCH / self.slot()).ceil().max(1.0) as usize;
        days
    }
}

#[allow(clippy::cast_precision_loss)]
fn float(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(days: usize) -> Vec<Slot> {
        let date = |i: usize| crate::types::Day::of(2026, 1, 1).plus(i32::try_from(i).unwrap()).to_string();
        (0..days).map(|i| Slot { date: date(i), state: SlotState::Over }).collect()
    }

    fn chart(days: &[Slot], form: Form, values: Vec<Option<f64>>) -> Chart<'_> {
        let texts = values.iter().map(|v| v.map_or(String::new(), |v| format!("{v} <b>"))).collect();
        let series = vec![Series { name: "<one>", values, texts }];
        let description = "what <i> there is".to_owned();
        Chart { id: "c", title: "<title>", description, unit: Unit::Usd, form, days, series, limit: None }
    }

    /// Every number of every coordinate lies within the drawing, and nothing is not a number.
    fn sound(svg: &str) {
        for bad in ["NaN", "inf", "<b>", "<i>", "<one>", "width=\"-", "height=\"-"] {
            assert!(!svg.contains(bad), "{bad}: {svg}");
        }
        for (open, close) in [("<g ", "</g>"), ("<svg ", "</svg>"), ("<text ", "</text>"), ("<title", "</title>")] {
            assert_eq!(svg.matches(open).count(), svg.matches(close).count(), "{open}");
        }
    }

    #[test]
    fn any_number_of_days_and_any_value_can_be_drawn() {
        for form in [Form::Bars, Form::Lines] {
            for count in [0, 1, 2, 31, 92, 93, 366] {
                for value in [0.0, 1e-9, 1.0, 9.2e9, 1.9e19] {
                    let days = slots(count);
                    let mut chart = chart(&days, form, vec![Some(value); count]);
                    sound(&chart.render());
                    chart.limit = Some((5.0, "limit".to_owned()));
                    sound(&chart.render());
                    chart.series[0].values = (0..count).map(|i| (i % 2 == 0).then_some(value)).collect();
                    sound(&chart.render());
                }
            }
        }
    }

    #[test]
    fn bars_grow_with_their_values_from_0() {
        let days = slots(3);
        let svg = chart(&days, Form::Bars, vec![Some(1.0), Some(0.5), None]).svg("broad", (100.0, 138.0));
        let heights: Vec<&str> =
            svg.split("class=\"s1\"").skip(1).map(|r| r.split("height=\"").nth(1).unwrap()).collect();
        assert!(heights.len() == 2 && heights[0].starts_with("100.0") && heights[1].starts_with("50.0"), "{svg}");
        assert!(svg.contains("<title>2026-01-02: 0.5 &lt;b&gt;</title>"), "{svg}");
        assert!(svg.contains("<title>2026-01-03: nothing</title>"), "{svg}");
    }

    #[test]
    fn bars_stand_on_the_axis_in_the_middle_of_their_days() {
        let days = slots(3);
        let svg = chart(&days, Form::Bars, vec![Some(1.0), Some(0.5), Some(0.25)]).svg("broad", WIDE);
        let sides = |class: &str| -> Vec<[f64; 4]> {
            let number = |rect: &str, name: &str| {
                let text = rect.split(&format!(" {name}=\"")).nth(1).unwrap();
                text.split('"').next().unwrap().parse().unwrap()
            };
            let begins = format!("<rect class=\"{class}\"");
            let rects = svg.split(&begins).skip(1);
            rects.map(|rect| ["x", "y", "width", "height"].map(|name| number(rect, name))).collect()
        };
        let (bars, hits) = (sides("s1"), sides("hit"));
        assert_eq!((bars.len(), hits.len()), (3, 3), "{svg}");
        for ([x, y, width, height], [left, top, day, all]) in bars.into_iter().zip(hits) {
            let near = |a: f64, b: f64| assert!((a - b).abs() < 0.11, "{a} is not {b}: {svg}");
            near(x + width / 2.0, left + day / 2.0);
            near(y + height, top + all);
        }
    }

    #[test]
    fn points_are_marked_where_they_are_few_or_alone() {
        for (count, every, marked) in [(31, 1, 31), (32, 1, 0), (32, 2, 16), (33, 2, 17)] {
            let days = slots(count);
            let values = (0..count).map(|i| (i % every == 0).then_some(1.0)).collect();
            let svg = chart(&days, Form::Lines, values).svg("broad", WIDE);
            assert_eq!(svg.matches("<circle").count(), marked, "{count} days, every {every}");
        }
    }

    #[test]
    fn a_line_is_broken_where_there_is_no_value() {
        let days = slots(5);
        let values = vec![Some(1.0), Some(1.0), None, Some(1.0), Some(0.0)];
        let svg = chart(&days, Form::Lines, values).svg("broad", WIDE);
        let path = svg.split("<path class=\"s1\" d=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 2), "{path}");
    }

    #[test]
    fn a_limit_far_above_all_else_is_left_to_the_words() {
        let days = slots(1);
        for (value, drawn) in [(1.0, true), (0.25, true), (0.2, false), (0.0, true)] {
            let mut chart = chart(&days, Form::Bars, vec![Some(value)]);
            chart.limit = Some((1.0, "the limit".to_owned()));
            assert_eq!((chart.limit_in_sight(), chart.render().contains("the limit")), (drawn, drawn), "{value}");
        }
    }

    #[test]
    fn dates_are_short() {
        for (date, by_month, shown) in [
            ("2026-11-01", false, "1 Nov"),
            ("2026-11-01", true, "Nov"),
            ("2027-01-01", true, "2027"),
            ("x", false, "x"),
        ] {
            assert_eq!(short_date(date, by_month), shown);
        }
        // Today has its label, whatever the number of days.
        for count in [1, 2, 7, 30, 31, 90] {
            let days = slots(count);
            let svg = chart(&days, Form::Bars, vec![Some(1.0); count]).svg("broad", WIDE);
            assert!(svg.contains(&format!(">{}</text>", short_date(&days[count - 1].date, false))), "{count}");
        }
    }
}
