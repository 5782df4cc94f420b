import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ddspcore import kernels
from ddspcore.dsp import spectral_distance
from ddspcore.dsp.stft import magnitude
from ddspcore.kernels import cpu
from ddspcore.kernels.cpu import library

pytestmark = pytest.mark.skipif(library.missing() is not None, reason=str(library.missing()))
TERMS = {"linear": 1.0, "log": 1.0, "log_eps": 1e-3}


def noise(*shape, seed=0):
    return 0.1 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def targets_of(x, windows, hops, seed=1):
    """Magnitudes well apart from those of x: rounding must not turn a difference's sign."""
    generator = torch.Generator().manual_seed(seed)
    targets = []
    for window, hop in zip(windows, hops, strict=True):
        theirs = magnitude(x.double(), window, hop)
        nepers = 0.05 + torch.rand(theirs.shape, generator=generator)
        sign = torch.randint(0, 2, theirs.shape, generator=generator) * 2 - 1
        targets.append((theirs * (nepers * sign).exp()).float())
    return targets


def distance_and_gradient(distance, x, targets, hops, terms=None, upstream=1.0):
    x = x.detach().requires_grad_()
    value = distance(x, targets, hops, **(terms or TERMS))
    (value * upstream).backward()
    return value.detach(), x.grad


def assert_equals_reference(x, targets, hops, terms=None, upstream=1.0):
    mine, gradient = distance_and_gradient(cpu.multi_spectral_l1, x, targets, hops, terms, upstream)
    truth, true_gradient = distance_and_gradient(
        spectral_distance.multi_spectral_l1,
        x.double(),
        [target.double() for target in targets],
        hops,
        terms,
        upstream,
    )
    assert gradient.shape == x.shape
    assert abs(mine - truth) <= 1e-6 * truth
    # The direction of a bin near 0 is rounding: float32 itself is good to 1e-4 of the norm.
    assert (gradient - true_gradient).norm() <= 1e-3 * true_gradient.norm()


WINDOWS = (16, 32, 48, 64, 80, 96, 112, 128, 176, 192, 208, 256, 272, 352, 400, 512, 1024, 1408)


