"""The hash behind white noise, against one in unsigned arithmetic, where products wrap."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ddspcore.dsp import white


def published(items, samples, key, offset):
    """Return the noise as its source defines it."""

    def mix(x):
        x = x.astype(np.uint32)
        x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
        x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
        return x ^ (x >> np.uint32(16))

    item = (np.array(items, np.int64) & 0xFFFFFFFF).astype(np.uint32)
    lane = mix(mix(item ^ np.uint32(key & 0xFFFFFFFF)) + np.uint32(key >> 31))
    sample = (np.arange(samples) + offset % 2**32).astype(np.uint32)
    bits = mix(mix(sample)[None, :] ^ lane[:, None])
    return (bits >> np.uint32(8)).astype(np.float64) * 2.0**-23 - 1.0


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=3),
    st.integers(0, 50),
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**32 + 9),
)
def test_noise_follows_its_published_hash(items, samples, key, offset):
    found = white.white_noise(torch.tensor(items), samples, key, offset)
    assert found.dtype == torch.float32
    assert found.tolist() == published(items, samples, key, offset).tolist()


@pytest.mark.parametrize("block", [1, 7, 64, 300])
def test_the_size_of_a_block_changes_nothing(block, monkeypatch):
    items = torch.arange(5)
    whole = white.white_noise(items, 100, 3, 2**32 - 50)
    monkeypatch.setattr(white, "CPU_BLOCK", block)
    assert torch.equal(white.white_noise(items, 100, 3, 2**32 - 50), whole)
