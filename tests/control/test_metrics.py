"""The server in numbers."""

from prometheus_client.parser import text_string_to_metric_families

METRICS = "/_mockchirp/metrics"


def read(mock):
    """Every sample by its name and labels."""
    answer = mock.get(METRICS, key=None)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_requests_are_counted_by_operation_and_status(mock):
    """Those that no route answers included."""
    mock.call()
    mock.call()
    mock.get("/v1/calls/nonsense")
    mock.get("/v1/nonsense")
    mock.put("/v1/calls")
    mock.get("/_mockchirp/clock")

    samples = read(mock)

    requests = {key[1:]: value for key, value in samples.items() if key[0] == "mockchirp_requests_total"}
    assert requests == {
        ("201", "createCall"): 2,
        ("400", "getCall"): 1,
        ("404", "none"): 1,
        ("405", "none"): 1,
        ("200", "getClock"): 1,
    }
    assert samples["mockchirp_request_duration_seconds_count", "createCall"] == 2
    assert samples["mockchirp_request_duration_seconds_sum", "createCall"] > 0
    buckets = [
        v for k, v in samples.items() if k[0] == "mockchirp_request_duration_seconds_bucket" and "createCall" in k
    ]
    assert buckets == sorted(buckets)
    assert buckets[-1] == 2


def test_a_reading_counts_itself_in_the_next_one(mock):
    """By then it has been answered."""
    assert ("mockchirp_requests_total", "200", "getMetrics") not in read(mock)
    assert read(mock)["mockchirp_requests_total", "200", "getMetrics"] == 1


def test_what_there_is_is_counted_over_all_sandboxes(mock):
    """Calls, recordings and deliveries by status, timers, events."""
    call_id = mock.call()["id"]
    mock.call(key="sk_test_app_other")
    mock.advance(by=5)
    mock.command(call_id, "start_recording")
    mock.command(call_id, "stop_recording")

    samples = read(mock)

    assert samples["mockchirp_calls", "in_progress"] == 1
    assert samples["mockchirp_calls", "initiated"] == 1
    assert samples["mockchirp_calls", "completed"] == 0
    assert samples["mockchirp_recordings", "processing"] == 1
    assert samples["mockchirp_sandboxes",] == 2
    assert samples["mockchirp_pending_timers",] == 4  # hang up, finish processing; ring, answer
    assert samples["mockchirp_events_total",] == 5 + 4 + 1
    assert samples["mockchirp_deliveries", "delivered"] + samples["mockchirp_deliveries", "pending"] == 6


def test_attempts_are_counted_by_outcome(mock):
    """With the status of the receiver's answer."""
    mock.receiver.answer = lambda dispatch: 503 if dispatch.attempt == 1 else 200
    mock.call("+15005550001")
    mock.advance(until="idle")

    samples = read(mock)

    assert samples["mockchirp_webhook_attempts_total", "503", "failed"] == 3
    assert samples["mockchirp_webhook_attempts_total", "200", "delivered"] == 3
    assert samples["mockchirp_deliveries", "delivered"] == 3
    assert samples["mockchirp_deliveries_in_flight",] == 0


def test_events_are_counted_on_over_a_reset(mock):
    """A counter does not fall."""
    mock.call()
    mock.advance(until="idle")
    before = read(mock)["mockchirp_events_total",]

    mock.post("/_mockchirp/reset")
    mock.call()

    assert before > 5
    assert read(mock)["mockchirp_events_total",] == before + 1


def test_the_process_is_shown(mock):
    """Its memory, and when it started."""
    samples = read(mock)

    assert samples["process_resident_memory_bytes",] > 10_000_000
    assert samples["process_start_time_seconds",] > 1_500_000_000


def test_reading_makes_no_sandbox(mock):
    """Nor does it ask for a key."""
    assert read(mock)["mockchirp_sandboxes",] == 0
