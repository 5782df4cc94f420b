"""One table in four forms: for a terminal, as Markdown, CSV and JSON."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ddspcore.cli.tables import make_table, show

Format = Literal["table", "csv", "markdown", "json"]
FORMATS: tuple[Format, ...] = ("table", "csv", "markdown", "json")
BY_SUFFIX: Mapping[str, Format] = {".csv": "csv", ".md": "markdown", ".json": "json"}

Rows = Sequence[Mapping[str, Any]]


def show_rows(columns: Sequence[str], rows: Rows) -> None:
    """Print a table."""
    shown = make_table(*columns)
    for row in rows:
        shown.add_row(*(cell(row.get(column)) for column in columns))
    show(shown)


def written(columns: Sequence[str], rows: Rows, form: Format) -> str:
    """Return a table as the text of a file."""
    if form == "json":
        plain = [{column: _plain(row.get(column)) for column in columns} for row in rows]
        return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"
    lines = [list(columns), *([cell(row.get(column)) for column in columns] for row in rows)]
    if form == "csv":
        file = io.StringIO()
        csv.writer(file, lineterminator="\n").writerows(lines)
        return file.getvalue()
    lines.insert(1, ["---"] * len(columns))
    return "".join(f"| {' | '.join(map(_in_markdown, line))} |\n" for line in lines)


def cell(value: object) -> str:
    """Spell a value for a person: four digits of a number, nothing for None."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _in_markdown(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
