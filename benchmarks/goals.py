"""What the project set out to reach, beside what was measured."""

from collections.abc import Mapping
from statistics import median
from typing import Any

from attrs import frozen

from benchmarks import bank, loss, noise, parts, plan, precision, recipes, render, step, streams
from benchmarks.peers import AURALOSS, DDSP_PYTORCH, DDSP_SVC
from benchmarks.setup import NATIVE, PLAIN
from benchmarks.timing import ratio

Records = Mapping[str, Mapping[str, Any]]
"""Measurements on one device, by key."""

COLUMNS = (("cpu", PLAIN), ("cpu", NATIVE), ("cuda", NATIVE))
NOT_MEASURED = "not measured"
HERE = "{}"


@frozen
class Goal:
    """A number to reach, for each column or None where there is no goal.

    `key` names the measurement, and `ours` our contender in it, with the kernels for {}; `peer` is
    whom a ratio or a memory is against. Of the other kinds, `fma/s` and `bytes/s` are shares of the
    device's limit, and `share` is one of a step's time.
    """

    what: str
    kind: str
    key: str
    targets: tuple[float | None, float | None, float | None]
    ours: str = HERE
    peer: str = ""

    def measured(self, records: Records, limits: Mapping[str, float], kernels: str) -> float | None:
        """Return the number that was measured, or None."""
        record = records.get(self.key)
        ours = record and record["results"].get(self.ours.format(kernels))
        if record is None or ours is None or "absent" in ours:
            return None
        match self.kind:
            case "ratio" | "memory":
                return _against(record["results"].get(self.peer, {}), ours)
            case "error":
                return float(ours["value"])
            case "real time":
                return float(ours["real time"])
            case "share":
                model = self.ours.format(kernels).partition(":")[0]
                return _share(record["results"], ours, model)
            case limit:
                done = record["facts"].get(limit.removesuffix("/s"))
                known = done is not None and limit in limits
                return float(done / median(ours["seconds"]) / limits[limit]) if known else None

    def reached(self, measured: float, target: float) -> bool:
        """Say whether a number is as good as the goal."""
        return measured <= target if self.kind == "error" else measured >= target

    def show(self, number: float) -> str:
        """Return a number as a table shows it."""
        match self.kind:
            case "memory":
                return f"1/{number:.3g}"
            case "error":
                return f"{number:.2g}"
            case "fma/s" | "bytes/s" | "share":
                return f"{100.0 * number:.0f} %"
            case _:
                return f"{number:.3g}x"


def _against(peer: Mapping[str, Any], ours: Mapping[str, Any]) -> float | None:
    """Return the peer's number over ours, or None if it has none or it is of other work."""
    if "seconds" in peer:
        return ratio(peer["seconds"], ours["seconds"]) if same_work(peer) else None
    return float(peer["value"] / ours["value"]) if "value" in peer else None


def _share(results: Mapping[str, Any], part: Mapping[str, Any], model: str) -> float:
    """Return a part's share in the time of all parts of a model."""
    parts_of_it = (result for name, result in results.items() if name.startswith(f"{model}:"))
    return float(median(part["seconds"]) / sum(median(each["seconds"]) for each in parts_of_it))


def same_work(result: Mapping[str, Any]) -> bool:
    """Say whether a contender's result was within tolerance of ours, where that was compared."""
    return float(result.get("difference", 0.0)) <= 1.0


BANK = f"{bank.SUBJECT}: {bank.BOTH}, {bank.Size()}"
NOISE = f"{noise.SUBJECT}: {noise.WORK}, {noise.Size()}"
LOSS = f"{loss.SUBJECT}: {loss.WORK}, {loss.Size()}"
STEP = f"{step.SUBJECT}: {step.WORK}, {recipes.Size()}"
SHORT_STEP = f"{step.SUBJECT}: {step.WORK}, {recipes.SHORT}"
STREAM = f"{streams.SUBJECT}: {streams.WORK}, 64 samples"
CACHED = HERE + loss.CACHED
GRU, TRANSFORMER = f"{HERE}, {recipes.GRU}", f"{HERE}, {recipes.TRANSFORMER}"
COMPILED = f"{HERE}, {recipes.COMPILED}"
IT, SVC, AURA = DDSP_PYTORCH.name, DDSP_SVC.name, AURALOSS.name

