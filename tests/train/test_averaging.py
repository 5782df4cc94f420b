import pytest
import torch
from torch import nn

from ddspcore.train.averaging import Average


def followed(decay: float, steps: int) -> float:
    """Return what is averaged when a weight jumps from 0 to 1 and stays."""
    module = nn.Linear(1, 1)
    nn.init.zeros_(module.weight)
    average = Average(module, decay)
    nn.init.ones_(module.weight)
    for step in range(1, steps + 1):
        average.update(step)
    return float(average.state["weight"])


def test_a_decay_of_0_averages_nothing():
    assert followed(0.0, steps=1) == 1.0


def test_the_start_is_forgotten_faster_than_the_decay():
    left = 1.0
    for step in range(1, 11):
        left *= min(0.99, (1 + step) / (10 + step))
    assert followed(0.99, steps=10) == pytest.approx(1 - left)
    assert left < 0.99**10 / 1000


def test_weights_are_their_own_again_after_a_measurement():
    module = nn.Linear(2, 2)
    average = Average(module, 0.5)
    with torch.no_grad():
        module.weight.add_(1.0)
    own = module.weight.clone()
    with average.swapped_in():
        assert not torch.equal(module.weight, own)
    assert torch.equal(module.weight, own)
