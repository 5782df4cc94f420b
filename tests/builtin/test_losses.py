import inspect
import math

import attrs
import pytest
import torch

from ddspcore import Context, OptionError
from ddspcore.builtin.losses import (
    DecibelLoudness,
    LinearLoudness,
    MultiResolutionSpectra,
    WaveformMse,
)
from ddspcore.randomness import white_noise

CTX = Context({"sample": 16_000.0, "frame": 62.5})


def build(kind, **options):
    return kind(kind.Options(**options), CTX) if hasattr(kind, "Options") else kind()


class SquaredSpectra(MultiResolutionSpectra):
    """The spectral loss by its other distance."""

    def __init__(self, opt, ctx):
        super().__init__(attrs.evolve(opt, distance="l2"), ctx)


LOSSES = [MultiResolutionSpectra, SquaredSpectra, LinearLoudness, DecibelLoudness, WaveformMse]


def evaluate(loss, pred, target):
    offered = {"pred": pred, "target": target}
    if hasattr(loss, "prepare"):
        offered["prepared"] = loss.prepare(target)
    return loss(**{name: offered[name] for name in inspect.signature(loss.forward).parameters})


def tones(seed=0, samples=4096, batch=2):
    g = torch.Generator().manual_seed(seed)
    t = torch.arange(samples) / 16_000
    hz = 200 + 200 * torch.rand(batch, 1, generator=g)
    return 0.3 * torch.sin(2 * math.pi * hz * t) + 0.01 * torch.randn(batch, samples, generator=g)


@pytest.mark.parametrize("kind", LOSSES)
def test_equal_signals_are_at_zero_and_others_are_not(kind):
    loss, x = build(kind), tones()
    assert evaluate(loss, x, x).item() == 0.0
    assert evaluate(loss, 0.5 * x, x).item() > 1e-3


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("levels", [(0, 0), (0, 1), (1, 0), (1e-20, 0), (1e-8, 1e-8), (1e4, 0)])
@pytest.mark.parametrize("samples", [4096, 1000, 1])
@pytest.mark.parametrize("autocast", [False, True])
def test_silence_on_either_side_is_finite(kind, levels, samples, autocast):
    loss = build(kind)
    pred = (levels[0] * tones(1, samples)).requires_grad_()
    target = levels[1] * tones(2, samples)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        value = evaluate(loss, pred.bfloat16() if autocast else pred, target)
    value.backward()
    assert value.shape == ()
    assert value.dtype == torch.float32
    assert value.isfinite()
    assert pred.grad.isfinite().all()


@pytest.mark.parametrize("kind", LOSSES)
def test_descent_lowers_the_loss(kind):
    loss, target = build(kind), tones(3)
    pred = (0.5 * target).requires_grad_()
    before = evaluate(loss, pred, target)
    before.backward()
    after = evaluate(loss, pred - 1e-3 * pred.grad / pred.grad.abs().max(), target)
    assert after < before


@pytest.mark.parametrize(("distance", "power"), [("l1", 1), ("l2", 2)])
def test_mrstft_is_what_its_page_says(distance, power):
    """Written out in float64, from the definition in its docstring."""
    pred, target = tones(4, 3001).double(), tones(5, 3001).double()
    options = {"windows": (0.004, 0.016), "linear": 0.7, "log": 1.3, "log_eps": 1e-2}
    options["distance"] = distance
    total = 0.0
    for window in (64, 256):
        hop, t = window // 4, torch.arange(window, dtype=torch.float64)
        hann = 0.5 - 0.5 * torch.cos(2 * math.pi * t / window)

        def magnitudes(x, window=window, hop=hop, hann=hann):
            x = torch.nn.functional.pad(x[:, None], (window // 2,) * 2, mode="reflect")[:, 0]
            starts = range(0, 3001 // hop * hop + 1, hop)
            frames = torch.stack([x[:, s : s + window] * hann for s in starts], 1)
            return torch.fft.fft(frames)[..., : window // 2 + 1].abs()

        p, y = magnitudes(pred), magnitudes(target)
        total += 0.7 * ((p - y).abs() ** power).mean()
        total += 1.3 * (((p + 1e-2).log() - (y + 1e-2).log()).abs() ** power).mean()
    value = evaluate(build(MultiResolutionSpectra, **options), pred.float(), target.float())
    assert value.item() == pytest.approx(total.item() / 2, rel=1e-5)


def test_squared_spectra_have_the_gradient_of_finite_differences():
    loss, target = build(SquaredSpectra, windows=(0.004,)), tones(6, 200, 1).double()
    pred = (0.3 * tones(7, 200, 1).double()).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: evaluate(loss, x, target), pred)


def test_mrstft_never_changes_under_its_name():
    """The value was worked out in float64; if it moves, the new numerics need a new name."""
    t = torch.arange(16_384).double() / 16_000
    noise = 0.01 * white_noise(torch.arange(2), 16_384, seed=0, step=0, label="frozen").double()
    target = 0.5 * torch.sin(440 * math.pi * t) + 0.25 * torch.sin(880 * math.pi * t) + noise[0]
    pred = 0.4 * torch.sin(440 * math.pi * t + 0.3) + noise[1]
    value = evaluate(build(MultiResolutionSpectra), pred.float()[None], target.float()[None])
    assert value.item() == pytest.approx(1.10766052, rel=1e-6)


def test_mrstft_windows_follow_the_rate():
    at_16k, opt = build(MultiResolutionSpectra), MultiResolutionSpectra.Options()
    assert at_16k.windows == (64, 128, 256, 512, 1024, 2048)
    at_48k = MultiResolutionSpectra(opt, Context({"sample": 48_000.0, "frame": 62.5}))
    assert at_48k.windows == (192, 384, 768, 1536, 3072, 6144)


def test_mrstft_without_a_window_is_refused():
    with pytest.raises(OptionError, match="windows: name at least one"):
        MultiResolutionSpectra.Options(windows=())


def test_loudness_losses_have_their_units():
    """At half the amplitude: 6.02 dB below, and (0.25 A)^2 off at an RMS of A / sqrt(2)."""
    t = torch.arange(8000) / 16_000
    target = 0.8 * torch.sin(2 * math.pi * 1000 * t)[None]
    assert evaluate(build(DecibelLoudness), target / 2, target).item() == pytest.approx(
        6.0206, abs=1e-3
    )
    assert evaluate(build(LinearLoudness), target / 2, target).item() == pytest.approx(
        (0.4 / math.sqrt(2)) ** 2, rel=1e-2
    )


def test_loudness_in_db_is_a_weighted():
    """Taking 100 Hz (-19 dB) away from 1 kHz is nearly inaudible; taking 1 kHz away is not."""
    t = torch.arange(8000) / 16_000
    low, high = (0.3 * torch.sin(2 * math.pi * hz * t)[None] for hz in (100, 1000))
    loss = build(DecibelLoudness)
    assert evaluate(loss, high, low + high).item() < 0.1
    assert evaluate(loss, low, low + high).item() > 18.0


def test_waveform_mse_is_the_mean_square():
    pred, target = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 4.0]])
    assert evaluate(build(WaveformMse), pred, target).item() == 2.0
