"""The distance of short-time magnitudes in Triton equals the reference in value and gradient."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ddspcore.dsp import spectral_distance, stft

pytest.importorskip("triton", reason="Triton is not installed")

from ddspcore.kernels.cuda import distance

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def answers(function, x, targets, hops, **terms):
    x = x.detach().requires_grad_()
    value = function(x, targets, hops, **{"linear": 1.0, "log": 0.7, "log_eps": 1e-3, **terms})
    return value.detach(), *torch.autograd.grad(2.0 * value, x)


def assert_alike(x, targets, hops, **terms):
    ours = answers(distance.multi_spectral_l1, x, targets, hops, **terms)
    theirs = answers(spectral_distance.multi_spectral_l1, x, targets, hops, **terms)
    torch.testing.assert_close(ours[0], theirs[0], rtol=2e-6, atol=1e-7)
    torch.testing.assert_close(ours[1], theirs[1], rtol=1e-4, atol=1e-6)


def draw(items, length, windows, hops, seed=0):
    numbers = torch.Generator().manual_seed(seed)
    x = torch.randn(items, length, generator=numbers)
    targets = [
        4.0 * torch.rand(items, length // hop + 1, window // 2 + 1, generator=numbers)
        for window, hop in zip(windows, hops, strict=True)
    ]
    return x.to(DEVICE), [target.to(DEVICE) for target in targets]


@settings(max_examples=12)
@given(
    items=st.integers(1, 2),
    length=st.integers(1, 900),
    half=st.integers(1, 70),
    hop=st.integers(8, 90),
)
def test_any_size_equals_the_reference(items, length, half, hop):
    """Frames that overlap or leave gaps; signals that are reflected, or too short to be."""
    x, targets = draw(items, length, [2 * half], [hop])
    assert_alike(x, targets, [hop])


def test_resolutions_add_to_one_gradient():
    windows, hops = [64, 512, 128], [16, 128, 32]
    assert_alike(*draw(2, 1500, windows, hops), hops)


@pytest.mark.parametrize("terms", [{"linear": 0.0}, {"log": 0.0}])
def test_one_term_alone(terms):
    assert_alike(*draw(1, 300, [64], [16]), [16], **terms)


def test_silence_on_either_side_is_finite():
    x, (target,) = draw(1, 300, [64], [16])
    for a, b in [(x, 0 * target), (0 * x, target), (0 * x, 0 * target)]:
        assert_alike(a, [b], [16], log_eps=1e-7)
        assert all(value.isfinite().all() for value in answers(
            distance.multi_spectral_l1, a, [b], [16], log_eps=1e-7
        ))  # fmt: skip


def test_equal_is_at_no_distance_and_at_rest():
    """An impulse amid each frame: its spectrum is 1 and -1 in turn, in any arithmetic."""
    x = torch.zeros(1, 256, device=DEVICE)
    x[:, ::64] = 1.0
    value, of_x = answers(distance.multi_spectral_l1, x, [stft.magnitude(x, 64, 64)], [64])
    assert value == 0.0
    assert not of_x.any()


def test_memory_may_be_laid_out_in_any_way():
    x, (target,) = draw(2, 300, [64], [16])
    here = answers(distance.multi_spectral_l1, x, [target], [16])
    strange = answers(distance.multi_spectral_l1, x.T.contiguous().T, [target.mT.clone().mT], [16])
    assert all(torch.equal(a, b) for a, b in zip(here, strange, strict=True))


def test_without_a_gradient_nothing_is_kept_and_a_second_derivative_is_refused():
    x, targets = draw(1, 300, [64], [16])
    terms = {"linear": 1.0, "log": 1.0, "log_eps": 1e-3}
    with torch.no_grad():
        silent = distance.multi_spectral_l1(x, targets, [16], **terms)
    x.requires_grad_()
    value = distance.multi_spectral_l1(x, targets, [16], **terms)
    assert torch.equal(silent, value)
    (of_x,) = torch.autograd.grad(value.square(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        of_x.sum().backward()


def test_targets_of_another_size_are_an_error():
    x, (target,) = draw(1, 300, [64], [16])
    with pytest.raises(RuntimeError, match="expand"):
        answers(distance.multi_spectral_l1, x, [target[:, 1:]], [16])
