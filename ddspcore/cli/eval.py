"""`ddsp eval`: measure a trained run again."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from ddspcore.blame import blamed
from ddspcore.catalog import Catalog
from ddspcore.cli.options import (
    catalog_options,
    checkpoint_option,
    exact_option,
    json_option,
    run_argument,
    where_option,
)
from ddspcore.cli.tables import make_table, show
from ddspcore.cli.versions import heed_versions
from ddspcore.metric import PLACES

if TYPE_CHECKING:
    from rich.table import Table

    from ddspcore.train.evaluation import Evaluation, Evaluator


@click.command("eval")
@run_argument
@click.option("--split", type=click.Choice(list(PLACES)), help="Only one of the two.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where evaluators write files; RUN/eval by default.",
)
@checkpoint_option
@where_option
@exact_option
@json_option
@catalog_options
def evaluate(
    folder: Path,
    split: str | None,
    out: Path | None,
    checkpoint: Path | None,
    device: str,
    exact: bool,
    as_json: bool,
    catalog: Catalog,
) -> None:
    """Measure the best checkpoint of RUN with the evaluators of its recipe."""
    from ddspcore.train.checkpoint import to_json  # noqa: PLC0415
    from ddspcore.train.evaluation import build_evaluator  # noqa: PLC0415  imports torch
    from ddspcore.train.opening import evaluate_run, open_run  # noqa: PLC0415

    heed_versions(folder, catalog, checkpoint, exact)
    run = open_run(folder, catalog, device=device, checkpoint=checkpoint)
    splits = [split] if split else list(PLACES)
    with blamed(run.recipe):
        evaluators = [build_evaluator(run.recipe, use) for use in run.recipe.evaluators]
        found = evaluate_run(run, evaluators, splits, out or folder / "eval")
    if as_json:
        values = {name: dict(evaluation.values) for name, evaluation in found.items()}
        facts = {"checkpoint": str(run.checkpoint), "device": run.device.used}
        click.echo(to_json({**facts, "evaluation": values}, indent=2))
        return
    show(values_table(found, evaluators))
    files = [file for one in found.values() for each in one.files.values() for file in each]
    written = f"; {len(files)} files in {out or folder / 'eval'}" if files else ""
    show("", f"{run.checkpoint} on {run.device.used}{written}")


def values_table(found: Mapping[str, "Evaluation"], evaluators: Sequence["Evaluator"]) -> "Table":
    """Return a row for every number: on each split, how good it is, and what it says."""
    from ddspcore.train.evaluation import declared_by  # noqa: PLC0415  imports torch

    table = make_table("metric", *(PLACES[split] for split in found), "unit", "", "what it is")
    names = dict.fromkeys(name for one in found.values() for name in one.values)
    for name in names:
        metric, label = declared_by(name, evaluators)
        values = [one.values[name] for one in found.values() if name in one.values]
        numbers = [
            f"{one.values[name]:.4g}" if name in one.values else "" for one in found.values()
        ]
        table.add_row(name, *numbers, metric.unit, metric.grade(values[-1]), label)
    return table
