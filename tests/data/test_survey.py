"""How pitch and level are spread: against what is known of what was played."""

import json

import pytest
import torch

from ddspcore import Control
from ddspcore.data.features import FeatureNode
from ddspcore.data.survey import Spread, heard, spread_of, survey

F0 = Control("f0_hz", unit="hz")
LEVEL = Control("loudness_db", unit="db", lo=-80.0, hi=0.0)
VOICING = Control("voicing", unit="probability")
FRAME_RATE = 100.0


def node(*provides):
    return FeatureNode("mine", torch.nn.Identity(), "", provides)


def stretch(f0_hz, level, voiced):
    each = {"f0_hz": f0_hz, "loudness_db": level, "voicing": voiced}
    return {
        name: torch.as_tensor(v, dtype=torch.float32).view(1, -1, 1) for name, v in each.items()
    }


def test_quantiles_are_those_of_the_data():
    spread = spread_of([torch.arange(101.0).flip(0)])
    assert spread.quantiles == tuple(5.0 * step for step in range(21))
    assert (spread.at(0.05), spread.at(0.5), spread.at(1.0)) == (5.0, 50.0, 100.0)
    assert (spread.low, spread.high, spread.frames) == (5.0, 95.0, 101)
    assert (spread.middle, spread.width) == ((50.0, 50.0), (90.0, 90.0))


def test_every_stretch_lies_between_low_and_high_for_the_greater_part():
    parts = [torch.randn(500) * scale + middle for scale, middle in ((1, 0), (5, 20), (0.1, -9))]
    spread = spread_of(parts)
    for part in parts:
        assert ((part >= spread.low) & (part <= spread.high)).float().mean() >= 0.9
        assert spread.middle[0] <= part.sort().values[249] <= spread.middle[1]


def test_only_what_is_voiced_counts():
    n = 100
    voiced = (torch.arange(n) < 60).float()
    f0_hz = torch.where(voiced > 0, 440.0, 50.0)
    found = survey([stretch(f0_hz, -20.0 * torch.ones(n), voiced)], [node(F0, LEVEL, VOICING)], 100)
    assert set(found) == {"f0_hz", "loudness_db"}
    assert (found["f0_hz"]["frames"], found["f0_hz"]["low"]) == (60, 440.0)


def test_without_voicing_a_level_counts_above_its_floor():
    level = torch.tensor([-80.0, -30.0, -80.0, -20.0]).view(1, 4, 1)
    assert heard({"loudness_db": level}, LEVEL).tolist() == [-30.0, -20.0]


@pytest.mark.parametrize("voiced", [0, 24])
def test_what_is_heard_too_briefly_is_not_described(voiced):
    """A click that a tracker takes for a note must not widen an instrument's register."""
    long = stretch([440.0] * 50, [-20.0] * 50, [1.0] * 50)
    brief = stretch([60.0] * 50, [-70.0] * 50, [1.0] * voiced + [0.0] * (50 - voiced))
    nodes = [node(F0, LEVEL, VOICING)]
    assert survey([long, brief], nodes, FRAME_RATE) == survey([long], nodes, FRAME_RATE)
    assert survey([brief], nodes, FRAME_RATE) == {}


def test_it_is_plain_json_and_comes_back():
    found = survey([stretch([440.0] * 50, [-20.0] * 50, [1.0] * 50)], [node(F0, LEVEL, VOICING)], 1)
    again = json.loads(json.dumps(found))
    assert again == found
    assert Spread(**again["f0_hz"]).at(0.5) == 440.0
