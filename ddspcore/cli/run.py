"""`ddsp run`: train what a recipe says."""

import functools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import rich_click as click
from rich.console import Console

from ddspcore.blame import blamed
from ddspcore.catalog import Catalog
from ddspcore.cli.formats import BY_SUFFIX
from ddspcore.cli.lowering import show_lowered
from ddspcore.cli.options import (
    catalog_options,
    device_option,
    exact_option,
    recipe_argument,
    set_option,
)
from ddspcore.cli.profiling import show_profile
from ddspcore.cli.rehearsing import show_rehearsal
from ddspcore.cli.series import run_series
from ddspcore.cli.tables import make_console
from ddspcore.errors import GateMissed, UserError
from ddspcore.recipe.schema import Device

if TYPE_CHECKING:
    import torch

    from ddspcore.gates import Checked
    from ddspcore.recipe.schema import Gate, Recipe
    from ddspcore.train.runner import Outcome


@click.command()
@recipe_argument
@set_option
@device_option
@click.option(
    "--runs-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Where new run folders are made and unfinished ones are looked for.",
)
@click.option(
    "--run-dir",
    type=click.Path(path_type=Path),
    help="Run exactly here: start if empty, continue if it is this run unfinished.",
)
@click.option(
    "--fresh", is_flag=True, help="Start anew: move --run-dir aside, or make a new folder."
)
@click.option(
    "--dry-run",
    "dry_steps",
    type=click.IntRange(min=1),
    metavar="STEPS",
    help="Train so many steps of every stage, report, and keep nothing.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report of --dry-run (.json) or the table of a series (.md, .csv, .json) here.",
)
@click.option(
    "--profile",
    "profile_steps",
    type=click.IntRange(min=1),
    is_flag=False,
    flag_value=10,
    metavar="[STEPS]",
    help="Say where the time of a step goes, and stop; by default of 10 steps. Name RECIPE first.",
)
@click.option(
    "--profile-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("profile"),
    show_default=True,
    help="Where --profile writes its numbers and a trace of every operation.",
)
@click.option(
    "--dump-kernels",
    "dump_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Train one step, write here what compilers and kernels run for it, and stop.",
)
@exact_option
@catalog_options
def run(
    recipe: str,
    sets: tuple[str, ...],
    device: Device | None,
    runs_dir: Path,
    run_dir: Path | None,
    fresh: bool,
    dry_steps: int | None,
    out: Path | None,
    profile_steps: int | None,
    profile_dir: Path,
    dump_dir: Path | None,
    exact: bool,
    catalog: Catalog,
) -> None:
    """Train RECIPE: a file, or the name of a shipped recipe; or all recipes of a folder.

    The same command again continues a run that was interrupted or killed.
    """
    started = time.monotonic()
    from ddspcore.gates import check_recipe  # noqa: PLC0415  imports torch
    from ddspcore.recipe.reading import read  # noqa: PLC0415
    from ddspcore.recipe.series import members  # noqa: PLC0415
    from ddspcore.recipe.shipped import resolve_recipes  # noqa: PLC0415
    from ddspcore.recipe.structuring import structure  # noqa: PLC0415
    from ddspcore.train import runner  # noqa: PLC0415
    from ddspcore.train.series import plan  # noqa: PLC0415

    ask = functools.partial(
        runner.Request,
        plugins=catalog.plugins,
        runs_dir=runs_dir,
        run_dir=run_dir,
        fresh=fresh,
        exact=exact,
        started=started,
        console=make_console(),
    )
    special = {"--dry-run": dry_steps, "--dump-kernels": dump_dir, "--profile": profile_steps}
    asked = [name for name, value in special.items() if value is not None]
    if len(asked) > 1:
        raise click.UsageError(f"{' and '.join(asked)}: one at a time")
    paths = resolve_recipes(recipe)
    runs = members(read(paths[0], sets))
    if len(paths) > 1 or len(runs) > 1:
        if asked or run_dir is not None:
            message = "--run-dir, --dry-run, --profile and --dump-kernels are for a single run"
            raise click.UsageError(message)
        if out and out.suffix not in BY_SUFFIX:
            raise click.UsageError(f"--out is a file that ends in {', '.join(BY_SUFFIX)}")
        name = Path(recipe).resolve().stem.replace(":", "-")
        reports = [runs_dir / f"{name}{suffix}" for suffix in BY_SUFFIX]
        planned = plan(paths, sets, device, catalog, functools.partial(ask, find_finished=True))
        run_series(planned, reports if out is None else [*reports, out])
        return
    if out and dry_steps is None:
        raise click.UsageError("--out goes with --dry-run, or with a series of runs")
    document = runs[0].document
    structured = structure(document, catalog)
    if device is not None:
        structured = attrs.evolve(structured, device=device)
    checked = check_recipe(structured)
    console = make_console()
    with blamed(structured):
        if dry_steps is not None:
            rehearse(checked, dry_steps, out, console)
            return
        if dump_dir is not None:
            dump_kernels(checked, dump_dir, console)
            return
        if profile_steps is not None:
            profile(checked, profile_steps, profile_dir, console)
            return
        outcome = runner.run(ask(document, checked.recipe, checked.wiring))
    show_outcome(outcome, checked.recipe.gates, console)


