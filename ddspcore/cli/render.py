"""`ddsp render`: play any recording or score with a trained run."""

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from ddspcore.blame import blamed
from ddspcore.catalog import Catalog
from ddspcore.cli.options import (
    catalog_options,
    checkpoint_option,
    exact_option,
    run_argument,
    where_option,
)
from ddspcore.cli.style_options import Within, style_options
from ddspcore.cli.tables import make_console
from ddspcore.cli.versions import heed_versions
from ddspcore.errors import UserError
from ddspcore.rendering.style import Style

if TYPE_CHECKING:
    from ddspcore.rendering.changing import Change
    from ddspcore.rendering.files import Wish
    from ddspcore.train.opening import OpenRun

REACH = 120.0
FACTORS = 1 / 1024, 1024


def _within_reach(context: click.Context, parameter: click.Parameter, value: float) -> float:
    """Refuse what no instrument plays and, with it, NaN."""
    if not abs(value) <= REACH:
        raise click.BadParameter(f"{value:g} is not between {-REACH:g} and {REACH:g}")
    return value


@click.command()
@run_argument
@click.argument(
    "paths",
    metavar="[IN... [OUT.wav]]",
    nargs=-1,
    type=click.Path(path_type=Path),
)
@click.option(
    "--out",
    "folder_out",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where several files or --split go, with manifest.json; RUN/renders by default for "
    "--split.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "val"]),
    help="Play what RUN was trained on, or held out, as it is.",
)
@click.option(
    "--items",
    type=click.IntRange(min=1),
    help="Of --split, so many at most, spread evenly over it.",
)
@click.option(
    "--keep-register", is_flag=True, help="Do not move IN by octaves to what was trained."
)
@click.option("--keep-loudness", is_flag=True, help="Do not bring IN to the loudness trained with.")
@click.option(
    "--transpose",
    type=float,
    default=0.0,
    metavar="SEMITONES",
    callback=_within_reach,
    help="Play it higher, or lower if negative, after matching.",
)
@click.option(
    "--f0-scale",
    type=Within(*FACTORS),
    default=1.0,
    metavar="FACTOR",
    help="Multiply the pitch, on top of --transpose.",
)
@click.option(
    "--loudness",
    type=float,
    default=0.0,
    metavar="DB",
    callback=_within_reach,
    help="Play it louder, or softer if negative: as the instrument would, not as a gain.",
)
@click.option("--seed", type=int, help="Another realisation of the noise.")
@click.option(
    "--part",
    type=click.IntRange(min=1),
    help="Of a score: the part to play; that with the most notes by default.",
)
@style_options
@checkpoint_option
@where_option
@exact_option
@catalog_options
def render(
    folder: Path,
    paths: tuple[Path, ...],
    folder_out: Path | None,
    split: str | None,
    items: int | None,
    keep_register: bool,
    keep_loudness: bool,
    transpose: float,
    f0_scale: float,
    loudness: float,
    seed: int | None,
    part: int | None,
    style: Style,
    checkpoint: Path | None,
    device: str,
    exact: bool,
    catalog: Catalog,
) -> None:
    """Play recordings and MIDI files with the trained RUN; or a whole --split.

    IN OUT.wav plays one file; IN... --out FOLDER plays files and folders. IN is whatever
    libsndfile reads, or a MIDI file, of any length. What is written is mono float32 at the
    recipe's rate, as long as IN, without delay. By default register and loudness are matched to
    what RUN was trained on, and a line says by how much; what is like it stays as it is.
    """
    _heed_usage(paths, folder_out, split, items)
    from ddspcore.rendering.changing import Change  # noqa: PLC0415  imports torch
    from ddspcore.rendering.files import Wish  # noqa: PLC0415
    from ddspcore.train.opening import open_run  # noqa: PLC0415

    change = Change(transpose, f0_scale, loudness)
    if not abs(change.in_semitones) <= REACH:
        raise click.UsageError(
            f"--transpose and --f0-scale together move the pitch by {change.in_semitones:.0f} "
            f"semitones; {REACH:.0f} are the most"
        )
    heed_versions(folder, catalog, checkpoint, exact)
    run = open_run(folder, catalog, device=device, checkpoint=checkpoint)
    wish = Wish(
        change=change,
        match_register=not keep_register,
        match_loudness=not keep_loudness,
        seed=seed,
        part=part,
        style=style,
    )
    with blamed(run.recipe):
        if split is not None:
            _play_split(run, split, folder_out or folder / "renders", change, seed, items)
        elif folder_out is not None:
            _play_files(run, paths, folder_out, wish)
        else:
            source, out = paths
            _play_file(run, source, out, wish)


