import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore.dsp import frames
from ddspcore.dsp.spectral_distance import multi_spectral_l1
from ddspcore.dsp.stft import magnitude

TERMS = {"linear": 0.7, "log": 1.3, "log_eps": 1e-3}
RESOLUTION = st.sampled_from([(2, 1), (16, 4), (16, 5), (64, 16), (32, 32), (6, 1), (10, 13)])


def direct(x, targets, hops, *, linear, log, log_eps):
    """The definition, through autograd."""
    total = 0.0
    for target, hop in zip(targets, hops, strict=True):
        m = magnitude(x, 2 * (target.shape[-1] - 1), hop)
        far = (torch.log(m + log_eps) - torch.log(target + log_eps)).abs()
        total += linear * (m - target).abs().mean() + log * far.mean()
    return total / len(targets)


def pair(batch, samples, seed, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    x, y = 0.1 * torch.randn(2, batch, samples, generator=generator, dtype=dtype)
    return x.requires_grad_(), y


def magnitudes(y, resolutions):
    return [magnitude(y, window, hop) for window, hop in resolutions]


def hops(resolutions):
    return [hop for _, hop in resolutions]


@given(
    st.integers(1, 3),
    st.integers(1, 500),
    st.lists(RESOLUTION, min_size=1, max_size=3),
    st.sampled_from([1, 300, 1 << 18]),
    st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_value_and_gradient_match_the_definition(batch, samples, resolutions, block, seed):
    x, y = pair(batch, samples, seed)
    targets = magnitudes(y, resolutions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "CPU_BLOCK", block)
        mine = multi_spectral_l1(x, targets, hops(resolutions), **TERMS)
    true = direct(x, targets, hops(resolutions), **TERMS)
    torch.testing.assert_close(mine, true)
    torch.testing.assert_close(*(torch.autograd.grad(v, x)[0] for v in (mine, true)))


def test_float32_matches_float64():
    x, y = pair(2, 4096, 0)
    resolutions = [(256, 64), (64, 16)]
    targets = magnitudes(y, resolutions)
    value = multi_spectral_l1(x.float(), [t.float() for t in targets], [64, 16], **TERMS)
    true = direct(x, targets, [64, 16], **TERMS)
    assert value.item() == pytest.approx(true.item(), rel=1e-6)
    mine, exact = (torch.autograd.grad(v, x)[0] for v in (value, true))
    assert (mine - exact).norm() / exact.norm() < 1e-4


def test_gradcheck():
    x, y = pair(1, 40, 3)
    targets = magnitudes(y, [(16, 4), (8, 3)])
    assert torch.autograd.gradcheck(lambda x: multi_spectral_l1(x, targets, [4, 3], **TERMS), x)


@pytest.mark.parametrize("level", [0.0, 1e-30, 1e-22, 1e-10, 1.0])
@pytest.mark.parametrize("target_level", [0.0, 1e-22, 1.0])
def test_silence_on_either_side_is_finite(level, target_level):
    x, y = pair(2, 1000, 4, torch.float32)
    x = (x.detach() * level).requires_grad_()
    value = multi_spectral_l1(x, magnitudes(y * target_level, [(64, 16)]), [16], **TERMS)
    value.backward()
    assert value.isfinite()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("silent", [False, True])
def test_what_is_equal_is_at_zero_with_no_gradient(silent):
    x, _ = pair(2, 1000, 6, torch.float32)
    x = (x.detach() * (not silent)).requires_grad_()
    value = multi_spectral_l1(x, magnitudes(x.detach(), [(64, 16)]), [16], **TERMS)
    value.backward()
    assert value.item() == 0.0
    assert not x.grad.any()


def test_one_gradient_of_the_signal_is_all_that_is_kept():
    x, y = pair(2, 5000, 7)
    resolutions = [(64, 16), (256, 64)]
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(x) or x, lambda x: x):
        multi_spectral_l1(x, magnitudes(y, resolutions), hops(resolutions), **TERMS)
    assert sum(t.untyped_storage().nbytes() for t in kept) == x.nbytes


def test_a_second_derivative_is_refused():
    x, y = pair(1, 100, 5)
    value = multi_spectral_l1(x, [magnitude(y, 16, 4)], [4], **TERMS)
    (gradient,) = torch.autograd.grad(value.square(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
