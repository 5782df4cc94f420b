"""Matching brings what is foreign to what was trained, and leaves what was trained alone."""

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ddspcore import Context, Control
from ddspcore.builtin.features import Deltas
from ddspcore.data.features import FeatureNode
from ddspcore.data.survey import survey
from ddspcore.rendering.controls import with_changed
from ddspcore.rendering.hearing import hear
from ddspcore.rendering.matching import Match, find_match, statistics_of
from ddspcore.rendering.pieces import Pieces

AUDIO = Path(__file__).parents[1] / "audio"
CTX = Context({"sample": 16_000.0, "frame": 62.5})
RATE = 62.5
F0 = Control("f0_hz", unit="hz", lo=50.0, hi=2000.0)
LEVEL = Control("loudness_db", unit="db", lo=-80.0, hi=0.0)
VOICING = Control("voicing", unit="probability", lo=0.0, hi=1.0)
DELTAS = Deltas(Deltas.Options(), CTX)
NODES = (
    FeatureNode("f0", torch.nn.Identity(), "", (F0, VOICING), ("audio",)),
    FeatureNode("loudness", torch.nn.Identity(), "", (LEVEL,), ("audio",)),
    FeatureNode(
        "deltas",
        DELTAS,
        "",
        Deltas.provides(Deltas.Options(), CTX),
        ("f0_hz", "loudness_db"),
    ),
)


def stretch(f0_hz, level_db, voiced=None):
    given_ = {"f0_hz": f0_hz, "loudness_db": level_db}
    given_["voicing"] = [1.0] * len(f0_hz) if voiced is None else voiced
    made = {name: torch.tensor(v, dtype=torch.float32).view(1, -1, 1) for name, v in given_.items()}
    return made | DELTAS(made)


def tune(low, high, quiet, loud, frames=100):
    """Return a tune that climbs through a range of pitch and of level."""
    way = torch.linspace(0, 1, frames)
    return stretch((low * (high / low) ** way).tolist(), (quiet + (loud - quiet) * way).tolist())


def trained_with(*stretches):
    return statistics_of({"statistics": json.loads(json.dumps(survey(stretches, NODES, RATE)))})


def matched(played, *stretches, **how):
    return find_match(played, NODES, trained_with(*stretches), RATE, **how)


tunes = st.integers(16, 60).flatmap(
    lambda frames: st.tuples(
        st.lists(st.floats(50, 2000), min_size=frames, max_size=frames),
        st.lists(st.floats(-79, 0), min_size=frames, max_size=frames),
    )
)


@given(st.lists(tunes, min_size=1, max_size=4))
def test_whatever_was_trained_on_stays_as_it_is(many):
    stretches = [stretch(*each) for each in many]
    for played in stretches:
        assert matched(played, *stretches) == Match()


@pytest.mark.parametrize("octaves", [-4, -3, -1, 1, 2, 5])
def test_another_register_moves_by_octaves(octaves):
    violin = tune(200, 800, -40, -20)
    played = tune(200 * 2.0**octaves, 800 * 2.0**octaves, -40, -20)
    match = matched(played, violin)
    assert match.octaves == -octaves
    moved = match.apply(played, NODES)
    torch.testing.assert_close(moved["f0_hz"], violin["f0_hz"], rtol=1e-5, atol=0)
    assert moved["loudness_db"].equal(played["loudness_db"])


def test_the_nearest_register_is_the_one_that_holds_most_of_the_tune():
    violin = tune(200, 800, -40, -20)
    assert matched(tune(150, 300, -40, -20), violin).octaves == 0  # a fourth below does not pay
    assert matched(tune(100, 190, -40, -20), violin).octaves == 1
    assert matched(tune(50, 70, -40, -20), tune(440, 440.1, -40, -20)).octaves == 3


