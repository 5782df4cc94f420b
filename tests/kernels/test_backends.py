"""Who answers for a tensor: told by DDSP_KERNELS, by device and dtype, and said in words."""

import sys
from types import ModuleType

import pytest
import torch

from ddspcore import kernels
from ddspcore.dsp import oscillators
from ddspcore.errors import UserError
from ddspcore.kernels import backends


@pytest.fixture
def backend(monkeypatch):
    """Stand a backend in for the CPU's, and return it."""
    module = ModuleType("stand_in")
    module.lack = None
    module.missing = lambda: module.lack
    module.version = lambda: "stand-in 1.0"
    module.harmonic_bank = lambda f0, a, hop, rate, start: torch.full((1, hop), 7.0)
    monkeypatch.setitem(sys.modules, "stand_in", module)
    monkeypatch.setitem(backends.MODULES, "cpu", "stand_in")
    monkeypatch.delenv(backends.VARIABLE, raising=False)
    backends._load.cache_clear()
    yield module
    backends._load.cache_clear()


def tone(dtype=torch.float32):
    f0 = torch.full((1, 2), 100.0, dtype=dtype)
    return kernels.harmonic_bank(f0, torch.ones(1, 2, 1, dtype=dtype), 4, 800)


def test_a_backend_answers_for_float32_and_the_reference_for_the_rest(backend):
    assert (tone() == 7.0).all()
    assert tone(torch.float16).dtype == torch.float32  # raised to float32 first
    assert (tone(torch.float16) == 7.0).all()
    exact = oscillators.harmonic_bank(torch.full((1, 2), 100.0), torch.ones(1, 2, 1), 4, 800)
    torch.testing.assert_close(tone(torch.float64), exact, check_dtype=False)
    f0, amplitudes = torch.ones(1, 2, device="meta"), torch.ones(1, 2, 1, device="meta")
    assert kernels.harmonic_bank(f0, amplitudes, 4, 800).device.type == "meta"


def test_reference_can_be_asked_for(backend, monkeypatch):
    monkeypatch.setenv(backends.VARIABLE, "reference")
    assert not (tone() == 7.0).any()
    choice = backends.choose("cpu")
    assert (choice.kind, choice.detail) == ("reference", "plain torch: DDSP_KERNELS=reference")


def test_what_is_missing_is_said_and_the_reference_answers(backend):
    backend.lack = "the package is not installed"
    assert not (tone() == 7.0).any()
    assert backends.choose("cpu").detail == "plain torch: the package is not installed"


def test_native_where_there_is_none_is_an_error(backend, monkeypatch):
    monkeypatch.setenv(backends.VARIABLE, "native")
    assert backends.choose("cpu") == backends.Choice("cpu", "native", "stand-in 1.0")
    backend.lack = "the package is not installed"
    backends._load.cache_clear()
    message = "^DDSP_KERNELS=native, but the package is not installed$"
    for ask in (tone, lambda: backends.choose("cpu")):
        with pytest.raises(UserError, match=message):
            ask()


def test_an_unknown_wish_is_an_error(backend, monkeypatch):
    monkeypatch.setenv(backends.VARIABLE, "fast")
    with pytest.raises(UserError, match=r'^DDSP_KERNELS is "fast"; it can'):
        tone()


def test_a_device_without_a_native_version_has_the_reference():
    assert backends.choose("mps").detail == "plain torch: there is no native version"
