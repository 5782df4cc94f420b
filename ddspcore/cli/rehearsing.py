"""What `ddsp run --dry-run` prints: every stage, whether it learns, and how long it would take."""

from typing import TYPE_CHECKING

from ddspcore.cli.tables import make_table, show
from ddspcore.metric import PLACES

if TYPE_CHECKING:
    from ddspcore.train.rehearsal import Rehearsal


def show_rehearsal(found: "Rehearsal") -> None:
    """Print a row for every loss and metric of every stage, then time and memory."""
    table = make_table("stage", "steps", "of", "batch", "what", "first", "last", "ms a step")
    for column in table.columns[1:4] + table.columns[5:]:
        column.justify = "right"
    for leg in found.stages:
        rows = {"lr": leg.lr, **leg.losses, f"{found.metric}, {PLACES[found.split]}": leg.metric}
        facts = [leg.name, str(leg.steps), str(leg.planned), str(leg.batch)]
        time = f"{leg.step_ms:.1f}"
        for name, (first, last) in rows.items():
            table.add_row(*facts, name, f"{first:.4g}", f"{last:.4g}", time)
            facts, time = [""] * 4, ""
    total = sum(found.parameters.values())
    parts = ", ".join(f"{name} {size:,}" for name, size in found.parameters.items())
    fewer = [f"{leg.name} {leg.trained:,}" for leg in found.stages if leg.trained < total]
    learn = f"; of them learn in stage {', '.join(fewer)}" if fewer else ""
    compiled = ", compiled" if found.compiled else ""
    show(
        table,
        "",
        f"{total:,} parameters: {parts}{learn}",
        f"{found.metric}: {found.direction} is better",
        f"on {found.device}{compiled}; kernels: {found.kernels.kind}, {found.kernels.detail}",
        f"{'tensors' if found.device == 'cuda' else 'the process'} held at most "
        f"{found.memory_mb:.0f} MB",
        f"all {sum(leg.planned for leg in found.stages)} steps would take about "
        f"{_duration(found.seconds_planned)}; measuring comes on top",
        "nothing was written",
    )


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