GOALS = (
    Goal("oscillator bank, against ddsp_pytorch", "ratio", BANK, (12, 80, 15), peer=IT),
    Goal("the same, against DDSP-SVC", "ratio", BANK, (9, 60, 10), peer=SVC),
    Goal("its multiply-adds, of the limit", "fma/s", BANK, (None, None, 0.4)),
    Goal("its memory, of ddsp_pytorch's", "memory", plan.MEMORY + BANK, (20, 40, 40), peer=IT),
    Goal(
        "its error, of full scale",
        "error",
        f"{precision.SUBJECT}: error of the sound, 4 s, 440 Hz",
        (5e-6, 5e-6, 5e-6),
    ),
    Goal(
        "its phase after an hour, cycles",
        "error",
        f"{precision.SUBJECT}: error of the phase, after an hour",
        (1e-7, 1e-7, 1e-7),
        ours="ours",
    ),
    Goal("filtered noise, against ddsp_pytorch", "ratio", NOISE, (1.3, 2.5, 5), peer=IT),
    Goal("the same, against DDSP-SVC", "ratio", NOISE, (4, 8, 5), peer=SVC),
    Goal("spectral loss, target cached, against auraloss", "ratio", LOSS, (3, 12, 5), CACHED, AURA),
    Goal("the same, against ddsp_pytorch", "ratio", LOSS, (3, 11, 4), CACHED, IT),
    Goal("its bytes, of the limit", "bytes/s", LOSS, (None, None, 0.5), CACHED),
    Goal("training step, same GRU-512", "ratio", STEP, (3, 3.3, 1.3), GRU, IT),
    Goal(
        "the network's share of it",
        "share",
        f"{parts.SUBJECT}: {parts.WORK}, {recipes.Size()}",
        (None, None, 0.8),
        f"{GRU}: {parts.NETWORK}",
    ),
    Goal("training step, our default model", "ratio", STEP, (10, 20, 10), TRANSFORMER, IT),
    Goal("the same, one clip of 16384 samples", "ratio", SHORT_STEP, (9, 15, 10), TRANSFORMER, IT),
    Goal("the same, its network compiled", "ratio", SHORT_STEP, (9, 15, 10), COMPILED, IT),
    Goal(
        "the step's memory, of ddsp_pytorch's",
        "memory",
        plan.MEMORY + STEP,
        (5, 12, 12),
        TRANSFORMER,
        IT,
    ),
    Goal(
        "offline render of 30 s",
        "ratio",
        f"{render.SUBJECT}: {render.WORK}, {render.size_of(30)}",
        (8, 50, None),
        peer=IT,
    ),
    Goal("streaming in blocks of 64, against real time", "real time", STREAM, (20, 30, None)),
    Goal(
        "the same, a frame every block",
        "real time",
        STREAM,
        (None, None, None),
        HERE + streams.PER_BLOCK,
    ),
)


def table(records: Mapping[str, Records]) -> list[list[str]]:
    """Return the goals with what was measured, a row each; `records` are by device."""
    return [[goal.what, *(_cell(goal, records, column) for column in range(3))] for goal in GOALS]


def _cell(goal: Goal, records: Mapping[str, Records], column: int) -> str:
    device, kernels = COLUMNS[column]
    target, here = goal.targets[column], records.get(device, {})
    limits = here.get("limits", {})
    measured = goal.measured(here, limits, kernels)
    if measured is None:
        return "-" if target is None else f"{NOT_MEASURED} ({goal.show(target)})"
    if target is None:
        return goal.show(measured)
    verdict = "" if goal.reached(measured, target) else ", missed"
    return f"**{goal.show(measured)}** ({goal.show(target)}{verdict})"
