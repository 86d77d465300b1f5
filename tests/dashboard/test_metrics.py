"""What Prometheus reads, by its own parser."""

import math
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dashboard.conftest import serving, until
from dashboard.stores import Writer, direction_head
from ostinato.dashboard.metrics import text
from ostinato.dashboard.view import View


def parsed(body):
    found = {}
    for family in text_string_to_metric_families(body.decode()):
        assert family.documentation
        for sample in family.samples:
            found[(sample.name, *sorted(sample.labels.items()))] = sample.value
    return found


def test_all_that_is_known_is_told(writer):
    writer.gap()
    writer.gap("unfillable", "gone")
    health = writer.health(state="live", problem='a "quoted"\\ problem\n')
    with serving(writer.path) as client:
        until(lambda: client.get("/api/state").json().get("verdict"))
        answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    found = parsed(answer.content)
    assert found[("ostinato_up",)] == 1
    assert 0 < found[("ostinato_data_age_seconds",)] < 60
    assert found[("ostinato_lag_seconds",)] == health.lag
    assert found[("ostinato_clock_offset_seconds",)] == health.clock_offset
    assert found[("ostinato_gaps_total", ("outcome", "filled"))] == 1
    assert found[("ostinato_gaps_total", ("outcome", "unfillable"))] == 1
    assert found[("ostinato_reconnects_total",)] == 1
    assert found[("ostinato_predictions_total",)] == 400
    assert found[("ostinato_scores_total",)] == 399
    assert found[("ostinato_scored_total",)] == 395
    assert found[("ostinato_state", ("state", "live"))] == 1
    assert found[("ostinato_state", ("state", "ended"))] == 0
    assert found[("ostinato_memory_bytes",)] == health.memory_bytes
    buckets = [value for name, value in found.items() if name[0] == "ostinato_latency_seconds_bucket"]
    assert buckets == sorted(buckets)
    assert found[("ostinato_latency_seconds_bucket", ("le", "+Inf"))] == sum(health.latency_counts)
    assert found[("ostinato_latency_seconds_bucket", ("le", "0.003"))] == 340
    assert found[("ostinato_latency_seconds_sum",)] == pytest.approx(health.latency_sum)
    loss = found[("ostinato_loss", ("loss", "log-loss"), ("who", "model"))]
    base = found[("ostinato_loss", ("loss", "log-loss"), ("who", "base_rate"))]
    assert base == pytest.approx(math.log(2))
    assert found[("ostinato_skill", ("baseline", "base_rate"))] == pytest.approx(base - loss)


def test_before_anything_has_happened(tmp_path):
    assert parsed(text(View("none"), time.time()))[("ostinato_up",)] == 0


def test_names_from_a_store_stay_labels(tmp_path):
    evil = 'x"} 1\\ ostinato_up 1 {'
    writer = Writer(tmp_path / "evil.sqlite", direction_head(baselines=("base_rate", "sign_table", evil)))
    writer.run(20)
    writer.health()
    writer.close()
    from dashboard.test_view import viewed

    found = parsed(text(viewed(writer.path), time.time()))
    assert ("ostinato_skill", ("baseline", evil)) in found
