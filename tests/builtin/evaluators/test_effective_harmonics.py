import pytest
import torch

from ddspcore.builtin.evaluators.effective_harmonics import EffectiveHarmonics
from ddspcore.dsp.oscillators import harmonic_bank
from ddspcore.errors import UserError

HOP, RATE, FRAMES, PARTIALS = 256, 16_000, 65, 40
EQUAL = torch.cat([torch.ones(10), torch.zeros(PARTIALS - 10)]) / 10
ONE = torch.eye(PARTIALS)[0]


def tone(shares: torch.Tensor, level: float = 1.0) -> torch.Tensor:
    amplitudes = level * shares.expand(1, FRAMES, -1).contiguous()
    return harmonic_bank(torch.full((1, FRAMES), 210.0), amplitudes, HOP, RATE)[0]


@pytest.fixture
def found(evaluate, told, as_batches):
    """Evaluate a target beside controls and what is heard."""

    def run(target, controls, heard):
        (batch,) = as_batches(target)
        batch["harmonic_distribution"] = controls.expand(1, FRAMES, -1)
        return evaluate(EffectiveHarmonics, told(all=lambda batch: heard[None]), [batch])

    return run


def test_all_three_agree_where_the_controls_are_right(found):
    numbers = found(tone(EQUAL), EQUAL, tone(EQUAL, 0.1))
    for key in ("controls", "heard", "target"):
        assert numbers[f"harmonics/{key}"] == pytest.approx(10.0, rel=0.01)
    assert numbers["harmonics/error"] == pytest.approx(0.0, abs=0.01)


def test_a_collapse_on_one_harmonic_shows(found):
    numbers = found(tone(EQUAL), ONE, tone(ONE))
    assert numbers["harmonics/controls"] == pytest.approx(1.0)
    assert numbers["harmonics/heard"] == pytest.approx(1.0, rel=0.01)
    assert numbers["harmonics/error"] == pytest.approx(0.9, abs=0.01)


def test_what_never_sounds_does_not_count(found):
    above = torch.ones(100) / 100  # at 210 Hz, 38 lie below half the rate
    assert found(tone(EQUAL), above, tone(EQUAL))["harmonics/controls"] == pytest.approx(38.0)


def test_silence_is_zero(found):
    silence = torch.zeros(HOP * (FRAMES - 1))
    assert set(found(silence, EQUAL, silence).values()) == {0.0}


def test_a_missing_control_is_told(evaluate, told, as_batches):
    pipeline = told(all=lambda batch: batch["audio"])
    with pytest.raises(UserError, match='there is no control "harmonic_distribution"'):
        evaluate(EffectiveHarmonics, pipeline, as_batches(tone(ONE)))


def test_other_rows_than_frames_are_told(evaluate, told, as_batches):
    (batch,) = as_batches(tone(ONE))
    batch["harmonic_distribution"] = EQUAL.expand(1, FRAMES - 1, -1)
    with pytest.raises(UserError, match="64 rows, and the sound 65 frames"):
        evaluate(EffectiveHarmonics, told(all=lambda batch: batch["audio"]), [batch])
