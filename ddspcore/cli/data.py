"""`ddsp data`: what becomes of every file, before or without training."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from ddspcore.catalog import Catalog
from ddspcore.cli.options import catalog_options, complete_recipe, json_option, set_option
from ddspcore.cli.tables import make_table, show
from ddspcore.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table

DEFAULT_RECIPE = "best_low_loss"

what_argument = click.argument("what", metavar="RECIPE|AUDIO", shell_complete=complete_recipe)
with_option = click.option(
    "--recipe",
    "recipe_for_audio",
    default=DEFAULT_RECIPE,
    show_default=True,
    help="The recipe to prepare AUDIO for: its rate, features and split.",
)


@click.group()
def data() -> None:
    """Read the audio of a recipe, or a folder or file of audio, and say what becomes of it."""


@data.command()
@what_argument
@with_option
@set_option
@catalog_options
def prepare(catalog: Catalog, what: str, recipe_for_audio: str, sets: tuple[str, ...]) -> None:
    """Fill the cache, so that a run starts at once, and print each file's fate."""
    report = _report(catalog, what, recipe_for_audio, sets)
    table = make_table("file", "fate", "kept s", "dropped s", "why")
    for file in _shown(report):
        table.add_row(*_fate(file), file["why"])
    show(table, "", report["in_words"][0])


@data.command()
@what_argument
@with_option
@set_option
@json_option
@catalog_options
def inspect(
    catalog: Catalog, what: str, recipe_for_audio: str, sets: tuple[str, ...], as_json: bool
) -> None:
    """Print each file's fate, format, levels, pitch range and voiced share."""
    from ddspcore.train.checkpoint import to_json  # noqa: PLC0415

    report = _report(catalog, what, recipe_for_audio, sets)
    if as_json:
        click.echo(to_json(report, indent=2))
    else:
        show(_inspection(report), "", report["in_words"][0])


def _report(
    catalog: Catalog, what: str, recipe_for_audio: str, sets: tuple[str, ...]
) -> dict[str, Any]:
    """Prepare the source and return its report."""
    from rich.console import Console  # noqa: PLC0415

    from ddspcore.assemble import build_source  # noqa: PLC0415  imports torch
    from ddspcore.data.progress import show_progress  # noqa: PLC0415
    from ddspcore.recipe.reading import read  # noqa: PLC0415
    from ddspcore.recipe.shipped import resolve_recipe  # noqa: PLC0415
    from ddspcore.recipe.structuring import structure  # noqa: PLC0415

    name = what
    if _is_audio(Path(what)):
        name = recipe_for_audio
        root = json.dumps(str(Path(what).absolute()), ensure_ascii=False)
        sets = (*sets, f"data.root={root}")
    recipe = structure(read(resolve_recipe(name), sets), catalog)
    source = build_source(recipe)
    if hasattr(source, "prepare"):
        with show_progress(Console(stderr=True)) as progress:
            source.prepare(progress)
    report: dict[str, Any] = source.report() if hasattr(source, "report") else {}
    if "files" not in report:
        raise UserError(f"{name}: its source, {recipe.data.component.name}, reports no files")
    return report


def _is_audio(path: Path) -> bool:
    return path.is_dir() or (path.is_file() and path.suffix != ".toml")


def _shown(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [file for file in report["files"] if file["state"] != "ignored"]


def _fate(file: dict[str, Any]) -> tuple[str, str, str, str]:
    seconds = (f"{file[f'{what}_seconds']:.2f}" for what in ("kept", "dropped"))
    return file["name"], file["state"], *seconds


def _inspection(report: dict[str, Any]) -> "Table":
    table = make_table(
        "file", "fate", "kept s", "dropped s", "split", "format", "rate", "ch", "peak dB", "rms dB",
        "f0 Hz", "voiced", "why",
    )  # fmt: skip
    for file in _shown(report):
        f0, voicing = (file["features"].get(name) for name in ("f0_hz", "voicing"))
        table.add_row(
            *_fate(file),
            file["split"] or "",
            file["format"] or "",
            str(file["sample_rate"] or ""),
            str(file["channels"] or ""),
            _level(file, "peak_dbfs"),
            _level(file, "rms_dbfs"),
            f"{f0['min']:.0f} {f0['median']:.0f} {f0['max']:.0f}" if f0 else "",
            f"{voicing['share']:.0%}" if voicing else "",
            file["why"],
        )
    return table


def _level(file: dict[str, Any], what: str) -> str:
    return "" if file[what] is None else f"{file[what]:.1f}"
