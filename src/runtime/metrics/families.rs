//! How a family is written: its descriptor, then each of its series.

use std::fmt;

use hdrhistogram::Histogram;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabelSet, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::Unit;

/// Upper bounds of the latency buckets in nanoseconds: powers of four from 1 µs to 16.8 s.
const BOUNDS: [u64; 13] = {
    let mut bounds = [1_000; 13];
    let mut at = 1;
    while at < bounds.len() {
        bounds[at] = bounds[at - 1] * 4;
        at += 1;
    }
    bounds
};

/// Writes one family after the other.
pub(super) struct Families<'a>(pub(super) DescriptorEncoder<'a>);

impl Families<'_> {
    /// A figure without labels.
    pub(super) fn level(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        value: impl EncodeGaugeValue + Copy,
    ) -> fmt::Result {
        self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?.encode_gauge(&value)
    }

    /// A count without labels.
    pub(super) fn count(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        value: impl EncodeCounterValue + Copy,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Counter)?;
        family.encode_counter(&value, None::<&Exemplar<NoLabelSet, f64>>)
    }

    pub(super) fn gauge<L: EncodeLabelSet, V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, V)>,
    ) -> fmt::Result {
        self.gauges(name, help, None, values)
    }

    /// The same, with a unit.
    pub(super) fn gauge_in<L: EncodeLabelSet, V: EncodeGaugeValue>(
        &mut self,
        unit: &Unit,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, V)>,
    ) -> fmt::Result {
        self.gauges(name, help, Some(unit), values)
    }

    fn gauges<L: EncodeLabelSet, V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        values: impl IntoIterator<Item = (L, V)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        values.into_iter().try_for_each(|(labels, value)| family.encode_family(&labels)?.encode_gauge(&value))
    }

    pub(super) fn counter<L: EncodeLabelSet, V: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        values: impl IntoIterator<Item = (L, V)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Counter)?;
        values.into_iter().try_for_each(|(labels, value)| {
            family.encode_family(&labels)?.encode_counter(&value, None::<&Exemplar<NoLabelSet, f64>>)
        })
    }

    /// Histograms of nanoseconds with their exact sums.
    pub(super) fn histogram<'h, L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, (&'h Histogram<u64>, u64))>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
        values.into_iter().try_for_each(|(labels, (histogram, sum))| {
            let buckets = buckets(histogram);
            let count = buckets.iter().map(|(_, count)| count).sum();
            family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
                sum as f64 / 1e9,
                count,
                &buckets,
                None,
            )
        })
    }
}

/// How many values lie under each bound and above the one before it, the bounds in seconds. The encoder adds them up.
fn buckets(histogram: &Histogram<u64>) -> [(f64, u64); BOUNDS.len() + 1] {
    let mut buckets = [(f64::INFINITY, 0); BOUNDS.len() + 1];
    for (bucket, bound) in buckets.iter_mut().zip(BOUNDS) {
        bucket.0 = bound as f64 / 1e9;
    }
    for value in histogram.iter_recorded() {
        let at = BOUNDS.partition_point(|bound| *bound < value.value_iterated_to());
        buckets[at].1 += value.count_at_value();
    }
    buckets
}
