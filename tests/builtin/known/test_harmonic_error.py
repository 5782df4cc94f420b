"""Errors that were put in are the errors that are found."""

import pytest
import torch

from ddspcore import Context
from ddspcore.builtin.known import HarmonicError, KnownTones, harmonic_picture
from ddspcore.pipeline import Output

CTX = Context({"sample": 16_000.0, "frame": 62.5})


@pytest.fixture(autouse=True)
def undrawn(request, monkeypatch):
    """Draw where a picture is looked at: it takes longer than all the rest."""
    if "picture" not in request.node.name:
        monkeypatch.setattr(harmonic_picture, "draw", lambda *given: None)


class Found:
    """Stands for a pipeline that found what is known, but for what is changed."""

    def __init__(self, **changes):
        self.changes = changes

    def __call__(self, batch):
        names = ("f0_hz", "harmonic_amplitude", "harmonic_distribution")
        found = {name: batch[f"known_{name}"] for name in names}
        found |= {n: change(found.get(n, batch["f0_hz"])) for n, change in self.changes.items()}
        return Output(None, {}, batch | found)


def evaluate(folder, found, **options):
    source = KnownTones(KnownTones.Options(seconds=0.5, tones=2), CTX)
    evaluator = HarmonicError(HarmonicError.Options(**options), CTX)
    return evaluator(found, [source.batch("train", [i]) for i in range(2)], folder)


def test_what_is_known_has_no_error(tmp_path):
    assert set(evaluate(tmp_path, Found()).values()) == {0.0}


def test_a_gain_is_an_error_of_all_harmonics(tmp_path):
    found = evaluate(tmp_path, Found(harmonic_amplitude=lambda a: 10 ** (1 / 20) * a))
    assert found["harmonic-db"] == pytest.approx(1.0, abs=1e-4)
    assert found["harmonic-db-p90"] == pytest.approx(1.0, abs=1e-4)
    assert found["pitch-cents"] == 0.0


def louder_from(k):
    def change(shares):
        gains = torch.ones(shares.shape[-1])
        gains[k:] = 2.0
        return shares * gains

    return change


def test_harmonics_out_of_range_do_not_count(tmp_path):
    # A sawtooth's are 20 dB below the first from the tenth on; its levels move by some dB.
    changed = Found(
        harmonic_distribution=louder_from(40),
    )
    assert evaluate(tmp_path, changed, range=80.0)["harmonic-db-p90"] > 0.1
    assert evaluate(tmp_path, changed, range=6.0)["harmonic-db-p90"] < 0.8


def test_a_harmonic_that_is_missing_is_an_error_and_no_failure(tmp_path):
    few = Found(harmonic_distribution=lambda d: d[..., :1] / d[..., :1])
    found = evaluate(tmp_path, few)
    assert found["harmonic-db"] > 80.0


def test_the_pitch_that_counts_is_the_one_that_is_played(tmp_path):
    detuned = {"f0_hz": lambda f0: f0 * 2 ** (50 / 1200)}
    assert evaluate(tmp_path, Found(**detuned))["pitch-cents"] == pytest.approx(50.0, abs=0.01)
    detuned["f0_offset_cents"] = lambda f0: torch.full_like(f0, -50.0)
    assert evaluate(tmp_path, Found(**detuned))["pitch-cents"] == pytest.approx(0.0, abs=0.01)


def test_it_draws_a_picture(tmp_path):
    evaluate(tmp_path, Found())
    assert (tmp_path / "harmonics.png").read_bytes().startswith(b"\x89PNG")
