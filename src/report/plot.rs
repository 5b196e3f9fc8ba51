//! The answers of `sweep` as a picture: an SVG of three charts against the first axis, a line for each value of the second.

use plotters::prelude::*;

use crate::answers::sweep::{Axis, Point, Sweep};

/// Most combinations that are drawn: each is a dot in the file.
pub const MOST_POINTS: u64 = 20_000;
/// Most lines of a chart: more cannot be told apart.
pub const MOST_LINES: usize = 10;

const SIZE: (u32, u32) = (900, 1_100);

/// The numbers of a sweep that are drawn.
#[derive(Debug)]
pub struct Plot {
    axis: String,
    title: String,
    /// For each line its name and its points.
    lines: Vec<(String, Vec<Drawn>)>,
}

#[derive(Clone, Copy, Debug)]
struct Drawn {
    x: f64,
    told_s: Option<f64>,
    packets: f64,
    bytes: f64,
}

/// How high a combination stands in a chart; none: it is not in it.
type Height = fn(&Drawn) -> Option<f64>;

/// Why a sweep cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// The axes are not what a picture needs.
    #[error("{0}")]
    Axes(String),
    /// The picture could not be made.
    #[error("the picture could not be drawn: {0}")]
    Drawing(String),
}

impl Plot {
    /// An empty picture of this sweep.
    ///
    /// # Errors
    /// [`PlotError::Axes`]: the first axis is not one of numbers, there are more than two axes, too many lines or points.
    pub fn new(sweep: &Sweep) -> Result<Plot, PlotError> {
        let (first, second) = match sweep.axes() {
            [first] => (first, None),
            [first, second] => (first, Some(second)),
            _ => {
                let why = "a picture has one axis, or two: one across and a line for each value of the other";
                return Err(PlotError::Axes(why.to_owned()));
            }
        };
        if first.values.iter().any(|v| v.number.is_none()) {
            let why = format!(
                "{} has values that are no numbers, and cannot go across",
                first.name
            );
            return Err(PlotError::Axes(why));
        }
        let lines = second.map_or(1, |axis| axis.values.len());
        if lines > MOST_LINES || sweep.len() > MOST_POINTS {
            let why = format!(
                "a picture has at most {MOST_LINES} lines and {MOST_POINTS} combinations; name the axis with fewer values second"
            );
            return Err(PlotError::Axes(why));
        }
        let name = |axis: &Axis, n: usize| format!("{} = {}", axis.name, axis.values[n].text);
        Ok(Plot {
            axis: match first.name.as_str() {
                "rtt" | "delay" => format!("{}, s", first.name),
                other => other.to_owned(),
            },
            title: sweep.name().to_owned(),
            lines: (0..lines)
                .map(|n| {
                    (
                        second.map_or(String::new(), |axis| name(axis, n)),
                        Vec::new(),
                    )
                })
                .collect(),
        })
    }

    /// Adds a combination.
    pub fn add(&mut self, sweep: &Sweep, point: &Point) {
        let x = sweep.axes()[0].values[point.values[0]]
            .number
            .unwrap_or_default();
        let line = point.values.get(1).copied().unwrap_or(0);
        self.lines[line].1.push(Drawn {
            x,
            told_s: point.outcome.told_after.map(|d| d.as_secs_f64()),
            packets: f64::from(point.outcome.packets),
            bytes: point.outcome.bytes as f64,
        });
    }

    /// The picture, the text of an SVG file.
    ///
    /// # Errors
    /// [`PlotError::Drawing`].
    pub fn to_svg(&self) -> Result<String, PlotError> {
        let mut text = String::new();
        {
            let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
            root.fill(&WHITE).map_err(drawing)?;
            let title = format!("{}: simulated on the engine", self.title);
            let root = root.titled(&title, ("sans-serif", 22)).map_err(drawing)?;
            let charts: [(&str, Height); 3] = [
                (
                    "time until the application is told, s after the death",
                    |d| d.told_s,
                ),
                ("packets sent after the death", |d| Some(d.packets)),
                ("bytes sent after the death", |d| Some(d.bytes)),
            ];
            for ((what, y), area) in charts.into_iter().zip(root.split_evenly((3, 1))) {
                self.chart(&area, what, y)?;
            }
            root.present().map_err(drawing)?;
        }
        Ok(text)
    }

