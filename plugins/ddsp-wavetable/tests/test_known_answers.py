"""What wavetables must sound like, against sums of sines in float64."""

import math

import pytest
import torch
from ddsp_wavetable.synth import WavetableSynth

from ddspcore import Context

RATE, HOP, FRAMES = 16_000, 256, 33
SAMPLES = (FRAMES - 1) * HOP


def synth(tables, harmonics=64):
    torch.manual_seed(0)  # tables start at random
    options = WavetableSynth.Options(tables=tables, harmonics=harmonics)
    return WavetableSynth(options, Context({"sample": float(RATE), "frame": RATE / HOP}))


def controls(f0_hz, mix, amplitude=1.0):
    """Return controls that stay, but for the pitch. Shape: f0_hz [N], mix [M]."""
    return {
        "f0_hz": torch.as_tensor(f0_hz, dtype=torch.float32).expand(FRAMES).view(1, FRAMES, 1),
        "wavetable_amplitude": torch.full((1, FRAMES, 1), amplitude),
        "wavetable_mix": torch.tensor(mix).expand(1, FRAMES, -1),
    }


def phase(f0_hz):
    """Return the phase in cycles of a pitch that is linear between frames, in float64."""
    f0_hz = torch.as_tensor(f0_hz, dtype=torch.float64).expand(FRAMES)
    along = torch.arange(HOP, dtype=torch.float64) / HOP
    hz = (f0_hz[:-1, None] + f0_hz.diff()[:, None] * along).flatten()
    return (hz.cumsum(0) - hz) / RATE


def sines(lines, cycles):
    """Sum cosines and sines of a table. Shape: lines [2,K], cycles [T] -> [T]."""
    angles = 2 * math.pi * torch.arange(1.0, lines.shape[1] + 1) * cycles[:, None]
    cosines, sines = lines.double()
    return angles.cos() @ cosines + angles.sin() @ sines


def test_one_harmonic_is_a_sine():
    module = synth(1, harmonics=1)
    module.harmonics.data = torch.tensor([[[0.0], [3.0]]])
    expected = 0.5 * torch.sin(2 * math.pi * phase(440.0))
    heard = module(controls(440.0, [1.0], amplitude=0.5))[0]
    assert (heard - expected).abs().max() < 0.5 * 10 ** (-64 / 20)


@pytest.mark.parametrize("f0_hz", [110.0, torch.linspace(60.0, 120.0, FRAMES)])
def test_a_table_is_the_sum_of_its_harmonics(f0_hz):
    module = synth(3)
    lines = module.tables().detach()[1]
    expected = sines(lines, phase(f0_hz))
    heard = module(controls(f0_hz, [0.0, 1.0, 0.0]))[0].detach()
    error = (heard - expected).square().mean() / expected.square().mean()
    assert 10 * math.log10(error) < -80


def test_a_mix_of_tables_is_the_mix_of_their_sounds():
    module = synth(2)
    first, second, both = (
        module(controls(200.0, mix)) for mix in ([1.0, 0.0], [0.0, 1.0], [0.25, 0.75])
    )
    assert torch.allclose(both, 0.25 * first + 0.75 * second, atol=1e-5)


def test_every_table_has_the_power_of_a_sine():
    module = synth(5)
    assert torch.allclose(module.tables().square().sum((1, 2)), torch.ones(5))


def test_a_glide_loses_harmonics_and_folds_none():
    """From 100 Hz to 7 kHz: whatever sounds is a harmonic below Nyquist."""
    module = synth(1)
    f0_hz = torch.linspace(100.0, 7000.0, FRAMES)
    lines = module.tables().detach()[0]
    heard = module(controls(f0_hz, [1.0]))[0].detach()
    for hop in range(FRAMES - 1):
        here = slice(hop * HOP, (hop + 1) * HOP)
        below = int((RATE / 2 / f0_hz[hop + 1]).ceil()) - 1
        expected = sines(lines[:, :below], phase(f0_hz)[here])
        assert (heard[here] - expected).abs().max() < 1e-3


def test_a_table_learns_a_sound():
    target = synth(1, harmonics=8)
    target.harmonics.data = torch.randn(1, 2, 8)
    learner = synth(1, harmonics=8)
    told = controls(220.0, [1.0])
    wanted = target(told).detach()
    for _ in range(60):
        loss = (learner(told) - wanted).square().mean()
        learner.harmonics.data -= torch.autograd.grad(loss, learner.harmonics)[0]
    assert torch.allclose(learner.tables(), target.tables(), atol=0.02)
