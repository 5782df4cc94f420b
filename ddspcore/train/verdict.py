"""Gates: whether the numbers of a finished run, or of a series of them, are as good as asked."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from ddspcore.metric import PLACES
from ddspcore.recipe.schema import COURSE, Gate


@frozen
class Verdict:
    """A gate, what was measured for it, on which items, and over how many runs.

    `measured` is None where a run lacks the number; of `every` run it is the worst one's, which is
    the run at `worst`.
    """

    gate: Gate
    measured: float | None
    split: str
    runs: int
    worst: int = 0

    @property
    def passed(self) -> bool:
        """Whether the gate lets it pass."""
        return self.measured is not None and self.gate.admits(self.measured)

    def in_words(self) -> str:
        """Say it in a sentence."""
        gate = self.gate
        head = f"gate {'passed' if self.passed else 'missed'}: {gate.metric}"
        if self.measured is None:
            return f"{head} was not measured; wanted {gate.wanted}"
        over = ""
        if self.runs > 1:
            median = gate.over == "median"
            over = f" in the {'median' if median else 'worst'} of {self.runs} runs"
        times = " times" if gate.relative else ""
        where = _before(PLACES.get(self.split, ""))
        return f"{head} {self.measured:.4g}{times}{where}{over}; wanted {gate.wanted}"

    def as_json(self) -> dict[str, Any]:
        """Return it as `summary.json` has it."""
        gate = self.gate
        wanted = {"at_most": gate.at_most, "at_least": gate.at_least}
        return {
            "metric": gate.metric,
            "over": gate.over,
            "split": self.split,
            **{name: limit for name, limit in wanted.items() if limit is not None},
            "relative": gate.relative,
            "measured": self.measured,
            "passed": self.passed,
            "sentence": self.in_words(),
        }


def judge(gates: Sequence[Gate], summaries: Sequence[Mapping[str, Any]]) -> tuple[Verdict, ...]:
    """Judge finished runs by every gate; a single run is a series of one."""
    return tuple(_judge(gate, summaries) for gate in gates)


def _judge(gate: Gate, summaries: Sequence[Mapping[str, Any]]) -> Verdict:
    found = [_measured(gate, summary) for summary in summaries]
    values = [value for value, _ in found if value is not None]
    split = found[0][1] if found else ""
    if not values or len(values) < len(found):
        return Verdict(gate, None, split, len(found))
    if gate.over == "median":
        return Verdict(gate, statistics.median(values), split, len(found))
    worst = max(values) if gate.at_most is not None else min(values)
    return Verdict(gate, worst, split, len(found), values.index(worst))


def _measured(gate: Gate, summary: Mapping[str, Any]) -> tuple[float | None, str]:
    """Return a number of a summary, None where it is absent or not finite; and its items."""
    if gate.metric in COURSE:
        split = ""
        value = summary.get("course", {}).get(gate.metric.removeprefix("course."))
    elif gate.relative:
        split = "val"
        value = _ratio(gate.metric, summary.get("evaluation", {}))
    else:
        evaluation = summary.get("evaluation", {})
        split = gate.split or ("val" if "val" in evaluation else "train")
        value = evaluation.get(split, {}).get(gate.metric)
    finite = isinstance(value, int | float) and math.isfinite(value)
    return (float(value) if finite else None), split


def _ratio(metric: str, evaluation: Mapping[str, Mapping[str, float]]) -> float | None:
    """Return how many times what a number is where trained it is where held out, if it is both."""
    trained, held_out = (evaluation.get(split, {}).get(metric) for split in ("train", "val"))
    return held_out / trained if trained and held_out is not None else None


def _before(text: str) -> str:
    return f" {text}" if text else ""
