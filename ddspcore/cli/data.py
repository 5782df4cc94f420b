"""`ddsp data`: what becomes of every file, before or without training."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from ddspcore.blame import blamed
from ddspcore.catalog import Catalog
from ddspcore.cli.options import catalog_options, complete_recipe, json_option, set_option
from ddspcore.cli.tables import make_table, show
from ddspcore.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table

    from ddspcore.data.fates import Progress

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
    name, source = _source(catalog, what, recipe_for_audio, sets)
    report: dict[str, Any] = source.report() if hasattr(source, "report") else {}
    if "files" not in report:
        raise UserError(f"{name} reports no files")
    table = make_table("file", "fate", "kept s", "dropped s", "why")
    for file in _shown(report["files"]):
        table.add_row(*_fate(file), file["why"])
    show(table, "", report["in_words"][0])


@data.command()
@what_argument
@with_option
@set_option
@click.option("--split", type=click.Choice(["train", "val"]), help="Only this side's files.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N files.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Draw a picture too: a PNG, or into this folder.",
)
@json_option
@catalog_options
def inspect(
    catalog: Catalog,
    what: str,
    recipe_for_audio: str,
    sets: tuple[str, ...],
    split: str | None,
    limit: int | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Measure every file and say what is good, what will hurt training, and what to do."""
    from ddspcore.train.checkpoint import to_json  # noqa: PLC0415

    picture = None if out is None else _picture(out)
    name, source = _source(catalog, what, recipe_for_audio, sets)
    if not hasattr(source, "inspect"):
        raise UserError(f"{name} cannot be inspected")
    with _progress() as progress:
        found = source.inspect(progress)
    if picture:
        source.draw_inspection(found, picture)
    sides = [file for file in found["files"] if split is None or split in (file["split"] or "")]
    if as_json:
        click.echo(to_json(found | {"files": sides[:limit]}, indent=2))
        return
    show(inspection_table(_shown(sides)[:limit]), "", *summary(found))
    if picture:
        show("", f"{picture}: pitch, loudness and files")


def _picture(out: Path) -> Path:
    """Return the file to draw: `out`, or one in it; UserError if there is no place for it."""
    path = out if out.suffix.lower() == ".png" else out / "inspection.png"
    if path != out:
        out.mkdir(parents=True, exist_ok=True)
    if not path.parent.is_dir():
        raise UserError(f"{path}: there is no folder {path.parent}")
    return path


def _source(
    catalog: Catalog, what: str, recipe_for_audio: str, sets: tuple[str, ...]
) -> tuple[str, Any]:
    """Return a recipe's name and its source, prepared; AUDIO becomes the data of a recipe."""
    from ddspcore.assemble import build_source  # noqa: PLC0415  imports torch
    from ddspcore.recipe.reading import read  # noqa: PLC0415
    from ddspcore.recipe.shipped import resolve_recipe  # noqa: PLC0415
    from ddspcore.recipe.structuring import structure  # noqa: PLC0415

    name = what
    if _is_audio(Path(what)):
        name = recipe_for_audio
        root = json.dumps(str(Path(what).absolute()), ensure_ascii=False)
        sets = (*sets, f"data.root={root}")
    recipe = structure(read(resolve_recipe(name), sets), catalog)
    with blamed(recipe):
        source = build_source(recipe)
        if hasattr(source, "prepare"):
            with _progress() as progress:
                source.prepare(progress)
    return f"{name}: its source, {recipe.data.component.name},", source


def _progress() -> AbstractContextManager["Progress"]:
    from rich.console import Console  # noqa: PLC0415

    from ddspcore.data.progress import show_progress  # noqa: PLC0415

    return show_progress(Console(stderr=True))


def _is_audio(path: Path) -> bool:
    return path.is_dir() or (path.is_file() and path.suffix != ".toml")


def _shown(files: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [file for file in files if file["state"] != "ignored"]


def _fate(file: dict[str, Any]) -> tuple[str, str, str, str]:
    seconds = (f"{file[f'{what}_seconds']:.2f}" for what in ("kept", "dropped"))
    return file["name"], file["state"], *seconds


def inspection_table(files: Sequence[Mapping[str, Any]]) -> "Table":
    """Return a row for every file: what was measured, or why it is not used."""
    table = make_table(
        "file", "split", "samples", "frames", "rms", "f0 Hz", "voiced s", "jumps", "clipped",
        "dc", "silent", "range dB", "2 voices", "why",
    )  # fmt: skip
    for file in files:
        measured = _measures(file["quality"]) if file["quality"] else [""] * 10
        clipped = "" if file["clipped"] is None else str(file["clipped"])
        why = ": ".join(filter(None, (file["state"], file["why"])))
        table.add_row(
            file["name"],
            file["split"] or "",
            *measured[:6],
            clipped,
            *measured[6:],
            file["why"] if file["quality"] else why,
        )
    return table


def _measures(quality: Mapping[str, Any]) -> list[str]:
    formats = {
        "samples": "d", "frames": "d", "rms": ".5f", "mean_f0_hz": ".2f", "voiced_seconds": ".1f",
        "octave_jumps": "d", "dc": "z.4f", "silent": ".0%", "loudness_range_db": ".1f",
        "second_voice": ".1%",
    }  # fmt: skip
    return ["" if quality[k] is None else format(quality[k], how) for k, how in formats.items()]


def summary(found: Mapping[str, Any]) -> Iterator[str]:
    """Say how much there is, then what will hurt training and what is good."""
    yield found["in_words"][0]
    faults = sum(not finding["good"] for finding in found["verdict"])
    things = "1 thing" if faults == 1 else f"{faults} things"
    yield f"verdict: {f'{things} will hurt training' if faults else 'fit to train on'}"
    for finding in found["verdict"]:
        advice = f"; {finding['advice']}" if finding["advice"] else ""
        yield f"  {'good ' if finding['good'] else 'hurts'}  {finding['text']}{advice}"
