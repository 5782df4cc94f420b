"""`ddsp run`: train what a recipe says."""

import time
from pathlib import Path

import attrs
import rich_click as click

from ddspcore.catalog import Catalog
from ddspcore.cli.options import catalog_options, device_option, recipe_argument, set_option
from ddspcore.cli.tables import make_console
from ddspcore.recipe.schema import Device


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
@catalog_options
def run(
    recipe: str,
    sets: tuple[str, ...],
    device: Device | None,
    runs_dir: Path,
    run_dir: Path | None,
    fresh: bool,
    catalog: Catalog,
) -> None:
    """Train RECIPE: a file, or the name of a shipped recipe.

    The same command again continues a run that was interrupted or killed.
    """
    started = time.monotonic()
    from ddspcore.gates import check_recipe  # noqa: PLC0415  imports torch
    from ddspcore.recipe.reading import read  # noqa: PLC0415
    from ddspcore.recipe.shipped import resolve_recipe  # noqa: PLC0415
    from ddspcore.recipe.structuring import structure  # noqa: PLC0415
    from ddspcore.train import runner  # noqa: PLC0415

    document = read(resolve_recipe(recipe), sets)
    structured = structure(document, catalog)
    if device is not None:
        structured = attrs.evolve(structured, device=device)
    checked = check_recipe(structured)
    console = make_console()
    request = runner.Request(
        document=document,
        recipe=checked.recipe,
        wiring=checked.wiring,
        plugins=catalog.plugins,
        runs_dir=runs_dir,
        run_dir=run_dir,
        fresh=fresh,
        started=started,
        console=console,
    )
    outcome = runner.run(request)
    if outcome.found_finished:
        console.print(f"{outcome.folder}: this very run is finished already")
    metric = outcome.summary["metric"]
    console.print(
        f"\n{metric['name']} {metric['value']:.5g} ({metric['direction']} is better), "
        f"{outcome.summary['seconds']:.0f} s; everything is in {outcome.folder}"
    )
