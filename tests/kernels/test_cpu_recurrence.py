import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ddspcore.dsp import recurrence
from ddspcore.kernels import cpu
from ddspcore.kernels.cpu import library

pytestmark = pytest.mark.skipif(library.missing() is not None, reason=str(library.missing()))


def play(steps, clips, width, loud=1.0):
    g = torch.Generator().manual_seed(steps + clips + width)
    shapes = (steps, clips, 3 * width), (clips, width), (3 * width, width), (width,)
    driven, first, weight, bias = (torch.randn(shape, generator=g) for shape in shapes)
    pushed = torch.randn((steps + 1, clips, width), generator=g)
    return (loud * driven, first, weight / width**0.5, bias), pushed


def run(module, given, pushed):
    hidden, gates = module.recur(*given)
    return hidden, gates, *module.recur_back(pushed, hidden, gates, given[2])


def assert_near(found, wanted):
    for one, other in zip(found, wanted, strict=True):
        assert one.shape == other.shape
        assert torch.linalg.vector_norm(one - other) <= 1e-6 * (1 + torch.linalg.vector_norm(other))


@given(
    st.integers(1, 40),
    st.integers(1, 19),
    st.sampled_from([16, 32, 48, 64, 112, 17]),
    st.sampled_from([1.0, 1000.0]),
)
@example(1, 1, 16, 1.0)
@example(3, 16, 512, 1.0)
@settings(deadline=None, max_examples=40)
def test_equals_the_reference_in_float64(steps, clips, width, loud):
    given, pushed = play(steps, clips, width, loud)
    exact = run(recurrence, [each.double() for each in given], pushed.double())
    assert_near(run(cpu, given, pushed), exact)


def test_takes_weights_in_any_layout():
    (driven, first, weight, bias), pushed = play(5, 3, 32)
    turned = weight.mT.contiguous().mT
    whole = run(cpu, (driven, first, weight, bias), pushed)
    strided = run(cpu, (driven, first, turned, bias), pushed.mT.contiguous().mT)
    assert all(a.equal(b) for a, b in zip(whole, strided, strict=True))


def test_is_the_same_whatever_the_threads():
    given, pushed = play(20, 19, 48)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = run(cpu, given, pushed)
        torch.set_num_threads(3)
        three = run(cpu, given, pushed)
    finally:
        torch.set_num_threads(threads)
    assert all(a.equal(b) for a, b in zip(one, three, strict=True))


def test_nonsense_stays_nonsense():
    given, _ = play(4, 2, 16)
    given[0][1, 0, 5] = float("nan")
    hidden = cpu.recur(*given)[0]
    assert not hidden[:2].isnan().any()
    assert hidden[2, 0].isnan().any()
    assert not hidden[:, 1].isnan().any()