def show_outcome(outcome: "Outcome", gates: Sequence["Gate"], console: Console) -> None:
    """Print what a run came to and where it is; raises GateMissed."""
    from ddspcore.train.verdict import judge  # noqa: PLC0415

    if outcome.found_finished:
        console.print(f"{outcome.folder}: this very run is finished already")
    metric = outcome.summary["metric"]
    console.print(
        f"\n{metric['name']} {metric['value']:.5g} ({metric['direction']} is better), "
        f"{outcome.summary['seconds']:.0f} s; everything is in {outcome.folder}"
    )
    verdicts = judge(gates, [outcome.summary])
    missed = [verdict.in_words() for verdict in verdicts if not verdict.passed]
    if missed:
        raise GateMissed(f"the run is finished and saved, but {'; '.join(missed)}")


def rehearse(checked: "Checked", steps: int, out: Path | None, console: Console) -> None:
    """Print what a run would be; nothing is written but `out`."""
    from ddspcore.train.checkpoint import write_json  # noqa: PLC0415
    from ddspcore.train.rehearsal import rehearse as train_a_few  # noqa: PLC0415

    if out and not out.parent.is_dir():
        raise UserError(f"{out}: there is no folder {out.parent}")
    recipe = checked.recipe
    source, device, compiled = _make_ready(recipe, console)
    found = train_a_few(recipe, checked.wiring, source, device, compiled=compiled, steps=steps)
    show_rehearsal(found)
    if out:
        write_json(out, attrs.asdict(found))


def profile(checked: "Checked", steps: int, folder: Path, console: Console) -> None:
    """Print where the time of a step goes; no run folder is touched."""
    from ddspcore.train.profile import profile_steps  # noqa: PLC0415

    recipe = checked.recipe
    source, device, compiled = _make_ready(recipe, console)
    show_profile(
        profile_steps(
            recipe,
            checked.wiring,
            source,
            device,
            compiled=compiled,
            steps=steps,
            folder=folder,
        )
    )


def dump_kernels(checked: "Checked", folder: Path, console: Console) -> None:
    """Write what runs for a pipeline, and print where it is."""
    from ddspcore.train.lowering import lower  # noqa: PLC0415

    recipe = checked.recipe
    source, device, compiled = _make_ready(recipe, console)
    found = lower(recipe, checked.wiring, source, device, compiled=compiled, folder=folder)
    show_lowered(found, folder, compiled)


def _make_ready(recipe: "Recipe", console: Console) -> tuple[Any, "torch.device", bool]:
    """Return the source, prepared, the device, and whether the network is to be compiled."""
    from ddspcore.assemble import build_source  # noqa: PLC0415
    from ddspcore.train.device import choose_device  # noqa: PLC0415
    from ddspcore.train.runner import decide_compiling, prepare  # noqa: PLC0415

    device = choose_device(recipe.device)
    source = build_source(recipe)
    prepare(source, console)
    return source, device.torch, decide_compiling(recipe, device, console)
