import pytest

from ddspcore import Metric


def test_better_follows_the_direction_and_the_least_gain() -> None:
    lower, higher = Metric("a", "", "lower", "a"), Metric("a", "", "higher", "a")
    assert lower.better(1.0, 2.0)
    assert not lower.better(2.0, 1.0)
    assert higher.better(2.0, 1.0)
    assert not lower.better(1.9, 2.0, min_delta=0.2)


def test_nan_is_never_better_and_anything_beats_nothing() -> None:
    metric = Metric("a", "", "lower", "a")
    assert metric.better(1e9, None)
    assert not metric.better(float("nan"), None)


@pytest.mark.parametrize(
    ("name", "key", "covered"),
    [
        ("mss", "mss", True),
        ("mss", "mss/b", False),
        ("share/*", "share/noise", True),
        ("share/*", "share", False),
        ("share/*", "shared/noise", False),
    ],
)
def test_a_metric_covers_its_key_or_family(name: str, key: str, covered: bool) -> None:
    assert Metric(name, "", "lower", "a").covers(key) is covered
