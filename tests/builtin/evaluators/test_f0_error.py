import math

import pytest
import torch

from ddspcore.builtin.evaluators.f0_error import F0Error


def tone(f0_hz: float, seconds: float = 2.0) -> torch.Tensor:
    t = torch.arange(round(16000 * seconds), dtype=torch.float64) / 16000
    return sum(torch.sin(2 * math.pi * k * f0_hz * t) / k for k in (1, 2, 3, 4)).float() * 0.2


@pytest.mark.parametrize("detune_cents", [-30.0, 0.0, 7.0, 40.0])
def test_a_detune_is_its_cents(evaluate, told, as_batches, detune_cents: float) -> None:
    detuned = tone(220 * 2 ** (detune_cents / 1200))
    found = evaluate(F0Error, told(x=lambda batch: detuned[None]), as_batches(tone(220)))
    assert found["f0-cents"] == pytest.approx(abs(detune_cents), abs=0.5)
    assert found["f0-outliers"] == 0.0


def test_a_quarter_an_octave_off_is_a_quarter_of_outliers(evaluate, told, as_batches) -> None:
    target = tone(220, 4.0)
    pred = torch.cat([tone(220, 3.0), tone(440, 1.0)])
    found = evaluate(F0Error, told(x=lambda batch: pred[None]), as_batches(target))
    assert found["f0-cents"] < 0.5
    assert found["f0-outliers"] == pytest.approx(0.25, abs=0.03)


def test_only_voiced_frames_of_the_target_count(evaluate, told, as_batches) -> None:
    torch.manual_seed(0)
    target = torch.cat([tone(220), 0.01 * torch.randn(32000)])
    pred = torch.cat([tone(220), tone(330)])
    found = evaluate(F0Error, told(x=lambda batch: pred[None]), as_batches(target))
    assert found["f0-outliers"] < 0.1


def test_it_gathers_frames_over_batches(evaluate, told, as_batches) -> None:
    batches = as_batches(tone(220, 3.0), tone(300, 1.0))
    pipeline = told(x=lambda b: b["audio"] if b["item"] == 0 else tone(600, 1.0)[None])
    assert evaluate(F0Error, pipeline, batches)["f0-outliers"] == pytest.approx(0.25, abs=0.03)


def test_silence_and_noise_have_nothing_to_compare(evaluate, told, as_batches) -> None:
    for target in (torch.zeros(16000), 0.1 * torch.rand(16000)):
        found = evaluate(F0Error, told(x=lambda batch: batch["audio"]), as_batches(target))
        assert found == {"f0-cents": 0.0, "f0-outliers": 0.0}


def test_a_silent_prediction_is_all_outliers(evaluate, told, as_batches) -> None:
    found = evaluate(F0Error, told(x=lambda batch: 0 * batch["audio"]), as_batches(tone(220)))
    assert found["f0-outliers"] == 1.0
    assert math.isfinite(found["f0-cents"])
