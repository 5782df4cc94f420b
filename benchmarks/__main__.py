"""`python -m benchmarks --peers DIR` measures; `python -m benchmarks report` writes it up."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import machine, plan, report
from benchmarks.options import add_setup_options, setup_of
from benchmarks.setup import Setup
from benchmarks.store import Store

OUT = Path("build/benchmarks")


def parser() -> argparse.ArgumentParser:
    """Return what understands the command line."""
    made = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    made.add_argument(
        "action",
        nargs="?",
        choices=("run", "report"),
        default="run",
        help="run measures what is not yet measured, and reports; report only reports",
    )
    add_setup_options(made)
    made.add_argument(
        "--only", nargs="+", default=[], metavar="NAME", help="measure what is named so, in part"
    )
    made.add_argument(
        "--out", type=Path, default=OUT, help=f"where measurements are kept, line by line ({OUT})"
    )
    made.add_argument(
        "--docs",
        type=Path,
        default=report.DOCS,
        help=f"the page and its pictures; not written by --quick ({report.DOCS})",
    )
    return made


def main(words: Sequence[str] | None = None) -> int:
    """Measure what is asked for and is not there yet, and write the report."""
    understood = parser()
    given = understood.parse_args(words)
    if not given.quick and not (given.docs / report.PAGE).is_file():
        understood.error(f"there is no {report.PAGE} in {given.docs}")
    if given.action == "run":
        measure(setup_of(given), given.out, given.only)
    if not given.quick:
        report.write(given.out, given.docs)
    return 0


def measure(setup: Setup, out: Path, only: Sequence[str]) -> None:
    """Measure, and keep each measurement as soon as it is there."""
    name = f"{'quick-' if setup.quick else ''}{setup.device}.jsonl"
    store = Store(out / name, machine.describe(setup))
    if "limits" not in store.known and not only:
        store.add({"key": "limits", "load": machine.load_average(), **machine.limits(setup)})
    for task in plan.tasks(setup):
        if task.key in store.known or not chosen(task.key, only):
            continue
        start, load = time.monotonic(), machine.load_average()
        results = task.run()
        store.add(
            {
                "key": task.key,
                "subject": task.subject,
                "work": task.work,
                "size": task.size,
                "unit": task.unit,
                "facts": task.facts,
                "load": load,
                "results": results,
            }
        )
        print(f"{time.monotonic() - start:6.1f} s  {task.key}", flush=True)


def chosen(key: str, only: Sequence[str]) -> bool:
    """Say whether a key contains one of the names, or none is given."""
    return not only or any(name in key for name in only)


if __name__ == "__main__":
    sys.exit(main())
