"""Noise is a hash of names and counters: uniform, independent, the same for any block."""

import math

import pytest
import torch

from ddspcore.randomness import derive_seed, forked, white_noise

ITEMS = torch.arange(4)


def noise(items=ITEMS, samples=50_000, *, seed=1, step=0, label="noise", offset=0):
    return white_noise(items, samples, seed=seed, step=step, label=label, offset=offset)


def correlation(a, b):
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


def test_noise_is_uniform_in_minus_one_to_one():
    x = noise().flatten()
    n = x.numel()
    assert x.dtype == torch.float32
    assert -1.0 <= float(x.min()) < -0.999
    assert 0.999 < float(x.max()) < 1.0
    assert abs(float(x.mean())) < 4 / math.sqrt(3 * n)
    assert float(x.var()) == pytest.approx(1 / 3, abs=4 * math.sqrt(4 / 45 / n))
    bins = torch.histc(x, bins=64, min=-1.0, max=1.0)
    chi2 = float(((bins - n / 64) ** 2 / (n / 64)).sum())
    assert abs(chi2 - 63) < 4 * math.sqrt(2 * 63)


def test_noise_is_white():
    x = noise(samples=2**16)[0]
    power = torch.fft.rfft(x).abs().square()[1:-1]
    bands = power.reshape(-1)[: 32 * 1000].reshape(32, -1).mean(1) / power.mean()
    assert float((bands - 1).abs().max()) < 5 / math.sqrt(1000)


def test_a_block_equals_that_part_of_a_longer_one():
    whole = noise(samples=1000)
    assert torch.equal(noise(samples=300, offset=123), whole[:, 123:423])
    assert torch.equal(noise(ITEMS[[2, 0]], samples=1000), whole[[2, 0]])


@pytest.mark.parametrize(
    "change", [{"items": ITEMS + 4}, {"step": 1}, {"seed": 2}, {"label": "noise.b"}, {"offset": 1}]
)
def test_noise_of_other_items_steps_seeds_labels_and_samples_is_independent(change):
    assert abs(correlation(noise(), noise(**change))) < 4 / math.sqrt(4 * 50_000)


def test_items_of_a_batch_are_independent():
    x = noise(torch.tensor([0, 1, 2, 3, 2**31, 2**32 - 1]))
    off = torch.corrcoef(x) - torch.eye(6)
    assert float(off.abs().max()) < 4.5 / math.sqrt(50_000)


def test_noise_is_frozen():
    found = noise(torch.tensor([0, 1]), 3) * 2**23
    assert found.tolist() == [[2348512, 4382412, 2250725], [-370233, 3789423, -1218054]]


def test_a_seed_depends_on_every_part_and_where_it_ends():
    seeds = {derive_seed(*p) for p in [(1, 2), (12,), (1, "2", ""), ("1", 2, 0), (2, 1)]}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_forked_generator_is_seeded_inside_and_unseen_outside():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    with forked("label", 1):
        first = torch.rand(2)
    assert torch.equal(torch.rand(2), expected)
    with forked("label", 1):
        assert torch.equal(torch.rand(2), first)
    with forked("label", 2):
        assert not torch.equal(torch.rand(2), first)
