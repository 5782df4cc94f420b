"""The memory of one call: on CPU by the peak of a process of its own, on CUDA by the allocator.

`python -m benchmarks.memory KEY NAME ...` is that process; it prints bytes.
"""

import argparse
import ctypes
import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from benchmarks.options import add_setup_options, setup_of, setup_options
from benchmarks.peers import PeerMissingError
from benchmarks.setup import Setup
from benchmarks.timing import Case, kernels

STATUS = Path("/proc/self/status")
RESET_PEAK = "5"


def measure(setup: Setup, case: Case) -> dict[str, Any]:
    """Return, by contender, the bytes that one call takes beyond its inputs, or why none."""
    return {name: _one(setup, case, name) for name in case.entrants if name != "magenta/ddsp"}


def _one(setup: Setup, case: Case, name: str) -> dict[str, Any]:
    if setup.device == "cuda":
        try:
            return {"value": peak_bytes(case, name, setup.device)}
        except PeerMissingError as missing:
            return {"absent": str(missing)}
    command = [sys.executable, "-m", "benchmarks.memory", case.key, name, *setup_options(setup)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return {"absent": done.stderr.strip().splitlines()[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def peak_bytes(case: Case, name: str, device: str) -> int:
    """Return how much one call takes at its peak, after a small one has loaded what it needs."""
    for each in filter(None, (case.small, case)):
        contender = each.entrants[name]()
        gc.collect()
        with kernels(contender.kernels):
            before = _reset(device)
            contender.call()
            peak = _peak(device) - before
        del contender
    return peak


def _reset(device: str) -> int:
    """Forget the peak; returns what is in use now."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    ctypes.CDLL(None).malloc_trim(0)  # or the call would be served from what the small one left
    Path("/proc/self/clear_refs").write_text(RESET_PEAK)
    return _status("VmRSS")


def _peak(device: str) -> int:
    return torch.cuda.max_memory_allocated() if device == "cuda" else _status("VmHWM")


def _status(field: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


def main() -> None:
    """Measure one contender of one case."""
    from benchmarks.plan import memory_cases  # noqa: PLC0415  which measures by this module

    parser = argparse.ArgumentParser()
    parser.add_argument("key")
    parser.add_argument("name")
    add_setup_options(parser)
    given = parser.parse_args()
    setup = setup_of(given)
    case = next(case for case in memory_cases(setup) if case.key == given.key)
    try:
        found: dict[str, Any] = {"value": peak_bytes(case, given.name, setup.device)}
    except PeerMissingError as missing:
        found = {"absent": str(missing)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
