"""`ddsp run` of several: the recipes of a folder, or one with `[each]`; a table at the end."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import rich_click as click

from ddspcore.cli.formats import BY_SUFFIX, Rows, show_rows, written
from ddspcore.errors import GateMissed, RunsFailed, UserError

if TYPE_CHECKING:
    from ddspcore.train.series import Result, Series

COLUMNS = ("recipe", "gate", "measured", "wanted", "result", "runs")


def run_series(planned: "Sequence[Series]", reports: Sequence[Path]) -> None:
    """Run all, then print the table and write it to every report, whatever happened.

    Raises GateMissed if a gate was, UserError if a report cannot be written, Interrupted.
    """
    from ddspcore.train.series import rows_of, run_all  # noqa: PLC0415  imports torch

    results: dict[str, list[Result]] = {series.recipe: [] for series in planned}
    try:
        for result in run_all(planned):
            results[result.recipe].append(result)
    finally:
        rows = [
            attrs.asdict(row)
            for series in planned
            for row in rows_of(series, results[series.recipe])
        ]
        click.echo()
        show_rows(COLUMNS, rows)
        _write(rows, reports)
    failed = [each for found in results.values() for each in found if each.outcome is None]
    if failed:
        runs = ", ".join(f"{each.recipe} {each.member}".rstrip() for each in failed)
        raise RunsFailed(f"these runs failed, the others are finished: {runs}", failed[0].exit_code)
    missed = [row for row in rows if str(row["result"]).startswith("missed")]
    if missed:
        gates = "; ".join(f"{row['recipe']} {row['gate']}" for row in missed)
        raise GateMissed(f"all runs are finished and saved, but gates were missed: {gates}")


def _write(rows: Rows, reports: Sequence[Path]) -> None:
    try:
        for path in reports:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(written(COLUMNS, rows, BY_SUFFIX[path.suffix]), encoding="utf-8")
    except OSError as failure:
        raise UserError(f"{failure.filename}: cannot be written: {failure.strerror}") from failure
    click.echo(f"\nthe table is in {', '.join(map(str, reports))}")
