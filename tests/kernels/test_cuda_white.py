"""White noise in Triton equals the reference to the last bit."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ddspcore.dsp import white

pytest.importorskip("triton", reason="Triton is not installed")

from ddspcore.kernels import cuda

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@settings(max_examples=25)
@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4),
    st.integers(0, 70),
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**32 + 9),
)
@example([], 5, 0, 0)
@example([0], 1, 1, 1)
@example([7, 2**32], 2100, 2**63 - 1, 2**32 - 1000)  # several programs, and the counter wraps
def test_equals_the_reference(items, samples, key, offset):
    drawn = torch.tensor(items, dtype=torch.int64, device=DEVICE)
    found = cuda.white_noise(drawn, samples, key, offset)
    assert found.dtype == torch.float32
    assert torch.equal(found, white.white_noise(drawn, samples, key, offset))


def test_takes_items_in_any_layout():
    items = torch.arange(6, device=DEVICE)
    for some in (items[::2], items.int(), items[:1].expand(3)):
        found = cuda.white_noise(some, 20, 11, 0)
        assert torch.equal(found, white.white_noise(some, 20, 11, 0))
