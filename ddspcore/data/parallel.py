"""Work on many files at once, in threads: decoding, hashing and tensors leave Python's lock."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

MOST_WORKERS = 8  # each holds a whole recording


def each(
    work: Callable[[T], R], things: Sequence[T], tell: Callable[[int, T | None], None]
) -> list[R]:
    """Return what `work` makes of every thing, in their order; any of them may run at once.

    `tell` hears how many are done and which is the latest. What one of them raises is raised at
    once, as is an interrupt: those that have not begun never do.
    """
    tell(0, None)
    pool = ThreadPoolExecutor(min(MOST_WORKERS, _processors()), "prepare")
    try:
        futures = {pool.submit(work, thing): thing for thing in things}
        for done, future in enumerate(as_completed(futures), 1):
            future.result()
            tell(done, futures[future])
        return [future.result() for future in futures]
    finally:
        pool.shutdown(cancel_futures=True)


def _processors() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
