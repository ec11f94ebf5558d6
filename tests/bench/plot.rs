//! Lines over a logarithmic axis, as SVG: throughput on the left, the slowest hundredth on the right.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::report::Row;

const COLOURS: &[&str] = &[
    "#1b6ca8", "#c8553d", "#3a7d44", "#7b4b94", "#b8860b", "#2a9d8f", "#8d5524", "#555555",
];
const PANEL: (f64, f64) = (380.0, 260.0);

/// A line: its name, and its points.
type Lines = BTreeMap<String, Vec<(f64, f64)>>;

/// What is drawn by size: each workload once, with the clients of the targets.
pub(crate) fn by_size(rows: &[Row]) -> String {
    let drawn = ["create", "page, first", "page, deep", "screen, 20 entries"];
    let is_drawn = |row: &&Row| {
        let is_usual = row.clients == if row.workload == "create" { 32 } else { 16 };
        drawn.contains(&row.workload.as_str()) && is_usual
    };
    let name = |row: &Row| format!("{}: {}", row.database, row.workload);
    draw("requests", rows.iter().filter(is_drawn), name, |row| {
        row.tickets as f64
    })
}

/// What is drawn by clients: filing, at each size.
pub(crate) fn by_clients(rows: &[Row]) -> String {
    let name = |row: &Row| format!("{}: create at {}", row.database, row.tickets);
    let filings = rows.iter().filter(|row| row.workload == "create");
    draw("clients", filings, name, |row| row.clients as f64)
}

fn draw<'a>(
    axis: &str,
    rows: impl Iterator<Item = &'a Row>,
    name: impl Fn(&Row) -> String,
    x: impl Fn(&Row) -> f64,
) -> String {
    let (mut speed, mut tail) = (Lines::new(), Lines::new());
    for row in rows {
        speed
            .entry(name(row))
            .or_default()
            .push((x(row), row.per_second));
        tail.entry(name(row))
            .or_default()
            .push((x(row), row.p99_ms));
    }
    let legend = 20.0 * speed.len() as f64;
    let (width, height) = (2.0 * (PANEL.0 + 80.0), PANEL.1 + 90.0 + legend);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    panel(&mut svg, 60.0, "answers a second", axis, &speed);
    panel(&mut svg, 60.0 + PANEL.0 + 80.0, "p99 in ms", axis, &tail);
    for (nth, name) in speed.keys().enumerate() {
        let y = PANEL.1 + 85.0 + 20.0 * nth as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"60\" y=\"{:.0}\" width=\"14\" height=\"4\" fill=\"{}\"/><text x=\"82\" y=\"{y:.0}\">{name}</text>",
            y - 6.0,
            COLOURS[nth % COLOURS.len()]
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn panel(svg: &mut String, left: f64, title: &str, axis: &str, lines: &Lines) {
    let points = || lines.values().flatten();
    let most = points().map(|point| point.1).fold(1.0, f64::max) * 1.1;
    let first = points()
        .map(|point| point.0)
        .fold(f64::INFINITY, f64::min)
        .max(1.0);
    let last = points()
        .map(|point| point.0)
        .fold(1.0, f64::max)
        .max(first * 2.0);
    let place = |(x, y): (f64, f64)| {
        let across = (x.max(1.0) / first).ln() / (last / first).ln();
        (left + across * PANEL.0, 30.0 + PANEL.1 * (1.0 - y / most))
    };
    let bottom = 30.0 + PANEL.1;
    let _ = writeln!(
        svg,
        "<text x=\"{left:.0}\" y=\"18\" font-weight=\"bold\">{title}</text>\n\
         <path d=\"M{left:.0} 30V{bottom:.0}H{:.0}\" fill=\"none\" stroke=\"#333\"/>\n\
         <text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{axis}</text>",
        left + PANEL.0,
        left + PANEL.0,
        bottom + 36.0
    );
    for step in 1..=4 {
        let value = most * f64::from(step) / 4.4;
        let (_, y) = place((first, value));
        let _ = writeln!(
            svg,
            "<path d=\"M{left:.0} {y:.1}h{:.0}\" stroke=\"#ddd\"/>\
             <text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{value:.0}</text>",
            PANEL.0,
            left - 6.0,
            y + 4.0
        );
    }
    let mut marks: Vec<f64> = points().map(|point| point.0).collect();
    marks.sort_unstable_by(f64::total_cmp);
    marks.dedup();
    for mark in marks {
        let (x, _) = place((mark, 0.0));
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{mark:.0}</text>",
            bottom + 18.0
        );
    }
    for (nth, points) in lines.values().enumerate() {
        let mut points = points.clone();
        points.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
        let colour = COLOURS[nth % COLOURS.len()];
        let path: Vec<String> = points
            .iter()
            .map(|point| {
                let (x, y) = place(*point);
                let _ = writeln!(
                    svg,
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"
                );
                format!("{x:.1},{y:.1}")
            })
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
    }
}
