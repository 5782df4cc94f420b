"""What the numbers were measured on."""

import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.peers import PEERS, commit
from benchmarks.setup import Setup
from ddspcore.kernels import backends

ROOT = Path(__file__).parents[1]
MEASURED = ("ddspcore", "plugins")
MALLOC = ("MALLOC_", "LD_PRELOAD", "GLIBC_TUNABLES")
LANES_PER_SM = 128
"""Float32 multiply-adds a clock, of NVIDIA's SMs since 8.6 and 9.0."""


def describe(setup: Setup) -> dict[str, Any]:
    """Return what has to be the same for measurements to go together."""
    return {
        "device": setup.device,
        "device name": _device_name(setup.device),
        "cores": os.cpu_count(),
        "threads": setup.threads,
        "rounds": setup.rounds,
        "quick": setup.quick,
        "ddspcore": revision(),
        "kernels": backends.choose(setup.device).detail,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "malloc": " ".join(f"{k}={v}" for k, v in os.environ.items() if k.startswith(MALLOC)),
        "peers": {peer.name: commit(setup.peers, peer) for peer in PEERS},
    }


def revision() -> str:
    """Return the commit that last changed what is measured, and whether it was changed since."""
    last = _git("log", "-1", "--format=%h", "--abbrev=7")
    return f"{last}, changed since" if _git("status", "--porcelain") else last or "unknown"


def _git(*words: str) -> str:
    asked = ["git", "-C", str(ROOT), *words, "--", *MEASURED]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def load_average() -> float:
    """Return how many processes want to run, over the last minute."""
    return os.getloadavg()[0]


def limits(setup: Setup) -> dict[str, float]:
    """Return how many multiply-adds and bytes a second the device can do at most.

    Of a GPU, by its properties; of a CPU, by a matrix product and a copy that fit no cache.
    """
    if setup.device == "cuda":
        gpu = torch.cuda.get_device_properties(0)
        clock_hz, memory_hz = gpu.clock_rate * 1e3, gpu.memory_clock_rate * 1e3
        return {
            "fma/s": gpu.multi_processor_count * LANES_PER_SM * clock_hz,
            "bytes/s": 2.0 * memory_hz * gpu.memory_bus_width / 8,
        }
    side, words = (512, 1 << 22) if setup.quick else (2048, 1 << 26)
    left, right = torch.rand(2, side, side)
    here, there = torch.rand(words), torch.empty(words)
    return {
        "fma/s": side**3 / _best_of_five(lambda: left @ right),
        "bytes/s": 8.0 * words / _best_of_five(lambda: there.copy_(here)),
    }


def _best_of_five(call: Any) -> float:
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


def _device_name(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
