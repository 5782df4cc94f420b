import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ddspcore.dsp import stft
from ddspcore.kernels import cpu
from ddspcore.kernels.cpu import library

pytestmark = pytest.mark.skipif(library.missing() is not None, reason=str(library.missing()))


def noise(*shape, seed=0):
    return 0.1 * torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@given(
    st.integers(1, 3),
    st.integers(1, 12_000),
    st.sampled_from([16, 48, 64, 112, 176, 208, 256, 272, 1024, 2048]),
    st.integers(1, 16),
)
@example(1, 1024, 2048, 4)  # as long as half a window: padded with zeros
@example(1, 1025, 2048, 4)  # one more: reflected
@example(2, 16_384, 512, 4)  # whole chunks
@example(1, 12_000, 5648, 3)  # 353 is prime
@example(1, 12_000, 40, 3)  # by the reference
@settings(deadline=None, max_examples=40)
def test_equals_the_reference_in_float64(batch, length, window, divisor):
    x, hop = noise(batch, length), window // divisor
    mine, truth = cpu.magnitude(x, window, hop), stft.magnitude(x.double(), window, hop)
    assert mine.shape == truth.shape
    assert (mine - truth).abs().max() <= 1e-6 * truth.max()


@pytest.mark.parametrize("window", [16, 176, 256, 2048, 5648])
def test_a_signal_is_at_no_distance_from_its_own(window):
    x, hop = noise(2, 20_001), window // 4
    x[1, :9000] = 0.0
    x.requires_grad_()
    own = cpu.magnitude(x.detach(), window, hop)
    distance = cpu.multi_spectral_l1(x, [own], [hop], linear=1.0, log=1.0, log_eps=1e-3)
    distance.backward()
    assert distance == 0
    assert not x.grad.any()


def test_an_empty_bin_is_the_least_float():
    assert (cpu.magnitude(torch.zeros(1, 100), 64, 16) == torch.tensor(2.0**-126).sqrt()).all()


def test_takes_signals_in_any_layout():
    x = noise(3, 2000)
    columns = x.mT.contiguous().mT
    assert torch.equal(cpu.magnitude(x, 64, 16), cpu.magnitude(columns, 64, 16))


def test_is_the_same_whatever_the_threads():
    x, threads = noise(2, 40_000), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = cpu.magnitude(x, 176, 44)
        torch.set_num_threads(2)
        assert torch.equal(one, cpu.magnitude(x, 176, 44))
    finally:
        torch.set_num_threads(threads)


def test_has_a_gradient_where_it_is_asked_for():
    x = noise(1, 1000).requires_grad_()
    cpu.magnitude(x, 64, 16).sum().backward()
    assert x.grad.any()
