//! Plots as SVG: horizontal bars, of one figure or of stages in a row.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Rows of bars.
#[derive(Clone, Debug)]
pub struct Plot {
    title: String,
    unit: &'static str,
    rows: Vec<(String, Vec<(&'static str, f64)>)>,
}

const WIDTH: i32 = 900;
/// Where bars begin and end.
const LEFT: i32 = 230;
const RIGHT: i32 = WIDTH - 90;
const TOP: i32 = 50;
const ROW: i32 = 28;

/// Okabe and Ito's colours, which can be told apart by everyone, and three more.
const COLORS: [RGBColor; 11] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(213, 94, 0),
    RGBColor(86, 180, 233),
    RGBColor(204, 121, 167),
    RGBColor(240, 228, 66),
    RGBColor(60, 60, 60),
    RGBColor(150, 150, 150),
    RGBColor(120, 80, 40),
    RGBColor(200, 200, 120),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

impl Plot {
    /// One figure in each row.
    pub fn bars(title: &str, unit: &'static str, rows: Vec<(String, f64)>) -> Plot {
        let rows = rows.into_iter().map(|(name, figure)| (name, vec![("", figure)])).collect();
        Plot { title: title.to_owned(), unit, rows }
    }

    /// Stages in each row.
    pub fn stacked(title: &str, unit: &'static str, rows: Vec<(String, Vec<(&'static str, f64)>)>) -> Plot {
        Plot { title: title.to_owned(), unit, rows }
    }

    /// The stages' names, in the order in which they first come.
    fn stages(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        for (name, _) in self.rows.iter().flat_map(|(_, stages)| stages) {
            if !names.contains(name) {
                names.push(*name);
            }
        }
        names
    }

    /// Draws it into `file`.
    pub fn draw(&self, file: &Path) -> Result<()> {
        let stages = self.stages();
        let legend = if stages.len() > 1 { (stages.len() as i32).div_euclid(4) + 1 } else { 0 };
        let height = TOP + ROW * (self.rows.len() as i32 + legend) + 20;
        let area = SVGBackend::new(file, (WIDTH as u32, height as u32)).into_drawing_area();
        self.paint(&area, &stages).map_err(|error| anyhow!("drawing {}: {error}", file.display()))
    }

    fn paint(&self, area: &Area<'_>, stages: &[&str]) -> Result<(), Box<dyn std::error::Error>> {
        area.fill(&WHITE)?;
        let text = |text: String, at: (i32, i32), size: i32, side: HPos| {
            let style = ("sans-serif", size).into_font().color(&BLACK).pos(Pos::new(side, VPos::Center));
            area.draw(&Text::new(text, at, style))
        };
        text(format!("{} ({})", self.title, self.unit), (10, 22), 18, HPos::Left)?;
        let sum = |row: &[(&str, f64)]| row.iter().map(|(_, figure)| *figure).sum::<f64>();
        let most = self.rows.iter().map(|(_, row)| sum(row)).fold(f64::MIN_POSITIVE, f64::max);
        let x = |figure: f64| LEFT + (f64::from(RIGHT - LEFT) * figure / most) as i32;
        let color = |stage: &str| {
            let index = stages.iter().position(|known| *known == stage).unwrap_or(0);
            COLORS[index % COLORS.len()]
        };
        let mut y = TOP;
        for (name, row) in &self.rows {
            let middle = y + ROW / 2 - 2;
            text(name.clone(), (LEFT - 8, middle), 13, HPos::Right)?;
            let mut done = 0.0;
            for (stage, figure) in row {
                let corners = [(x(done), y), (x(done + figure), y + ROW - 6)];
                area.draw(&Rectangle::new(corners, color(stage).filled()))?;
                done += figure;
            }
            text(short(done), (x(done) + 6, middle), 13, HPos::Left)?;
            y += ROW;
        }
        if stages.len() > 1 {
            for (i, stage) in stages.iter().enumerate() {
                let (left, top) = (20 + (i as i32 % 4) * 215, y + 8 + (i as i32 / 4) * ROW);
                area.draw(&Rectangle::new([(left, top), (left + 14, top + 14)], color(stage).filled()))?;
                text((*stage).to_owned(), (left + 20, top + 7), 13, HPos::Left)?;
            }
        }
        area.present()?;
        Ok(())
    }
}

fn short(figure: f64) -> String {
    if figure >= 100.0 { format!("{figure:.0}") } else { format!("{figure:.2}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_legend_are_drawn() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.svg");
        let rows = vec![
            ("one".to_owned(), vec![("read", 1.0), ("jump", 0.5)]),
            ("two".to_owned(), vec![("read", 2.0), ("plan", 0.0)]),
        ];
        Plot::stacked("Title", "s", rows).draw(&file).unwrap();
        let svg = std::fs::read_to_string(&file).unwrap();
        for text in ["Title (s)", "one", "two", "read", "jump", "plan", "1.50", "2.00"] {
            assert!(svg.contains(text), "no {text} in {svg}");
        }
        assert!(!svg.contains("NaN"));
    }
}
