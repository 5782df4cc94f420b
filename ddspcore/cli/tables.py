"""Tables: aligned columns, no frames; where output is piped, one line a row."""

import os
import sys

import rich_click as click
from rich.console import Console, RenderableType
from rich.table import Table

UNLIMITED = 10_000


def make_table(*headers: str) -> Table:
    """Return an empty table with these columns; what is too wide continues on the next line."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


def make_console() -> Console:
    """Return a console that prints text as it is and wraps it only for a terminal."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else UNLIMITED
    return Console(width=width, markup=False, highlight=False, emoji=False)


def show(*parts: RenderableType) -> None:
    """Print tables and text below each other, without trailing spaces."""
    console = make_console()
    with console.capture() as captured:
        console.print(*parts, sep="\n")
    for line in captured.get().splitlines():
        click.echo(line.rstrip())
