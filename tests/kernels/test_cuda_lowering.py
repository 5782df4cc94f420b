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


def test_what_is_missing_is_said(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert cuda.missing() == "there is no CUDA device"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Old One")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 0))
    assert cuda.missing() == "Old One is older than Triton supports"
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    assert cuda.missing() is None
    assert cuda.version() == f"triton {triton.__version__} on Old One"


def test_without_triton_the_module_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.setitem(sys.modules, cuda.__name__, None)
    monkeypatch.delitem(sys.modules, cuda.__name__)
    alone = importlib.import_module(cuda.__name__)
    assert alone.missing().startswith("Triton cannot be imported")
