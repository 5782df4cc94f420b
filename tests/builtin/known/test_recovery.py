"""R1 of the ladder on half a second: what was put into a sound is found in it again."""

import json
from pathlib import Path

import pytest

LADDER = Path(__file__).parents[3] / "recipes" / "ladder"
SHORT = ("--set", "data.seconds=0.5", "--set", "backbone.seconds=0.5", "--device", "cpu")
MISSED = 4


@pytest.fixture
def climb(ddsp, tmp_path):
    """Run a rung and return its exit code and what its evaluators say."""

    def run(rung, *more):
        done = ddsp("run", LADDER / f"{rung}.toml", "--run-dir", tmp_path, *SHORT, *more)
        summary = json.loads((tmp_path / "summary.json").read_text())
        return done.code, summary["evaluation"]["train"]

    return run


@pytest.mark.slow
@pytest.mark.parametrize("rung", ["r1_harmonics", "r1_pitch"])
def test_harmonics_and_pitch_are_found_again(climb, rung):
    code, found = climb(rung)
    assert code == 0, found
    assert found["harmonic-db"] <= 0.05
    assert found["harmonic-db-p90"] <= 0.3
    assert found["pitch-cents-p90"] <= 1.0


@pytest.mark.slow
def test_a_wrong_pitch_that_is_believed_is_seen_in_the_harmonics(climb):
    code, found = climb("r1_detuned", "--set", "data.detune=40.0")
    assert code == MISSED
    assert found["harmonic-db"] > 2.0
    assert found["pitch-cents"] == pytest.approx(40.0, abs=0.01)
