"""magenta/ddsp, in a process of its own, because TensorFlow and torch need different environments.

It takes its turn in every round like the others and measures itself.
"""

import functools
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.peers import MAGENTA, PeerMissingError, checkout
from benchmarks.setup import Setup
from benchmarks.timing import Contender

WORKER = Path(__file__).with_name("magenta_worker.py")


class Worker:
    """The other process, and what it is prepared for."""

    def __init__(self, setup: Setup):
        """Start it; PeerMissingError if it cannot start."""
        if setup.device != "cpu":
            raise PeerMissingError("measured on CPU only")
        folder = checkout(setup.peers, MAGENTA)
        if setup.tensorflow is None:
            raise PeerMissingError("no --tensorflow interpreter was given")
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
        self._scratch = tempfile.TemporaryDirectory(prefix="ddspcore-magenta-")
        self.arrays = Path(self._scratch.name) / "arrays.npz"
        self.log = self.arrays.with_name("log.txt")
        self.process = subprocess.Popen(
            [setup.tensorflow, WORKER, folder, str(setup.threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log.open("w"),
            text=True,
            env=os.environ | quiet,
        )

    def ask(self, request: Mapping[str, Any]) -> Any:
        """Return its answer; PeerMissingError if it has ended."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(BrokenPipeError):
            print(json.dumps(request), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            worker.cache_clear()
            last = self.log.read_text(errors="replace").strip().splitlines()[-1:]
            raise PeerMissingError(f"its process ended: {' '.join(last)}")
        return json.loads(line)


@functools.cache
def worker(setup: Setup) -> Worker:
    """Return the process, started once a session."""
    return Worker(setup)


def result(
    setup: Setup, piece: str, arrays: Mapping[str, Tensor], options: Mapping[str, Any]
) -> Tensor:
    """Return what magenta makes of the arrays."""
    process = worker(setup)
    _prepare(process, piece, arrays, (), options)
    return torch.from_numpy(np.load(process.arrays.with_suffix(".npy")))


def contender(
    setup: Setup,
    piece: str,
    arrays: Mapping[str, Tensor],
    gradients: tuple[str, ...],
    options: Mapping[str, Any],
    check: Callable[[], float],
    note: str,
) -> Contender:
    """Return a contender that does a piece of work in the other process."""
    process = worker(setup)
    difference = check()
    _prepare(process, piece, arrays, gradients, options)
    return Contender(
        call=lambda: process.ask({"go": True})["seconds"],
        own_clock=True,
        check=lambda: difference,  # the process is prepared for the work, and for one thing only
        note=note,
    )


def _prepare(
    process: Worker,
    piece: str,
    arrays: Mapping[str, Tensor],
    gradients: tuple[str, ...],
    options: Mapping[str, Any],
) -> None:
    np.savez(process.arrays, allow_pickle=False, **{name: x.numpy() for name, x in arrays.items()})
    asked = {"piece": piece, "arrays": str(process.arrays), "gradients": gradients}
    process.ask(asked | {"options": dict(options)})
