"""What a run says: a live view on a terminal, plain lines elsewhere, metrics.jsonl always."""

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from ddspcore.errors import UserError
from ddspcore.train.checkpoint import to_json


class RunLog:
    """Appends to `metrics.jsonl` and `log.txt` and shows the run's progress.

    Use as a context manager: the files are open and the live view is up inside it.
    """

    def __init__(self, metrics: Path, log: Path, console: Console):
        self.console = console
        self._metrics_file = metrics.open("ab")
        self._log_file = log.open("ab")
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            expand=True,
        )
        self._task = self._bar.add_task("preparing", total=None)
        self._values: dict[str, str] = {}
        self._speed = (time.monotonic(), 0)
        self._live = Live(
            console=console, refresh_per_second=4, transient=True, get_renderable=self._view
        )

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self.console.is_terminal:
            self._live.stop()
        self._metrics_file.close()
        self._log_file.close()

    def say(self, text: str, style: str | None = None) -> None:
        """Print a line and append it to `log.txt`."""
        self.console.print(text, style=style, highlight=False, markup=False, soft_wrap=True)
        _append(self._log_file, text)

    def record(self, **fields: Any) -> None:
        """Append one line to `metrics.jsonl`."""
        _append(self._metrics_file, to_json(fields))

    def begin(self, doing: str) -> None:
        """Show that something goes on whose length is not known, such as evaluating."""
        self._bar.remove_task(self._task)
        self._task = self._bar.add_task(doing, total=None)

    def begin_stage(self, name: str, step: int, steps: int) -> None:
        """Show a stage's progress from `step` on."""
        self._bar.update(self._task, description=f"stage {name}", completed=step, total=steps)
        self._values = {}
        self._speed = (time.monotonic(), step)

    def advance(self, step: int) -> None:
        """Move the progress bar; costs nothing that waits for a device."""
        self._bar.update(self._task, completed=step)

    def show(self, values: Mapping[str, float], step: int) -> None:
        """Show numbers in the live view, beside those that were shown before in this stage."""
        since, at = self._speed
        elapsed = time.monotonic() - since
        self._values |= {name: f"{value:.4g}" for name, value in values.items()}
        if elapsed > 0 and step > at:
            self._values["steps/s"] = f"{(step - at) / elapsed:.1f}"

    def offsets(self) -> dict[str, int]:
        """Return how long the two files are, for a checkpoint to remember."""
        return {"metrics": self._metrics_file.tell(), "log": self._log_file.tell()}

    def _view(self) -> RenderableType:
        table = Table.grid(padding=(0, 2), expand=False)
        for name, value in self._values.items():
            table.add_row(name, value)
        return Group(self._bar, table)


def _append(file: Any, line: str) -> None:
    try:
        file.write(f"{line}\n".encode())
        file.flush()
    except OSError as failure:
        raise UserError(
            f"{file.name}: cannot be written: {failure.strerror}; the last checkpoint is whole, "
            "and the same command continues from it"
        ) from failure
