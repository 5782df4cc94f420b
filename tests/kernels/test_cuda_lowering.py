"""Every Triton program becomes machine code for a GPU, without a GPU, and spills no register."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytest.importorskip("triton", reason="Triton is not installed")

import triton

from ddspcore.kernels import cuda


@pytest.mark.slow
def test_every_program_is_lowered_and_stays_in_registers(tmp_path):
    """In a process of its own, as this one may have told Triton to interpret."""
    env = {key: value for key, value in os.environ.items() if key != "TRITON_INTERPRET"}
    env["TRITON_CACHE_DIR"] = str(tmp_path)
    command = [sys.executable, str(Path(__file__).with_name("lowering.py")), "90"]
    run = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    for name, taken in json.loads(run.stdout).items():
        assert 0 < taken["REG"] < 255, name
        assert taken["STACK"] == taken["LOCAL"] == 0, name


class Driver:
    """Stands in for a GPU's driver."""

    def __init__(self, lack=""):
        self.lack = lack

    def get_current_target(self):
        if self.lack:
            raise RuntimeError(self.lack)


@pytest.fixture
def gpu(monkeypatch):
    """Stand a GPU in, and return what gives it a driver."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Large One")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    monkeypatch.setattr(triton.runtime.driver, "_active", Driver())
    return triton.runtime.driver.set_active


def test_a_gpu_that_has_all_it_needs_is_named(gpu):
    assert cuda.missing() is None
    assert cuda.version() == f"triton {triton.__version__} on Large One"


def test_what_is_missing_is_said(gpu, monkeypatch):
    gpu(Driver("Failed to find C compiler."))
    assert cuda.missing() == "Triton cannot start: Failed to find C compiler."
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 0))
    assert cuda.missing() == "Large One is older than Triton supports"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert cuda.missing() == "there is no CUDA device"


def test_without_triton_the_module_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.setitem(sys.modules, cuda.__name__, None)
    monkeypatch.delitem(sys.modules, cuda.__name__)
    alone = importlib.import_module(cuda.__name__)
    assert alone.missing().startswith("Triton cannot be imported")
