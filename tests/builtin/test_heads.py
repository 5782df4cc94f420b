import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore import Context
from ddspcore.builtin.heads import Harmonic, Noise

CTX = Context({"sample": 16_000.0, "frame": 62.5})


@given(st.integers(1, 3), st.integers(1, 20), st.integers(1, 70), st.floats(0.0, 100.0))
@settings(max_examples=20, deadline=None)
def test_harmonic_controls_keep_their_bounds(batch, frames, partials, scale):
    opt = Harmonic.Options(partials=partials)
    controls = Harmonic(opt, CTX, 16)(scale * torch.randn(batch, frames, 16))
    declared = {c.name: c for c in Harmonic.provides(opt, CTX)}
    assert controls.keys() == declared.keys()
    for name, value in controls.items():
        assert value.shape == (batch, frames, declared[name].channels)
        assert value.min() >= declared[name].lo
        assert value.max() <= declared[name].hi + 1e-6
    shares = controls["harmonic_distribution"].sum(-1)
    torch.testing.assert_close(shares, torch.ones_like(shares))


def test_a_new_harmonic_head_is_a_quiet_sawtooth():
    controls = Harmonic(Harmonic.Options(), CTX, 64)(torch.randn(4, 65, 64))
    assert controls["harmonic_amplitude"].mean().item() == pytest.approx(0.015, rel=0.1)
    shares = controls["harmonic_distribution"].mean((0, 1))
    sawtooth = 1 / torch.arange(1, 65)
    torch.testing.assert_close(shares, sawtooth / sawtooth.sum(), rtol=0.1, atol=0)


def test_noise_magnitudes_start_as_in_the_paper():
    opt = Noise.Options()
    (declared,) = Noise.provides(opt, CTX)
    magnitudes = Noise(opt, CTX, 64)(torch.randn(4, 65, 64))[declared.name]
    assert magnitudes.shape == (4, 65, declared.channels)
    assert declared.channels == 65
    assert magnitudes.mean().item() == pytest.approx(2 * 0.0066929**2.302585, rel=0.1)


@pytest.mark.parametrize("head", [Harmonic, Noise])
def test_every_parameter_gets_a_gradient_that_is_finite(head):
    module = head(head.Options(), CTX, 8)
    controls = module(torch.randn(2, 5, 8))
    sum((value * torch.randn(value.shape)).sum() for value in controls.values()).backward()
    for parameter in module.parameters():
        assert parameter.grad.isfinite().all()
        assert parameter.grad.any()


@pytest.mark.parametrize("head", [Harmonic, Noise])
def test_controls_are_float32_under_autocast(head):
    with torch.autocast("cpu", torch.bfloat16):
        controls = head(head.Options(), CTX, 8)(torch.randn(2, 5, 8))
    assert all(value.dtype == torch.float32 for value in controls.values())
