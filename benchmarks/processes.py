"""How much work gets done by processes side by side, each with one thread.

`python -m benchmarks.processes NAME SECONDS ...` is one of them: it says when it is ready, waits
for a line, and says how many training steps it did.
"""

import argparse
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any

from attrs import evolve

from benchmarks import step
from benchmarks.options import add_setup_options, setup_of, setup_options
from benchmarks.peers import PeerMissingError
from benchmarks.recipes import SHORT, TRANSFORMER
from benchmarks.setup import Setup
from benchmarks.timing import kernels, warm_up

SUBJECT = "processes side by side"
WORK = "training steps a second, all together"
SIZE = evolve(SHORT, batch=4)


def throughput(setup: Setup, count: int) -> dict[str, Any]:
    """Return, by contender, the steps a second that `count` processes do together."""
    seconds = 0.5 if setup.quick else 4.0
    entrants = step.case(setup, SIZE, (TRANSFORMER,)).entrants
    return {name: _together(setup, name, count, seconds) for name in entrants}


def _together(setup: Setup, name: str, count: int, seconds: float) -> dict[str, Any]:
    options = setup_options(evolve(setup, threads=1))
    command = [sys.executable, "-m", "benchmarks.processes", name, str(seconds), *options]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers: list[Any] = [subprocess.Popen(command, **pipes) for _ in range(count)]
    answers = [worker.stdout.readline().strip() for worker in workers]
    for worker in workers:
        with suppress(BrokenPipeError):  # it has ended, and answered nothing
            print("go", file=worker.stdin, flush=True)
    rates = [worker.communicate()[0] for worker in workers]
    if set(answers) != {"ready"}:
        return {"absent": answers[0] or "a process ended"}
    return {"value": sum(float(rate) for rate in rates)}


def main() -> None:
    """Do training steps for a while and print how many a second."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("seconds", type=float)
    add_setup_options(parser)
    given = parser.parse_args()
    setup = setup_of(given)
    try:
        contender = step.case(setup, SIZE, (TRANSFORMER,)).entrants[given.name]()
    except PeerMissingError as missing:
        print(missing, flush=True)
        sys.stdin.readline()
        return
    with kernels(contender.kernels):
        warm_up(contender, setup.device)
        print("ready", flush=True)
        sys.stdin.readline()
        start, steps = time.perf_counter(), 0
        while time.perf_counter() - start < given.seconds:
            contender.call()
            steps += 1
        print(steps / (time.perf_counter() - start))


if __name__ == "__main__":
    main()