    fn chart<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, plotters::coord::Shift>,
        what: &str,
        y: Height,
    ) -> Result<(), PlotError> {
        let all = || self.lines.iter().flat_map(|(_, points)| points);
        let (low, high) = span(all().map(|d| d.x));
        let (_, top) = span(all().filter_map(y).chain([0.0]));
        let mut chart = ChartBuilder::on(area)
            .caption(what, ("sans-serif", 17))
            .margin(12)
            .x_label_area_size(38)
            .y_label_area_size(64)
            .build_cartesian_2d(low..high, 0.0..top * 1.05)
            .map_err(drawing)?;
        chart
            .configure_mesh()
            .x_desc(&self.axis)
            .light_line_style(TRANSPARENT)
            .draw()
            .map_err(drawing)?;
        for (n, (name, points)) in self.lines.iter().enumerate() {
            let color = Palette99::pick(n).to_rgba();
            let mut ordered: Vec<(f64, f64)> =
                points.iter().filter_map(|d| Some((d.x, y(d)?))).collect();
            ordered.sort_by(|a, b| a.0.total_cmp(&b.0));
            let line = chart
                .draw_series(LineSeries::new(
                    ordered.iter().copied(),
                    color.stroke_width(2),
                ))
                .map_err(drawing)?;
            if !name.is_empty() {
                line.label(name).legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2))
                });
            }
            let dots = ordered.iter().map(|at| Circle::new(*at, 2, color.filled()));
            chart.draw_series(dots).map_err(drawing)?;
        }
        if self.lines.len() > 1 {
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::UpperLeft)
                .background_style(WHITE.mix(0.8))
                .border_style(BLACK.mix(0.3))
                .draw()
                .map_err(drawing)?;
        }
        Ok(())
    }
}

/// From the smallest to the largest, never empty.
fn span(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
        (low.min(v), high.max(v))
    });
    match low < high {
        true => (low, high),
        false if low.is_finite() => (low - 0.5, low + 0.5),
        false => (0.0, 1.0),
    }
}

fn drawing(error: impl std::fmt::Display) -> PlotError {
    PlotError::Drawing(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::builtin;
    use crate::target::TargetError;

    fn sweep(axes: &[&str]) -> Sweep {
        let scenario = builtin::find("power-off-idle")
            .expect("built in")
            .scenario()
            .expect("valid");
        let axes = axes.iter().map(|a| Axis::parse(a).expect(a)).collect();
        Sweep::new(scenario, axes).expect("a sweep")
    }

    #[test]
    fn three_charts_with_a_line_for_each_value() {
        let sweep = sweep(&["tcp_retries2=1..4", "rtt=1ms,80ms"]);
        let mut plot = Plot::new(&sweep).expect("drawable");
        sweep
            .each(|point| {
                plot.add(&sweep, &point);
                Ok::<(), TargetError>(())
            })
            .expect("runs");
        let svg = plot.to_svg().expect("drawn");
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        for text in [
            "rtt = 1ms",
            "rtt = 80ms",
            "packets sent after the death",
            "tcp_retries2",
        ] {
            assert!(svg.contains(text), "{text}");
        }
        // a dot for each combination in each chart
        assert_eq!(svg.matches("<circle").count(), 3 * 8);
    }

    #[test]
    fn what_cannot_be_drawn_says_why() {
        for axes in [
            &["kernel=linux-6.18,textbook"][..],
            &["hz=100,250", "rtt=1ms,2ms", "phase=0,1"],
            &["phase=0..99999"],
            &["hz=100,250", "phase=0..99"],
        ] {
            assert!(Plot::new(&sweep(axes)).is_err(), "{axes:?}");
        }
    }
}
