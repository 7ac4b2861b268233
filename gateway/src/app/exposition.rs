//! Collectors of the metrics library, made and registered.

use prometheus::core::Collector;
use prometheus::{GaugeVec, Histogram, HistogramOpts, IntCounterVec, Opts, Registry};

/// Takes a collector into a registry. Its name, help and labels are constant and valid.
pub(super) fn registered<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: prometheus::Result<C>,
) -> C {
    let collector = collector.expect("it is valid");
    registry
        .register(Box::new(collector.clone()))
        .expect("named once");
    collector
}

/// A family of counters with these labels.
pub(super) fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    registered(registry, IntCounterVec::new(Opts::new(name, help), labels))
}

/// A family of gauges with these labels.
pub(super) fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
    registered(registry, GaugeVec::new(Opts::new(name, help), labels))
}

/// A histogram with these buckets.
pub(super) fn histogram(registry: &Registry, name: &str, help: &str, buckets: Vec<f64>) -> Histogram {
    registered(
        registry,
        Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets)),
    )
}

/// So many buckets, each twice as large as the one before.
pub(super) fn doubling(from: f64, count: usize) -> Vec<f64> {
    prometheus::exponential_buckets(from, 2.0, count).expect("constant")
}
