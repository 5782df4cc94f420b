"""Tables on the terminal: aligned columns, no frames; plain text where output is piped."""

import os
import sys

import rich_click as click
from rich.console import Console, RenderableType
from rich.table import Table

PIPED_WIDTH = 100


def make_table(*headers: str) -> Table:
    """Return an empty table with these columns; the last one takes what width is left."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for header in headers:
        last = header == headers[-1]
        table.add_column(header, no_wrap=not last, overflow="fold")
    return table


def make_console() -> Console:
    """Return a console that prints text as it is, as wide as the terminal."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPED_WIDTH
    return Console(width=width, markup=False, highlight=False, emoji=False)


def show(*parts: RenderableType) -> None:
    """Print tables and text below each other, without trailing spaces."""
    console = make_console()
    with console.capture() as captured:
        console.print(*parts, sep="\n")
    for line in captured.get().splitlines():
        click.echo(line.rstrip())