@st.composite
def problems(draw):
    windows = draw(st.lists(st.sampled_from(WINDOWS), min_size=1, max_size=4))
    hops = [
        draw(st.sampled_from([window, window // 4, window // 16, window // 3 + 1, 3]))
        for window in windows
    ]
    # Not so many frames that the reference takes long.
    longest = min(20_000, 2_000 * min(hops))
    return draw(st.integers(1, 3)), draw(st.integers(1, longest)), windows, hops


@given(problems(), st.integers(0, 99))
@example((1, 1024, [2048], [512]), 0)  # as long as half a window: padded with zeros
@example((1, 1025, [2048], [512]), 0)  # one more: reflected
@example((2, 16_384, [64, 2048], [16, 512]), 0)  # whole chunks
@example((1, 8_200, [4096, 16], [4096, 16]), 0)  # a second chunk shorter than what is spilled
@example((1, 30_000, [8192], [1000]), 0)
@example((1, 12_000, [64, 5648], [16, 1412]), 0)  # 353 is prime
@settings(deadline=None, max_examples=60)
def test_equals_the_reference_in_float64(problem, seed):
    batch, length, windows, hops = problem
    x = noise(batch, length, seed=seed)
    assert_equals_reference(x, targets_of(x, windows, hops), hops)


@pytest.mark.parametrize("window", [24, 34])
def test_the_reference_takes_windows_that_do_not_fit(window):
    hops = [window // 4, 64]
    x = noise(1, 6000)
    assert_equals_reference(x, targets_of(x, [window, 256], hops), hops)


@given(st.floats(0, 2), st.floats(0.1, 2), st.floats(-3, 1))
@settings(deadline=None, max_examples=20)
def test_weights_the_terms(linear, log, decades):
    x, hops = noise(2, 1000), [16, 100]
    terms = {"linear": linear, "log": log, "log_eps": 10**decades}
    assert_equals_reference(x, targets_of(x, [64, 160], hops), hops, terms)


def test_scales_by_the_upstream_gradient():
    x, hops = noise(2, 3001), [16, 128]
    assert_equals_reference(x, targets_of(x, [64, 512], hops), hops, upstream=-2.5)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_keeps_its_precision_at_any_level(scale):
    x, hops = scale * noise(1, 4000), [16, 128]
    assert_equals_reference(x, targets_of(x, [64, 512], hops), hops)


def test_takes_signals_and_targets_in_any_layout():
    x, windows, hops = noise(3, 2000), [64, 512], [16, 128]
    targets = targets_of(x, windows, hops)
    plain = distance_and_gradient(cpu.multi_spectral_l1, x, targets, hops)
    for_columns = [target.mT.contiguous().mT for target in targets]
    strided = distance_and_gradient(cpu.multi_spectral_l1, x.mT.contiguous().mT, for_columns, hops)
    assert torch.equal(plain[0], strided[0])
    assert torch.equal(plain[1], strided[1])


def test_takes_one_target_for_all_clips_as_the_reference_does():
    x, hops = noise(2, 2000), [16]
    targets = targets_of(x[:1], [64], hops)
    mine = cpu.multi_spectral_l1(x, targets, hops, **TERMS)
    reference = spectral_distance.multi_spectral_l1(x, targets, hops, **TERMS)
    assert torch.equal(mine, reference)


def test_is_the_same_whatever_the_threads():
    x, windows, hops = noise(3, 30_001), [64, 176, 2048], [16, 44, 512]
    targets, threads = targets_of(x, windows, hops), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = distance_and_gradient(cpu.multi_spectral_l1, x, targets, hops)
        for count in (2, 3):
            torch.set_num_threads(count)
            many = distance_and_gradient(cpu.multi_spectral_l1, x, targets, hops)
            assert torch.equal(one[0], many[0])
            assert torch.equal(one[1], many[1])
    finally:
        torch.set_num_threads(threads)


def test_is_the_same_without_a_gradient():
    x, hops = noise(2, 9000), [16, 512]
    targets = targets_of(x, [64, 2048], hops)
    value, _ = distance_and_gradient(cpu.multi_spectral_l1, x, targets, hops)
    without = cpu.multi_spectral_l1(x, targets, hops, **TERMS)
    assert not without.requires_grad
    assert torch.equal(value, without)


def test_silence_is_finite_and_its_gradient_zero():
    silence, windows, hops = torch.zeros(2, 3000), [64, 512], [16, 128]
    targets = targets_of(noise(2, 3000), windows, hops)
    value, gradient = distance_and_gradient(cpu.multi_spectral_l1, silence, targets, hops)
    assert value > 0
    assert value.isfinite()
    assert not gradient.any()
    nothing = [torch.zeros_like(target) for target in targets]
    assert_equals_reference(noise(2, 3000), nothing, hops)
    value, gradient = distance_and_gradient(cpu.multi_spectral_l1, silence, nothing, hops)
    assert value <= 1e-15
    assert not gradient.any()


def test_a_loud_frame_leaves_a_silent_one_alone():
    x = torch.cat((torch.zeros(1, 2000), 1e3 * noise(1, 2000)), 1)
    targets = targets_of(noise(1, 4000), [64], [16])
    _, gradient = distance_and_gradient(cpu.multi_spectral_l1, x, targets, [16])
    assert not gradient[:, :1936].any()
    assert gradient[:, 2000:].any()


def test_equal_signals_are_at_no_distance():
    x, windows, hops = noise(2, 3000), [64, 176, 512], [16, 44, 128]
    targets = [magnitude(x, window, hop) for window, hop in zip(windows, hops, strict=True)]
    assert cpu.multi_spectral_l1(x, targets, hops, **TERMS) < 1e-5


def test_a_nan_shows():
    x, hops = noise(1, 1000), [16]
    targets = targets_of(x, [64], hops)
    x[0, 500] = math.nan
    value, gradient = distance_and_gradient(cpu.multi_spectral_l1, x, targets, hops)
    assert value.isnan()
    assert gradient.isnan().any()


@pytest.mark.parametrize("window", [16, 48, 128, 208, 352, 304, 2816, 5648, 8192])
def test_a_sine_on_a_bin_shows_in_three(window):
    """A Hann window spreads a sine of amplitude a over three bins: a w/8, a w/4 and a w/8."""
    bin_, amplitude = window // 8 + 1, 0.8
    # A cosine that ends where it began: reflected, it goes on.
    cycles = bin_ * torch.arange(4 * window + 1).double() / window
    x = amplitude * torch.cos(2 * math.pi * cycles).float()[None]
    target = torch.zeros(1, 5, window // 2 + 1)
    target[..., bin_] = amplitude * window / 4
    target[..., [bin_ - 1, bin_ + 1]] = amplitude * window / 8
    terms = {"linear": 1.0, "log": 0.0, "log_eps": 1e-3}
    assert cpu.multi_spectral_l1(x, [target], [window], **terms) < 1e-6 * amplitude * window / 4


def test_an_impulse_is_flat():
    """An impulse in the middle of a frame has the magnitude 1 everywhere, and 0 in other frames."""
    x, target = torch.zeros(1, 1024), torch.zeros(1, 5, 129)
    x[0, 512] = 1.0
    target[0, 2] = 1.0
    terms = {"linear": 1.0, "log": 0.0, "log_eps": 1e-3}
    assert cpu.multi_spectral_l1(x, [target], [256], **terms) < 1e-7
    assert abs(cpu.multi_spectral_l1(x, [target + 10], [256], **terms) - 10) < 1e-5
    terms = {"linear": 0.0, "log": 1.0, "log_eps": 1.0}
    decade = 10 * (target + 1) - 1
    assert abs(cpu.multi_spectral_l1(x, [decade], [256], **terms) - math.log(10)) < 1e-6


def test_steps_downhill():
    """A step against the gradient lowers the distance by the step times its square."""
    x, hops = noise(1, 4000), [32, 128]
    targets = targets_of(x, [128, 512], hops)
    terms = {"linear": 1.0, "log": 0.1, "log_eps": 1.0}
    value, gradient = distance_and_gradient(cpu.multi_spectral_l1, x, targets, hops, terms)
    step = 1e-2 * value / gradient.square().sum()
    lower = cpu.multi_spectral_l1(x - step * gradient, targets, hops, **terms)
    assert abs(lower - 0.99 * value) <= 1e-3 * value


def test_is_differentiable_once():
    x = noise(1, 1000).requires_grad_()
    value = cpu.multi_spectral_l1(x, targets_of(x.detach(), [64], [16]), [16], **TERMS)
    upstream = torch.ones((), requires_grad=True)
    (gradient,) = torch.autograd.grad(value, x, upstream, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


def test_dispatch_answers_with_the_library(monkeypatch):
    monkeypatch.setenv("DDSP_KERNELS", "native")
    x, hops = noise(1, 1000), [16]
    targets = targets_of(x, [64], hops)
    value = kernels.multi_spectral_l1(x, targets, hops, **TERMS)
    assert torch.equal(value, cpu.multi_spectral_l1(x, targets, hops, **TERMS))