def test_octave_errors_of_the_tracker_move_nothing():
    played = tune(220, 440, -40, -20)
    played["f0_hz"][:, ::12] /= 4
    assert matched(played, tune(200, 800, -40, -20)) == Match()


@pytest.mark.parametrize("by", [-25.0, 12.0])
def test_another_level_becomes_that_of_the_training(by):
    violin, played = tune(200, 800, -40, -20), tune(200, 800, -40 + by, -20 + by)
    match = matched(played, violin)
    way = "softer" if by > 0 else "louder"
    assert list(match.in_words()) == [f"made {abs(by):.0f} dB {way}"]
    moved = match.apply(played, NODES)
    torch.testing.assert_close(moved["loudness_db"], violin["loudness_db"], rtol=0, atol=0.01)
    assert moved["f0_hz"].equal(played["f0_hz"])


def test_dynamics_are_narrowed_and_what_is_between_the_notes_is_not_raised():
    match = matched(tune(200, 800, -70, 0), tune(200, 800, -40, -20))
    level = match.levels["loudness_db"]
    assert level.scale == 0.5
    assert list(match.in_words())[-1] == "dynamics made narrower, by a factor of 0.5"
    quiet = torch.tensor([-80.0, level.soft - 5.0, level.soft])
    moved = level.apply(quiet, LEVEL)
    assert moved[0] == -80.0
    assert (moved[2] - moved[1]).item() == pytest.approx(5.0, abs=1e-4)


def test_dynamics_are_widened_at_most_twice():
    match = matched(tune(200, 800, -30.1, -30), tune(200, 800, -60, -10))
    assert match.levels["loudness_db"].scale == 2.0
    assert match.apply(tune(200, 800, -80, 0), NODES)["loudness_db"].max() <= 0.0


def test_silence_stays_silence():
    played = tune(200, 800, -70, -50)
    played["loudness_db"][:, 40:60] = -80.0
    moved = matched(played, tune(200, 800, -40, -20)).apply(played, NODES)
    assert (moved["loudness_db"][:, 40:60] == -80.0).all()


def test_each_part_can_be_left_alone():
    violin, played = tune(200, 800, -40, -20), tune(800, 3200, -80, -60)
    assert matched(played, violin, register=False).octaves == 0
    assert matched(played, violin, loudness=False).levels == {}
    assert matched(played, violin, register=False, loudness=False) == Match()


def test_what_is_hardly_voiced_is_not_matched():
    voiced = [1.0] * 10 + [0.0] * 90
    played = stretch([1760.0] * 100, [-70.0] * 100, voiced)
    assert matched(played, tune(100, 200, -40, -20)) == Match()


def test_what_is_made_of_changed_features_changes_with_them():
    played = tune(200, 800, -40, -20)
    moved = with_changed(played, {"loudness_db": played["loudness_db"] * 0.5}, NODES)
    change = moved["loudness_db_delta"]
    torch.testing.assert_close(change, played["loudness_db_delta"] * 0.5)
    assert moved["f0_hz_delta"].equal(played["f0_hz_delta"])


def test_real_instruments_stay_themselves_and_go_to_each_other(open_shipped):
    """A voice that was recorded softly, played by the shipped recipe's features of a trumpet."""
    run = open_shipped()
    found = {
        name: hear(run, AUDIO / file, Pieces())[0].features
        for name, file in (
            ("trumpet", "trumpet_16k.ogg"),
            ("bassoon", "bassoon_16k.ogg"),
            ("voice", "voice_vocadito_10_16k.ogg"),
        )
    }
    for name, features in found.items():
        trained = statistics_of({"statistics": survey([features], run.features, RATE)})
        assert find_match(features, run.features, trained, RATE) == Match(), name
        for other in found.keys() - {name}:
            match = find_match(found[other], run.features, trained, RATE)
            moved = match.apply(found[other], run.features)
            again = find_match(moved, run.features, trained, RATE)
            assert (again.octaves, again.levels) == (0, {}), (name, other)
