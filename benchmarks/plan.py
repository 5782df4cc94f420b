"""Everything that is measured, in the order of measuring: what matters most comes first."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from attrs import evolve, frozen

from benchmarks import (
    bank,
    growth,
    loss,
    memory,
    noise,
    parts,
    precision,
    processes,
    render,
    step,
    streams,
    timing,
)
from benchmarks.recipes import COMPILED, GRU, SHORT, TRANSFORMER, Size
from benchmarks.setup import Setup
from benchmarks.timing import Case

SECONDS, BYTES, SHARE, CYCLES, STEPS_A_SECOND = "s", "bytes", "of full scale", "cycles", "steps/s"
MEMORY = "peak memory of "
GROWTH_ROUNDS = 3


@frozen
class Task:
    """Something to measure: its name, and a call that returns what was found by contender."""

    subject: str
    work: str
    size: str
    unit: str
    run: Callable[[], dict[str, Any]]
    facts: dict[str, float]

    @property
    def key(self) -> str:
        """Name the task in files and on the command line."""
        return f"{self.subject}: {self.work}, {self.size}"


def tasks(setup: Setup) -> Iterator[Task]:
    """Yield everything that is measured on a device."""
    for case in timed_cases(setup):
        yield _timed(setup, case, setup.rounds)
    for case in memory_cases(setup):
        run = partial(memory.measure, setup, case)
        yield Task(MEMORY + case.subject, case.work, case.size, BYTES, run, {})
    sound, phase = partial(precision.sound, setup), partial(precision.phase, setup)
    yield Task(precision.SUBJECT, "error of the sound", "4 s, 440 Hz", SHARE, sound, {})
    hour = "a minute" if setup.quick else "an hour"
    yield Task(precision.SUBJECT, "error of the phase", f"after {hour}", CYCLES, phase, {})
    if setup.device == "cpu":
        for block in streams.BLOCKS:
            run = partial(streams.measure, setup, block)
            yield Task(
                streams.SUBJECT, streams.WORK, f"{block} samples", SECONDS, run, {"block": block}
            )
        for count in (1, 2):
            run = partial(processes.throughput, setup, count)
            size = f"{count} of them, {processes.SIZE}"
            yield Task(processes.SUBJECT, processes.WORK, size, STEPS_A_SECOND, run, {"x": count})
    rounds = min(setup.rounds, GROWTH_ROUNDS)
    for case in growth.cases(setup):
        yield _timed(setup, case, rounds)


def timed_cases(setup: Setup) -> Iterator[Case]:
    """Yield the pieces and the steps at their sizes; the bank's largest is too slow for magenta."""
    long = partial(evolve, batch=2, samples=16_000) if setup.quick else (lambda size: size)
    short = bank.Size(batch=1, samples=16_384, harmonics=64)
    for work in reversed(bank.WORKS):
        yield bank.case(setup, long(bank.Size()), work, everybody=False)
        if not setup.quick:
            yield bank.case(setup, bank.Size(batch=4), work)
        yield bank.case(setup, short, work)
    yield noise.case(setup, noise.Size(batch=2, frames=62) if setup.quick else noise.Size())
    yield noise.case(setup, noise.Size(batch=1, frames=64))
    yield loss.case(setup, long(loss.Size()))
    yield loss.case(setup, loss.Size(batch=1, samples=16_384))
    full = long(Size())
    yield step.case(setup, full, (GRU, TRANSFORMER))
    for batch in (1,) if setup.quick else (16, 1):
        yield step.case(setup, evolve(SHORT, batch=batch), (TRANSFORMER, COMPILED))
    yield parts.case(setup, full, (GRU, TRANSFORMER))
    yield render.case(setup, 2 if setup.quick else 30)


def memory_cases(setup: Setup) -> Iterator[Case]:
    """Yield what the peak memory of one call is measured of."""
    long = partial(evolve, batch=2, samples=16_000) if setup.quick else (lambda size: size)
    yield bank.case(setup, long(bank.Size()), bank.BOTH, everybody=False)
    yield loss.case(setup, long(loss.Size()), everybody=False)
    yield step.case(setup, long(Size()), (GRU, TRANSFORMER))


def _timed(setup: Setup, case: Case, rounds: int) -> Task:
    run = partial(timing.measure, case, setup.device, rounds)
    return Task(case.subject, case.work, case.size, SECONDS, run, dict(case.facts))