def _heed_usage(
    paths: tuple[Path, ...], folder_out: Path | None, split: str | None, items: int | None
) -> None:
    """Raise where what is given does not say what to play and where to."""
    if split is not None:
        if paths:
            raise click.UsageError("--split brings its own sound; name no files with it")
        return
    if items:
        raise click.UsageError("--items goes with --split")
    sources = paths if folder_out else paths[:1]
    if not paths or (folder_out is None and len(paths) != 2):
        raise click.UsageError("name IN and OUT.wav, or IN... and --out FOLDER, or a --split")
    for path in sources:
        if not path.exists():
            raise UserError(f"{path}: does not exist")
    if folder_out is None:
        source, out = paths
        if source.is_dir():
            raise click.UsageError(f"{source} is a folder: name --out FOLDER for what is played")
        if out.is_dir():
            raise click.UsageError(f"{out} is a folder: name a file, or it as --out")
        if out.suffix.lower() != ".wav":
            raise click.UsageError(f"{out}: only WAV is written, so the name must end in .wav")
        if not out.parent.is_dir():
            raise UserError(f"{out}: there is no folder {out.parent}")


def _play_file(run: "OpenRun", source: Path, out: Path, wish: "Wish") -> None:
    from ddspcore.rendering.files import render_file  # noqa: PLC0415
    from ddspcore.rendering.hearing import audio_of  # noqa: PLC0415

    played = render_file(run, source, out, wish)
    console = make_console()
    for line in played.said:
        console.print(f"{source}: {line}")
    rate = audio_of(run).sample_rate
    length = f"{played.samples / rate:.2f} s at {rate} Hz"
    console.print(f"{out}: {length}, played by {run.checkpoint} on {run.device.used}")


def _play_files(run: "OpenRun", paths: tuple[Path, ...], out: Path, wish: "Wish") -> None:
    from ddspcore.rendering.files import render_files  # noqa: PLC0415
    from ddspcore.rendering.splits import MANIFEST, write_manifest  # noqa: PLC0415

    console = make_console()
    rows = []
    for row in render_files(run, paths, out, wish):
        rows.append(row)
        for line in row.get("said", ()):
            console.print(f"{row['source']}: {line}")
        if "file" in row:
            console.print(f"{out / row['file']}: {row['seconds']:.2f} s")
        else:
            click.echo(f"not played: {row['why']}", err=True)
    if not rows:
        raise UserError(f"{', '.join(map(str, paths))}: no audio and no MIDI to play")
    seed = run.recipe.seed if wish.seed is None else wish.seed
    out.mkdir(parents=True, exist_ok=True)
    write_manifest(run, out, seed, {"items": rows})
    console.print(f"{out / MANIFEST}: played by {run.checkpoint} on {run.device.used}")
    broken = sum("why" in row for row in rows)
    if broken:
        raise UserError(
            f"{broken} of {len(rows)} files could not be played; {out / MANIFEST} says why"
        )


def _play_split(
    run: "OpenRun", split: str, out: Path, change: "Change", seed: int | None, items: int | None
) -> None:
    from ddspcore.rendering.splits import MANIFEST, render_split  # noqa: PLC0415

    found = render_split(run, split, out, change=change, seed=seed, most=items)
    console = make_console()
    for row in found["items"]:
        where = f", {row['source']} from {row['start']:.2f} s on" if "source" in row else ""
        console.print(f"{out / row['files']['prediction']}{where}")
    console.print(f"{out / MANIFEST}: played by {run.checkpoint} on {run.device.used}")
