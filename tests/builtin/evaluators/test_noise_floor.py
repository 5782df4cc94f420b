import math

import pytest
import torch

from ddspcore.builtin.evaluators.noise_floor import NoiseFloor
from ddspcore.randomness import white_noise

RATE = 16000
NOISE = 0.1 * white_noise(torch.tensor([0]), 2 * RATE, seed=0, step=1, label="white")[0]
TONE = 0.1 * torch.sin(2 * math.pi * 440 * torch.arange(2 * RATE) / RATE)


def test_a_tone_has_no_floor(evaluate, told, as_batches) -> None:
    found = evaluate(NoiseFloor, told(same=lambda batch: batch["audio"]), as_batches(TONE))
    assert found == {"noise-floor": 0.0, "above-floor": 0.0}


def test_two_realisations_of_white_noise_lie_3_db_apart(evaluate, told, as_batches) -> None:
    pipeline = told(noise=lambda batch: 0.1 * batch["white"])
    found = evaluate(NoiseFloor, pipeline, as_batches(NOISE), realisations=3)
    assert found["noise-floor"] == pytest.approx(3.1, abs=0.3)
    assert found["above-floor"] == pytest.approx(0.0, abs=0.2)
    assert len(set(pipeline.steps)) == 3
    assert max(pipeline.steps) < -1


def test_noise_at_the_wrong_level_is_above_the_floor(evaluate, told, as_batches) -> None:
    pipeline = told(noise=lambda batch: 0.4 * batch["white"])
    assert evaluate(NoiseFloor, pipeline, as_batches(NOISE))["above-floor"] > 6.0
