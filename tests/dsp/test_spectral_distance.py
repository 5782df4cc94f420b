import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore.dsp.spectral_distance import spectral_l1
from ddspcore.dsp.stft import magnitude

TERMS = {"linear": 0.7, "log": 1.3, "log_eps": 1e-3}


def direct(x, target, hop, *, linear, log, log_eps):
    """The definition, through autograd."""
    m = magnitude(x, 2 * (target.shape[-1] - 1), hop)
    far = (torch.log(m + log_eps) - torch.log(target + log_eps)).abs()
    return linear * (m - target).abs().mean() + log * far.mean()


def pair(batch, samples, seed, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    x, y = 0.1 * torch.randn(2, batch, samples, generator=generator, dtype=dtype)
    return x.requires_grad_(), y


@given(
    st.integers(1, 3),
    st.integers(1, 500),
    st.sampled_from([(16, 4), (64, 16), (32, 32), (6, 1)]),
    st.integers(0, 99),
)
@settings(max_examples=30, deadline=None)
def test_value_and_gradient_match_the_definition(batch, samples, resolution, seed):
    window, hop = resolution
    x, y = pair(batch, samples, seed)
    target = magnitude(y, window, hop)
    mine, true = (f(x, target, hop, **TERMS) for f in (spectral_l1, direct))
    torch.testing.assert_close(mine, true)
    torch.testing.assert_close(*(torch.autograd.grad(v, x)[0] for v in (mine, true)))


def test_float32_matches_float64():
    x, y = pair(2, 4096, 0)
    target = magnitude(y, 256, 64)
    value = spectral_l1(x.float(), target.float(), 64, **TERMS)
    true = direct(x, target, 64, **TERMS)
    assert value.item() == pytest.approx(true.item(), rel=1e-6)
    mine, exact = (torch.autograd.grad(v, x)[0] for v in (value, true))
    assert (mine - exact).norm() / exact.norm() < 1e-4


def test_gradcheck():
    x, y = pair(1, 40, 3)
    target = magnitude(y, 16, 4)
    assert torch.autograd.gradcheck(lambda x: spectral_l1(x, target, 4, **TERMS), x)


@pytest.mark.parametrize("level", [0.0, 1e-30, 1e-22, 1e-10, 1.0])
@pytest.mark.parametrize("target_level", [0.0, 1e-22, 1.0])
def test_silence_on_either_side_is_finite(level, target_level):
    x, y = pair(2, 1000, 4, torch.float32)
    x = (x.detach() * level).requires_grad_()
    value = spectral_l1(x, magnitude(y * target_level, 64, 16), 16, **TERMS)
    value.backward()
    assert value.isfinite()
    assert x.grad.isfinite().all()


def test_a_second_derivative_is_refused():
    x, y = pair(1, 100, 5)
    value = spectral_l1(x, magnitude(y, 16, 4), 4, **TERMS)
    (gradient,) = torch.autograd.grad(value.square(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
