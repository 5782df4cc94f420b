"""Compiled white noise equals the reference to the last bit."""

import ctypes

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from ddspcore import kernels
from ddspcore.dsp import white
from ddspcore.kernels import backends, cpu
from ddspcore.kernels.cpu import library
from ddspcore.randomness import derive_seed, white_noise

pytestmark = pytest.mark.skipif(library.missing() is not None, reason=str(library.missing()))

ITEMS = torch.tensor([3, 0, -1, 2**32 + 5])


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5),
    st.integers(0, 70),
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**32 + 9),
)
@example([], 5, 0, 0)
@example([0], 16_384, 0, 0)  # a chunk of the library
@example([7, 1], 40_001, 2**63 - 1, 2**32 - 20_000)  # several, and the counter wraps
@example([1], 3, 2**31, 2**40 + 1)
def test_equals_the_reference(items, samples, key, offset):
    drawn = torch.tensor(items, dtype=torch.int64)
    found = cpu.white_noise(drawn, samples, key, offset)
    assert found.dtype == torch.float32
    assert torch.equal(found, white.white_noise(drawn, samples, key, offset))


@given(st.integers(-1, 10**9), st.integers(-1, 10**9), st.text(max_size=9))
@example(0, -1, "white")
def test_names_and_steps_give_the_same_noise_whoever_answers(seed, step, label):
    found = white_noise(ITEMS, 33, seed=seed, step=step, label=label, offset=9)
    assert torch.equal(found, white.white_noise(ITEMS, 33, derive_seed(seed, step, label), 9))


@pytest.mark.parametrize(
    "items", [ITEMS[::2], ITEMS.int(), ITEMS[:1].expand(3)], ids=["strided", "int32", "expanded"]
)
def test_takes_items_in_any_layout(items):
    found = cpu.white_noise(items, 20, 11, 0)
    assert torch.equal(found, white.white_noise(items, 20, 11, 0))


def test_is_float32_whatever_is_the_default(monkeypatch):
    single = cpu.white_noise(ITEMS, 20, 11, 0)
    torch.set_default_dtype(torch.float64)
    try:
        for made in (cpu.white_noise(ITEMS, 20, 11, 0), white.white_noise(ITEMS, 20, 11, 0)):
            assert made.dtype == torch.float32
            assert torch.equal(made, single)
    finally:
        torch.set_default_dtype(torch.float32)


def test_is_the_same_whatever_the_threads():
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = cpu.white_noise(ITEMS, 50_001, 11, 5)
        for several in (2, 5):
            torch.set_num_threads(several)
            assert torch.equal(one, cpu.white_noise(ITEMS, 50_001, 11, 5))
    finally:
        torch.set_num_threads(threads)


def test_every_build_that_runs_here_gives_the_same_bits(monkeypatch):
    import ddsp_kernels_cpu

    true = white.white_noise(ITEMS, 20_003, 11, 2**32 - 7)
    for path in ddsp_kernels_cpu.libraries():
        one = ctypes.CDLL(str(path))
        if one.ddsp_runs_here():
            loaded = library._declare(one), None
            monkeypatch.setattr(library, "_load", lambda loaded=loaded: loaded)
            assert path.stem in library.version()
            assert torch.equal(cpu.white_noise(ITEMS, 20_003, 11, 2**32 - 7), true)


def test_who_answers_can_be_told(monkeypatch):
    monkeypatch.setattr(cpu, "white_noise", lambda *given: given)
    assert kernels.white_noise(ITEMS, 2, 11, 5) == (ITEMS, 2, 11, 5)
    nowhere = ITEMS.to("meta")
    assert kernels.white_noise(nowhere, 2, 11, 5).device.type == "meta"
    monkeypatch.setenv(backends.VARIABLE, "reference")
    assert torch.equal(kernels.white_noise(ITEMS, 2, 11, 5), white.white_noise(ITEMS, 2, 11, 5))
