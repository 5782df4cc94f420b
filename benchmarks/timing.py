"""Contenders measured in turns, so that a ratio is one of times taken side by side."""

import gc
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median
from typing import Any

import torch
from attrs import field, frozen

from benchmarks.peers import PeerMissingError
from ddspcore.kernels.backends import VARIABLE

LEAST_SECONDS = 0.02
"""A turn repeats a call until it lasts as long; a clock and a scheduler are too coarse for less."""
MOST_REPEATS = 50
LONG_SECONDS = 1.0
TRIALS = 4
L2_FLUSH_BYTES = 1 << 28


@frozen
class Contender:
    """Somebody who can do a piece of work.

    `kernels` is what DDSP_KERNELS says meanwhile. A contender in another process measures itself:
    its call returns seconds. `check` returns how far its result is from the float64 one of its own
    definition, as a share of what is allowed: above 1, the work is not the same and no ratio holds.
    """

    call: Callable[[], Any]
    kernels: str = "auto"
    own_clock: bool = False
    check: Callable[[], float] | None = None
    note: str = ""


@frozen
class Case:
    """A piece of work of one size, and who competes; contenders are built when it is their turn."""

    subject: str
    work: str
    size: str
    entrants: Mapping[str, Callable[[], Contender]] = field(repr=False)
    facts: Mapping[str, float] = field(factory=dict)
    small: "Case | None" = field(default=None, repr=False)

    @property
    def key(self) -> str:
        """Name the case in files and on the command line."""
        return f"{self.subject}: {self.work}, {self.size}"


@contextmanager
def kernels(which: str) -> Iterator[None]:
    """Choose the kernels for a block."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = which
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def measure(case: Case, device: str, rounds: int) -> dict[str, Any]:
    """Measure a case round-robin; returns, by contender, the seconds of each round or why none."""
    results: dict[str, Any] = {}
    ready: dict[str, tuple[Contender, int]] = {}
    most = torch.get_num_threads()
    for name, build in case.entrants.items():
        try:
            contender = build()
            with kernels(contender.kernels):
                results[name] = _checked(contender)
                if device == "cpu" and not contender.own_clock:
                    results[name]["threads"] = suited_threads(contender, most)
                ready[name] = contender, warm_up(contender, device)
        except PeerMissingError as missing:
            results[name] = {"absent": str(missing)}
    for _ in range(rounds):
        for name, (contender, repeats) in ready.items():
            torch.set_num_threads(results[name].get("threads", most))
            with kernels(contender.kernels):
                results[name]["seconds"].append(turn(contender, device, repeats))
    torch.set_num_threads(most)
    return results


def _checked(contender: Contender) -> dict[str, Any]:
    found: dict[str, Any] = {"seconds": []}
    if contender.note:
        found["note"] = contender.note
    if contender.own_clock:
        found["own process"] = True
    if contender.check is not None:
        found["difference"] = contender.check()
    return found


def suited_threads(contender: Contender, most: int) -> int:
    """Try one thread and as many as there are; returns the number that is faster, and sets it.

    Many small operations lose by sharing and few large ones gain: nobody is to lose by our choice.
    """
    times: dict[int, float] = {}
    for threads in dict.fromkeys((most, 1)):
        torch.set_num_threads(threads)
        repeats = warm_up(contender, "cpu")
        times[threads] = min(turn(contender, "cpu", repeats) for _ in range(TRIALS))
    best = min(times, key=lambda threads: times[threads])
    torch.set_num_threads(best)
    return best


def warm_up(contender: Contender, device: str) -> int:
    """Call once, and again unless that took long; returns how often a turn repeats the call.

    On CUDA the first call may compile, so what it takes says nothing.
    """
    once = turn(contender, device, 1)
    if once < LONG_SECONDS or device == "cuda":
        once = turn(contender, device, 1)
    return min(MOST_REPEATS, max(1, math.ceil(LEAST_SECONDS / max(once, 1e-9))))


def turn(contender: Contender, device: str, repeats: int) -> float:
    """Return the seconds of one call, from `repeats` of them."""
    if contender.own_clock:
        return median(float(contender.call()) for _ in range(repeats))
    gc.collect()
    gc.disable()
    try:
        return _cuda(contender, repeats) if device == "cuda" else _wall(contender, repeats)
    finally:
        gc.enable()


def _wall(contender: Contender, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        contender.call()
    return (time.perf_counter() - start) / repeats


def _cuda(contender: Contender, repeats: int) -> float:
    """Return the median between device events, each call after the cache was emptied."""
    flush = torch.empty(L2_FLUSH_BYTES, dtype=torch.int8, device="cuda")
    times: list[float] = []
    for _ in range(repeats):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        flush.zero_()
        start.record()
        contender.call()
        end.record()
        end.synchronize()
        times.append(float(start.elapsed_time(end)) / 1000.0)
    return median(times)


def ratio(peer: list[float], ours: list[float]) -> float:
    """Return the median over rounds of the peer's time over ours."""
    return median(p / o for p, o in zip(peer, ours, strict=True))
