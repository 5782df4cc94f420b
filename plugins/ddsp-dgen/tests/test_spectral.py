"""The published values of losses and metrics."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

spectral = pytest.importorskip("ddsp_dgen.spectral", reason="ddsp-dgen is not installed")
WINDOWS = (64, 128, 256, 512, 1024)


def value(pair, **options):
    return loss(pair[0], pair[1], **options).item()


def loss(pred, target, **options):
    module = spectral.Spectral(spectral.Spectral.Options(**options))
    return module(pred, module.prepare(target))


@pytest.mark.parametrize(
    ("window", "linear", "log"),
    [
        (64, 3.048756e-5, 4.44729e-5),
        (128, 3.456268e-5, 3.88292e-5),
        (256, 4.215793e-5, 1.9388e-5),
        (512, 4.288590e-5, 2.7429e-5),
        (1024, 4.339263e-5, 2.4961e-5),
    ],
)
def test_each_window(tones, window, linear, log):
    assert value(tones, windows=(window,), log=0.0) == pytest.approx(linear, rel=1e-6)
    # bins far below eps are rounding of the FFT: libraries differ by 1e-4 at 1024
    found = value(tones, windows=(window,), linear=0.0, log_eps=1e-3)
    assert found == pytest.approx(log, rel=2e-4)


def test_the_sum_of_all_windows(tones):
    assert value(tones, log_eps=1e-3) == pytest.approx(6.9713e-5, rel=2e-5)
    assert value(tones, log_eps=1e-8) == pytest.approx(1.353e-4, rel=0.02)
    double = tuple(x.double() for x in tones)
    assert value(double, log_eps=1e-8) == pytest.approx(1.369e-4, rel=0.02)


@pytest.mark.parametrize(
    ("window", "count"), [(64, 1024), (128, 512), (256, 256), (512, 128), (1024, 64)]
)
def test_the_number_of_windows(window, count):
    module = spectral.Spectral(spectral.Spectral.Options())
    assert module.magnitude(torch.zeros(1, 16384), window).shape == (1, count, window // 2 + 1)


@settings(max_examples=40)
@given(
    st.integers(1, 500),
    st.sampled_from([2, 8, 64]),
    st.integers(1, 9),
    st.sampled_from(["l1", "l2"]),
)
def test_any_length_agrees_with_the_direct_sum(length, window, divisor, distance):
    p, y = torch.randn(2, 1, length, dtype=torch.float64)
    hop = max(1, window // divisor)
    hann = 0.5 - 0.5 * torch.cos(2 * math.pi * torch.arange(window).double() / (window - 1))
    total = 0.0
    for end in range(0, length, hop) if window <= length else ():
        spans = [F.pad(x[0], (window - 1, 0))[end : end + window] for x in (p, y)]
        a, b = (torch.fft.rfft(span * hann).abs() for span in spans)
        for d in (a - b, (a + 1e-2).log() - (b + 1e-2).log()):
            total += float((d.abs() if distance == "l1" else d.square()).sum()) / length**2
    options = {"windows": (window,), "hop_divisor": divisor, "distance": distance}
    found = value((p, y), log_eps=1e-2, **options)
    assert found == pytest.approx(total, rel=1e-9, abs=1e-12)


def test_a_window_ends_on_a_multiple_of_the_hop_and_does_not_hear_its_ends():
    module = spectral.Spectral(spectral.Spectral.Options())
    x = torch.zeros(1, 256)
    x[0, 64] = 1.0
    heard = module.magnitude(x, 64)[0].sum(-1) > 1e-3
    assert heard.nonzero()[:, 0].tolist() == [5, 6, 7]  # of those that end on 80, 96 and 112


def test_squares(tones):
    module = spectral.Spectral(spectral.Spectral.Options())
    p, y = (module.magnitude(x, 64).double() for x in tones)
    expected = float((p - y).square().sum() / 16384**2)
    assert value(tones, windows=(64,), log=0.0, distance="l2") == pytest.approx(expected, rel=1e-5)


def test_windows_longer_than_the_signal_are_left_out(tones):
    short = tuple(x[:, :300] for x in tones)
    fitting = [value(short, windows=(window,)) for window in (64, 128, 256)]
    assert value(short) == pytest.approx(sum(fitting) / 3, rel=1e-5)
    assert value(tuple(x[:, :40] for x in tones)) == 0.0


def test_items_of_a_batch_are_averaged(tones):
    pred, target = tones
    two = (torch.cat([pred, target]), torch.cat([target, target]))
    assert value(two, log_eps=1e-3) == pytest.approx(value(tones, log_eps=1e-3) / 2, rel=1e-5)


@pytest.mark.parametrize("window", WINDOWS)
def test_attenuation_is_of_the_gradient_alone(tones, window):
    pred, target = tones
    found = {}
    for attenuated in (False, True):
        x = pred.clone().requires_grad_()
        distance = loss(x, target, windows=(window,), log_eps=1e-3, attenuated=attenuated)
        found[attenuated] = distance.item(), *torch.autograd.grad(distance, x)
    assert found[True][0] == found[False][0]
    factor = (window * (window // 2 + 1)) ** -1.5
    expected = factor * found[False][1]
    rounding = 1e-6 * float(expected.abs().max())
    torch.testing.assert_close(found[True][1], expected, rtol=1e-4, atol=rounding)


@pytest.mark.parametrize(
    ("window", "inverse"),
    [(64, 9.7e4), (128, 7.6e5), (256, 6.0e6), (512, 4.8e7), (1024, 3.8e8)],
)
def test_the_published_factors(window, inverse):
    assert (window * (window // 2 + 1)) ** 1.5 == pytest.approx(inverse, rel=0.01)


def test_the_gradient_is_that_of_the_value():
    torch.manual_seed(3)
    target = torch.randn(1, 150, dtype=torch.float64)
    pred = torch.randn(1, 150, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x: 1e4 * loss(x, target, windows=(16, 64), log_eps=1e-2), (pred,)
    )


def test_silence_is_finite():
    pred = torch.zeros(1, 2048, requires_grad=True)
    distance = loss(pred, torch.zeros(1, 2048))
    distance.backward()
    assert distance.item() == 0.0
    assert pred.grad is not None
    assert pred.grad.isfinite().all()


def test_other_windows_are_refused():
    with pytest.raises(ValueError, match="48 is no power of two"):
        spectral.Spectral.Options(windows=(64, 48))
