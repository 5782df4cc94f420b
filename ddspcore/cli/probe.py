"""`ddsp probe`: look into a trained model, or one that is still untrained."""

from pathlib import Path

import attrs
import rich_click as click

from ddspcore.blame import blamed
from ddspcore.catalog import Catalog
from ddspcore.cli.options import (
    catalog_options,
    json_option,
    run_argument,
    set_option,
    where_option,
)
from ddspcore.cli.pulls import losses_table, modules_table
from ddspcore.cli.tables import make_table, show
from ddspcore.cli.versions import heed_versions

RAW, SMOOTHED = "raw-variation/", "fir-variation/"

out_option = click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where files are written; RUN/probe by default, ./probe for a recipe.",
)


@click.group()
def probe() -> None:
    """Look into a model: what losses pull at, and what it predicts."""


@probe.command()
@click.argument("target", metavar="RUN")
@click.option(
    "--losses",
    metavar="A,B",
    help="Only these: losses of the stage, or others by their component's name. All by default.",
)
@click.option("--stage", metavar="NAME", help="Another stage's losses.")
@click.option("--step", type=click.IntRange(min=0), help="Another step's schedules and batch.")
@set_option
@out_option
@where_option
@json_option
@catalog_options
def gradients(
    target: str,
    losses: str | None,
    stage: str | None,
    step: int | None,
    sets: tuple[str, ...],
    out: Path | None,
    device: str,
    as_json: bool,
    catalog: Catalog,
) -> None:
    """Compare the gradients of losses, each alone, in one step that is not taken.

    RUN is a run's folder, a checkpoint in it, or a recipe, whose model is then untrained. Writes
    gradients.json and gradients.png.
    """
    from ddspcore.probing.gradients import probe_gradients  # noqa: PLC0415  imports torch
    from ddspcore.probing.picture import draw_gradients  # noqa: PLC0415
    from ddspcore.probing.starts import find_start, folder_of, with_losses  # noqa: PLC0415
    from ddspcore.train.checkpoint import to_json, write_json  # noqa: PLC0415
    from ddspcore.train.device import choose_device  # noqa: PLC0415

    if run := folder_of(target):
        heed_versions(run, catalog)
    start = find_start(target, catalog, sets, stage, step)
    if losses is not None:
        start = attrs.evolve(start, stage=with_losses(start.stage, losses.split(","), catalog))
    chosen = choose_device(device)
    with blamed(start.recipe), start.learner(chosen) as learner:
        found = probe_gradients(learner, start.step)
    folder = out or start.default_folder
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"checkpoint": start.checkpoint, "device": chosen.used, **found.to_json()}
    write_json(folder / "gradients.json", facts)
    draw_gradients(found, str(start), folder / "gradients.png")
    if as_json:
        click.echo(to_json(facts, indent=2))
        return
    show(
        f"{start}; items {', '.join(map(str, found.items))}, on {chosen.used}",
        "",
        losses_table(found),
        "",
        modules_table(found),
        "",
        f"{folder / 'gradients.png'} shows them; numbers are in gradients.json beside it",
    )


split_option = click.option(
    "--split",
    type=click.Choice(["train", "val"]),
    help="Whose items; by default held-out ones, where there are any.",
)


@probe.command()
@run_argument
@click.option(
    "--steps",
    default="best",
    show_default=True,
    metavar="WORDS",
    help="Which checkpoints: best, latest, latest3, all, A:best,B:last, or steps that were kept.",
)
@click.option(
    "--item",
    "items",
    type=click.IntRange(min=0),
    multiple=True,
    default=(0,),
    show_default=True,
    help="Which items; can be repeated. Pictures show the first.",
)
@click.option("--at", type=click.FloatRange(min=0), metavar="SECONDS", help="Look closely here.")
@split_option
@out_option
@where_option
@catalog_options
def controls(
    folder: Path,
    steps: str,
    items: tuple[int, ...],
    at: float | None,
    split: str | None,
    out: Path | None,
    device: str,
    catalog: Catalog,
) -> None:
    """Write the controls that checkpoints of RUN predict as tables and pictures.

    Several checkpoints are also drawn side by side, in controls_compare.png.
    """
    from ddspcore.probing.evaluating import Question, ask  # noqa: PLC0415  imports torch

    question = Question("controls", {"at": at}, steps, items, split, device, out)
    heed_versions(folder, catalog)
    answers, where = ask(folder, question, catalog)
    table = make_table("checkpoint", "controls.png and its tables are in")
    for answer in answers:
        table.add_row(str(answer.snapshot), str(answer.folder))
    show(table)
    if len(answers) > 1:
        show("", f"{where / 'controls_compare.png'} shows them side by side")


@probe.command()
@run_argument
@click.option(
    "--steps",
    default="best",
    show_default=True,
    metavar="WORDS",
    help="Which checkpoints, as in ddsp probe controls.",
)
@click.option(
    "--item",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Which item.",
)
@split_option
@out_option
@where_option
@catalog_options
def smoothing(
    folder: Path,
    steps: str,
    item: int,
    split: str | None,
    out: Path | None,
    device: str,
    catalog: Catalog,
) -> None:
    """Compare controls that RUN predicts with their means over five frames.

    Writes tables, analysis.json and smoothing_analysis.png.
    """
    from ddspcore.probing.evaluating import Question, ask  # noqa: PLC0415  imports torch

    question = Question("smoothing", {}, steps, (item,), split, device, out)
    heed_versions(folder, catalog)
    answers, _ = ask(folder, question, catalog)
    table = make_table("checkpoint", "control", "variation", "smoothed", "ratio")
    for column in table.columns[2:]:
        column.justify = "right"
    for answer in answers:
        for name, raw in answer.values.items():
            if name.startswith(RAW):
                control = name.removeprefix(RAW)
                smoothed = answer.values[f"{SMOOTHED}{control}"]
                ratio = f"{smoothed / raw:.3f}" if raw else ""
                label = str(answer.snapshot)
                table.add_row(label, control, f"{raw:.4g}", f"{smoothed:.4g}", ratio)
    show(table, "", *(f"{each.folder / 'smoothing_analysis.png'}" for each in answers))
