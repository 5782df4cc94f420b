import os

import pytest

from benchmarks import timing
from benchmarks.peers import PeerMissingError
from benchmarks.timing import Case, Contender


def case(**entrants):
    return Case("sums", "forward", "small", entrants)


def test_a_ratio_is_the_median_of_the_rounds_and_not_the_ratio_of_medians():
    peer, ours = [10.0, 40.0, 30.0], [1.0, 10.0, 2.0]
    assert timing.ratio(peer, ours) == 10.0  # of 10, 4 and 15; the medians give 15


def test_a_ratio_needs_a_partner_for_every_round():
    with pytest.raises(ValueError, match="shorter"):
        timing.ratio([1.0, 2.0], [1.0])


def test_contenders_take_turns():
    turns = []
    found = timing.measure(
        case(
            one=lambda: Contender(lambda: turns.append("one") or 1.0, own_clock=True),
            two=lambda: Contender(lambda: turns.append("two") or 2.0, own_clock=True),
        ),
        "cpu",
        rounds=3,
    )
    assert turns[-6:] == ["one", "two"] * 3
    assert found["one"] == {"seconds": [1.0] * 3, "own process": True}
    assert found["two"]["seconds"] == [2.0] * 3


def test_a_turn_repeats_what_is_too_short_to_time():
    calls = []
    contender = Contender(lambda: calls.append(None))
    assert timing.warm_up(contender, "cpu") == timing.MOST_REPEATS
    calls.clear()
    assert timing.turn(contender, "cpu", 7) >= 0.0
    assert len(calls) == 7


def test_a_contender_runs_with_its_kernels(monkeypatch):
    monkeypatch.setenv("DDSP_KERNELS", "auto")
    seen = []
    chosen = Contender(lambda: seen.append(os.environ["DDSP_KERNELS"]), "reference")
    timing.measure(case(ours=lambda: chosen), "cpu", rounds=1)
    assert set(seen) == {"reference"}
    assert os.environ["DDSP_KERNELS"] == "auto"


def test_what_is_missing_is_a_row_and_stops_nobody():
    def missing():
        raise PeerMissingError("there is no checkout")

    found = timing.measure(case(peer=missing, ours=lambda: Contender(list)), "cpu", rounds=2)
    assert found["peer"] == {"absent": "there is no checkout"}
    assert len(found["ours"]["seconds"]) == 2


def test_a_check_is_kept_with_the_times():
    odd = Contender(list, check=lambda: 3.0, note="odd")
    found = timing.measure(case(peer=lambda: odd), "cpu", rounds=1)
    assert found["peer"]["difference"] == 3.0
    assert found["peer"]["note"] == "odd"
