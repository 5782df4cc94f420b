"""The compiled scale of amplitudes equals the plain one, in value and gradient."""

import pytest
import torch

from ddspcore import kernels
from ddspcore.dsp import scales
from ddspcore.kernels import cpu

pytestmark = pytest.mark.skipif(cpu.missing() is not None, reason=str(cpu.missing()))


def with_gradient(squash, x):
    x = x.detach().requires_grad_()
    y = squash(x)
    push = torch.linspace(-1.0, 2.0, y.numel(), dtype=y.dtype).view_as(y)
    return y.detach(), *torch.autograd.grad(y, x, push)


@pytest.mark.parametrize("count", [0, 1, 7, 16, 33, 40_001])
def test_equals_the_reference_in_double(count):
    x = torch.linspace(-12.0, 12.0, count)
    ours, true = with_gradient(cpu.exp_sigmoid, x), with_gradient(scales.exp_sigmoid, x.double())
    torch.testing.assert_close(ours[0].double(), true[0], rtol=2e-6, atol=0.0)
    # What is left of 1e-7, and of 2, has lost as many bits as were added.
    torch.testing.assert_close(ours[1].double(), true[1], rtol=1e-4, atol=2e-6)


def test_stays_finite_far_out():
    x = torch.tensor([-torch.inf, -1e4, -90.0, -50.0, 50.0, 1e4, torch.inf])
    y, of_x = with_gradient(cpu.exp_sigmoid, x)
    torch.testing.assert_close(y, torch.tensor([1e-7] * 4 + [2.0] * 3))
    torch.testing.assert_close(of_x, torch.zeros(7), rtol=0, atol=1e-6)


def test_what_is_no_number_stays_none():
    y, of_x = with_gradient(cpu.exp_sigmoid, torch.tensor([0.0, torch.nan, 0.0]))
    assert y.isnan().tolist() == of_x.isnan().tolist() == [False, True, False]


def test_memory_may_lie_in_any_order():
    x = torch.linspace(-8.0, 8.0, 60).view(3, 20).mT
    torch.testing.assert_close(
        with_gradient(cpu.exp_sigmoid, x), with_gradient(cpu.exp_sigmoid, x.contiguous())
    )


def test_threads_change_no_bit(monkeypatch):
    x = torch.linspace(-8.0, 8.0, 50_001)
    results = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        results.append(with_gradient(cpu.exp_sigmoid, x))
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


def test_the_dispatch_takes_it_for_single_precision_alone(monkeypatch):
    asked = []
    monkeypatch.setattr(cpu, "exp_sigmoid", lambda x: asked.append(x.dtype))
    monkeypatch.setenv("DDSP_KERNELS", "native")
    kernels.exp_sigmoid(torch.zeros(3))
    kernels.exp_sigmoid(torch.zeros(3, dtype=torch.float64))
    kernels.exp_sigmoid(torch.zeros(3, dtype=torch.bfloat16))
    monkeypatch.setenv("DDSP_KERNELS", "reference")
    kernels.exp_sigmoid(torch.zeros(3))
    assert asked == [torch.float32, torch.float32]
