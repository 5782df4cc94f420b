import math

import pytest
import torch

from ddspcore.builtin.evaluators.loudness_error import LoudnessError


def noise(samples: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(samples, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("gain_db", [-12.0, 0.0, 1.5])
def test_a_level_shift_is_its_decibels(evaluate, told, as_batches, gain_db: float) -> None:
    shifted = told(x=lambda batch: 10 ** (gain_db / 20) * batch["audio"])
    found = evaluate(LoudnessError, shifted, as_batches(noise(16384), noise(4096, 1)))
    assert found["loudness-db"] == pytest.approx(abs(gain_db), abs=1e-3)


def test_it_is_the_level_as_heard(evaluate, told, as_batches) -> None:
    t = torch.arange(16384) / 16000
    hum, tone = (0.1 * torch.sin(2 * math.pi * hz * t) for hz in (100.0, 1000.0))
    found = evaluate(LoudnessError, told(x=lambda batch: hum[None]), as_batches(tone))
    assert found["loudness-db"] == pytest.approx(19.1, abs=1.0)


def test_silence_of_the_target_does_not_count(evaluate, told, as_batches) -> None:
    target = torch.cat([noise(16384), torch.zeros(16384)])
    pred = torch.cat([0.5 * noise(16384), noise(16384)])
    found = evaluate(LoudnessError, told(x=lambda batch: pred[None]), as_batches(target))
    assert found["loudness-db"] == pytest.approx(6.02, abs=0.6)


def test_every_frame_counts_alike(evaluate, told, as_batches) -> None:
    batches = as_batches(noise(30 * 256), noise(10 * 256, 1))
    pipeline = told(x=lambda b: b["audio"] * (0.5 if b["item"] == 0 else 1.0))
    expected = 6.0206 * 31 / (31 + 11)
    assert evaluate(LoudnessError, pipeline, batches)["loudness-db"] == pytest.approx(expected)


def test_silence_is_finite(evaluate, told, as_batches) -> None:
    mute = told(x=lambda batch: 0 * batch["audio"])
    assert evaluate(LoudnessError, mute, as_batches(torch.zeros(4096)))["loudness-db"] == 0.0
    assert 20 < evaluate(LoudnessError, mute, as_batches(noise(4096)))["loudness-db"] <= 80
