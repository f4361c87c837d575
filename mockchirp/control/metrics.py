"""The server in numbers, for Prometheus (control-api.md, "Server").

The library is loaded with the first reading: most servers are never asked, and it would take up a good part of the start.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import accumulate
from operator import itemgetter
from typing import TYPE_CHECKING, get_args

from mockchirp.core.calls import CallStatus
from mockchirp.core.deliveries import DeliveryStatus
from mockchirp.core.recordings import RecordingStatus
from mockchirp.runtime import Runtime
from mockchirp.traffic import ABORTED, BOUNDS, Durations

if TYPE_CHECKING:
    from prometheus_client.core import Metric


def render(runtime: Runtime) -> tuple[bytes, str]:
    """All metrics in Prometheus' text format, and its content type."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
    from prometheus_client.registry import Collector

    class OfRuntime(Collector):
        def collect(self) -> Iterator["Metric"]:
            yield from _traffic(runtime)
            yield from _sandboxes(runtime)

    registry = CollectorRegistry(auto_describe=False)
    registry.register(OfRuntime())
    registry.register(_process())
    return generate_latest(registry), CONTENT_TYPE_LATEST


@cache
def _process() -> "Collector":  # type: ignore[name-defined]  # noqa: F821
    from prometheus_client import CollectorRegistry
    from prometheus_client.process_collector import ProcessCollector

    return ProcessCollector(registry=CollectorRegistry())


def _traffic(runtime: Runtime) -> Iterator["Metric"]:
    """What has gone through the server since its start."""
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

    traffic = runtime.traffic
    requests = CounterMetricFamily(
        "mockchirp_requests",
        "Requests by operation and status; operation none: no such route or method; status aborted: no answer.",
        labels=("operation", "status"),
    )
    by_operation: dict[str, list[Durations]] = defaultdict(list)
    for (operation, status), durations in sorted(traffic.requests.items(), key=itemgetter(0)):
        requests.add_metric((operation, "aborted" if status == ABORTED else str(status)), durations.count)
        by_operation[operation].append(durations)
    yield requests

    histogram = HistogramMetricFamily(
        "mockchirp_request_duration_seconds", "Real time from request to answer.", labels=("operation",)
    )
    for operation, parts in by_operation.items():
        counts = accumulate(map(sum, zip(*(part.buckets for part in parts), strict=True)))
        buckets = list(zip((*map(str, BOUNDS), "+Inf"), counts, strict=True))
        histogram.add_metric((operation,), buckets, sum_value=sum(part.total for part in parts))
    yield histogram

    attempts = CounterMetricFamily(
        "mockchirp_webhook_attempts",
        "Attempts to deliver a webhook, by outcome and the status of the receiver's answer.",
        labels=("outcome", "response_status"),
    )
    for (outcome, answer), count in sorted(traffic.attempts.items(), key=str):
        attempts.add_metric((outcome, "none" if answer is None else str(answer)), count)
    yield attempts


def _sandboxes(runtime: Runtime) -> Iterator["Metric"]:
    """What there is at the moment, in all sandboxes together."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    all_live = list(runtime)
    sandboxes = [live.sandbox for live in all_live]
    calls = Counter(call.status for sandbox in sandboxes for call in sandbox.calls.values())
    recordings = Counter(each.status for sandbox in sandboxes for each in sandbox.recorder.recordings.values())
    deliveries = Counter(delivery.status for sandbox in sandboxes for delivery in sandbox.deliveries)
    for name, what, statuses, counts in (
        ("calls", "Calls that are kept, by status.", CallStatus, calls),
        ("recordings", "Recordings that are kept, by status.", RecordingStatus, recordings),
        ("deliveries", "Webhook deliveries that are kept, by status.", DeliveryStatus, deliveries),
    ):
        gauge = GaugeMetricFamily(f"mockchirp_{name}", what, labels=("status",))
        for status in get_args(statuses):
            gauge.add_metric((status,), counts[status])
        yield gauge
    yield GaugeMetricFamily("mockchirp_sandboxes", "Sandboxes that there are.", len(all_live))
    yield GaugeMetricFamily(
        "mockchirp_pending_timers", "Actions that are scheduled.", sum(len(sandbox.timeline) for sandbox in sandboxes)
    )
    yield GaugeMetricFamily(
        "mockchirp_deliveries_in_flight",
        "Attempts to deliver a webhook that are under way.",
        sum(live.in_flight for live in all_live),
    )
    yield CounterMetricFamily(
        "mockchirp_events",
        "Events that have happened in all sandboxes.",
        runtime.traffic.past_events + sum(sandbox.events.last for sandbox in sandboxes),
    )
