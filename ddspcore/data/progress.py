"""A bar on the terminal while a source is prepared."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from ddspcore.data.fates import Progress


@contextmanager
def show_progress(console: Console) -> Iterator[Progress]:
    """Give a `Progress` that shows as a bar; as nothing where output is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[file]}", markup=False),
    )
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(doing: str, done: int, total: int, name: str) -> None:
            if doing not in tasks:
                tasks[doing] = bars.add_task(doing, total=total, file=name)
            bars.update(tasks[doing], completed=done, file=name)

        yield tell
