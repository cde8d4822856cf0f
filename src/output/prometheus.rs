//! Metrics in Prometheus's text exposition format, version 0.0.4.

use std::fmt::Write;

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// It only rises.
    Counter,
    /// It rises and falls.
    Gauge,
    /// Counts below bounds, with their sum.
    Histogram,
}

impl MetricKind {
    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Labels of a sample: names and values.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

/// A page of metrics, written from top to bottom.
#[derive(Debug, Clone, Default)]
pub struct Exposition(String);

impl Exposition {
    /// Begins a metric; its samples follow. `help` is one sentence.
    pub fn metric(&mut self, name: &str, kind: MetricKind, help: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {}", kind.name());
    }

    /// A sample of the metric that was begun last. `value` is a decimal number as text, so that money stays exact.
    pub fn sample(&mut self, name: &str, labels: Labels<'_>, value: &str) {
        self.0.push_str(name);
        for (i, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            _ = write!(self.0, "{}{label}=\"{text}\"", if i == 0 { '{' } else { ',' });
        }
        _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }

    /// The page.
    pub fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_help_are_escaped() {
        let mut page = Exposition::default();
        page.metric("llmr_x_total", MetricKind::Counter, "Back\\slash\nand line.");
        page.sample("llmr_x_total", &[("a", "say \"hi\""), ("b", "c:\\d\n")], "0.000000001");
        page.sample("llmr_x_total", &[], "1");
        assert_eq!(
            page.finish(),
            "# HELP llmr_x_total Back\\\\slash\\nand line.\n# TYPE llmr_x_total counter\n\
             llmr_x_total{a=\"say \\\"hi\\\"\",b=\"c:\\\\d\\n\"} 0.000000001\nllmr_x_total 1\n"
        );
    }
}
