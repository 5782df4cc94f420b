import ctypes
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ddspcore.dsp import transformer
from ddspcore.dsp.attention import Attention
from ddspcore.dsp.transformer_layer import LayerWeights
from ddspcore.kernels import cpu
from ddspcore.kernels.cpu import library

installed = pytest.mark.skipif(library.missing() is not None, reason=str(library.missing()))


@pytest.fixture
def package(monkeypatch):
    """Return a stand-in for the package, that the library is loaded from."""
    module = SimpleNamespace(__version__="9.9", libraries=list)
    monkeypatch.setitem(sys.modules, "ddsp_kernels_cpu", module)
    library._load.cache_clear()
    yield module
    library._load.cache_clear()


def test_no_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "ddsp_kernels_cpu", None)
    library._load.cache_clear()
    try:
        assert library.missing() == "the package ddsp-kernels-cpu is not installed"
    finally:
        library._load.cache_clear()


def test_another_interface(package, monkeypatch):
    package.libraries = lambda: [Path("avx2.so")]
    monkeypatch.setattr(ctypes, "CDLL", lambda path: SimpleNamespace(ddsp_abi=lambda: 99))
    assert library.missing() == (
        f"ddsp-kernels-cpu 9.9 has interface 99, and this ddspcore needs {library.ABI}: "
        "install the version that fits"
    )


def test_another_processor(package):
    assert library.missing() == "ddsp-kernels-cpu was not built for this processor"


def test_a_file_that_is_no_library(package, tmp_path):
    broken = tmp_path / "avx2.so"
    broken.write_text("not one")
    package.libraries = lambda: [broken]
    assert str(library.missing()).startswith("ddsp-kernels-cpu cannot be loaded: ")


@installed
def test_says_what_runs():
    assert library.missing() is None
    name, isa = library.version().split(", ")
    assert name.startswith("ddsp-kernels-cpu ")
    assert isa in {"avx512", "avx2", "sse2", "neon", "generic"}
    assert library.library().ddsp_abi() == library.ABI


@installed
def test_every_build_that_runs_here_agrees(monkeypatch):
    import ddsp_kernels_cpu

    torch.manual_seed(0)
    f0_hz, amplitudes = 100 + torch.rand(2, 5), torch.rand(2, 5, 30)
    white, magnitudes = torch.rand(2, 4 * 50), torch.rand(2, 5, 17)
    driven, first = torch.randn(5, 9, 96), torch.randn(9, 32)
    weight, bias = torch.randn(96, 32) / 6, torch.randn(32)
    turns, x = torch.rand(2, 4, 8), torch.randn(2, 6, 32, requires_grad=True)
    layer = LayerWeights(
        norm=torch.rand(32),
        norm_bias=torch.randn(32),
        query_key_value=torch.randn(96, 32) / 6,
        out=torch.randn(32, 32) / 6,
        norm_after=torch.rand(32),
        norm_after_bias=torch.randn(32),
        widen=torch.randn(64, 32) / 6,
        widen_bias=torch.randn(64),
        narrow=torch.randn(32, 64) / 8,
        narrow_bias=torch.randn(32),
    )
    network = transformer.Weights(2, *turns, (layer, layer), (layer.norm, layer.norm_bias))

    def every_function():
        heard = cpu.transformer_layer(x, layer, Attention(2, 3, causal=True, rotary=True))
        return [
            cpu.harmonic_bank(f0_hz, amplitudes, 50, 16_000),
            cpu.filtered_noise(white, magnitudes, 50),
            *cpu.recur(driven, first, weight, bias),
            heard.detach(),
            *torch.autograd.grad(heard.sin().sum(), x),
            cpu.transformer_frames(network, 2).hear(x.detach()),
            cpu.noise_hops(magnitudes[:, 0], 50).play(white[:, :50], magnitudes[:, 1]),
            cpu.amplitudes(bias, weight.mT[:, :32]).of(first[None]),
        ]

    for path in ddsp_kernels_cpu.libraries():
        one = ctypes.CDLL(str(path))
        if not one.ddsp_runs_here():
            continue
        loaded = library._declare(one), None
        monkeypatch.setattr(library, "_load", lambda loaded=loaded: loaded)
        assert path.stem in library.version()
        made = every_function()
        monkeypatch.undo()
        torch.testing.assert_close(made, every_function(), rtol=0, atol=1e-5)


PARALLEL = """
import torch
from ddspcore.kernels import cpu
torch.set_num_threads(3)
f0_hz, amplitudes = torch.full((2, 40), 80.0), torch.ones(2, 40, 100)
def work():
    return cpu.harmonic_bank(f0_hz, amplitudes, 256, 16_000)
"""


def run(code):
    environment = os.environ | {"PYTHONPATH": str(Path(cpu.__file__).parents[3])}
    return subprocess.run(
        [sys.executable, "-c", PARALLEL + code], timeout=60, check=True, env=environment
    )


@installed
@pytest.mark.slow
def test_a_forked_child_starts_threads_of_its_own():
    run(
        """
import os
before = work()
child = os.fork()
if child == 0:
    os._exit(0 if torch.equal(work(), before) else 1)
assert os.waitpid(child, 0)[1] == 0
assert torch.equal(work(), before)
"""
    )


@installed
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere torch's threads cannot be had")
def test_works_with_the_threads_of_torch():
    """Threads of its own would wait for a processor that torch's keep for their next operation."""
    run(
        """
import os
torch.ones(1 << 20).exp_()
before = set(os.listdir("/proc/self/task"))
work()
assert len(before) >= 3
assert set(os.listdir("/proc/self/task")) == before
"""
    )


@installed
def test_calls_from_several_threads_at_once():
    torch.manual_seed(0)
    f0_hz, amplitudes = 80 + torch.rand(2, 40), torch.rand(2, 40, 100)
    true = cpu.harmonic_bank(f0_hz, amplitudes, 256, 16_000)
    same = []

    def work():
        for _ in range(10):
            same.append(torch.equal(cpu.harmonic_bank(f0_hz, amplitudes, 256, 16_000), true))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert same == [True] * 40
