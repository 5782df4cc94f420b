"""`ddsp render`: play any recording with a trained run."""

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from ddspcore.catalog import Catalog
from ddspcore.cli.options import (
    catalog_options,
    checkpoint_option,
    exact_option,
    run_argument,
    where_option,
)
from ddspcore.cli.tables import make_console
from ddspcore.cli.versions import heed_versions
from ddspcore.errors import UserError

if TYPE_CHECKING:
    from ddspcore.render import Change
    from ddspcore.train.opening import OpenRun

REACH = 120.0


def _within_reach(context: click.Context, parameter: click.Parameter, value: float) -> float:
    """Refuse what no instrument plays and, with it, NaN."""
    if not abs(value) <= REACH:
        raise click.BadParameter(f"{value:g} is not between {-REACH:g} and {REACH:g}")
    return value


@click.command()
@run_argument
@click.argument(
    "source",
    metavar="[IN.wav",
    required=False,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.argument(
    "out", metavar="OUT.wav]", required=False, type=click.Path(dir_okay=False, path_type=Path)
)
@click.option(
    "--split",
    type=click.Choice(["train", "val"]),
    help="Play what RUN was trained on, or held out.",
)
@click.option(
    "--out",
    "folder_out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where --split writes WAVs and manifest.json; RUN/renders by default.",
)
@click.option(
    "--items",
    type=click.IntRange(min=1),
    help="Of --split, so many at most, spread evenly over it.",
)
@click.option(
    "--transpose",
    type=float,
    default=0.0,
    metavar="SEMITONES",
    callback=_within_reach,
    help="Play it higher, or lower if negative.",
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
@checkpoint_option
@where_option
@exact_option
@catalog_options
def render(
    folder: Path,
    source: Path | None,
    out: Path | None,
    split: str | None,
    folder_out: Path | None,
    items: int | None,
    transpose: float,
    loudness: float,
    seed: int | None,
    checkpoint: Path | None,
    device: str,
    exact: bool,
    catalog: Catalog,
) -> None:
    """Play IN.wav with the trained RUN and write OUT.wav; or play a whole --split.

    IN.wav can be any file that libsndfile reads. OUT.wav is mono float32 at the recipe's rate, as
    long and as loud as IN.wav, without delay.
    """
    if split is None:
        if source is None or out is None:
            raise click.UsageError("name IN.wav and OUT.wav, or a --split")
        if folder_out or items:
            raise click.UsageError("--out and --items go with --split")
        if not out.parent.is_dir():
            raise UserError(f"{out}: there is no folder {out.parent}")
    elif source is not None:
        raise click.UsageError("--split brings its own sound; leave IN.wav and OUT.wav out")
    from ddspcore.render import Change  # noqa: PLC0415  imports torch
    from ddspcore.train.opening import open_run  # noqa: PLC0415

    heed_versions(folder, catalog, checkpoint, exact)
    run = open_run(folder, catalog, device=device, checkpoint=checkpoint)
    change = Change(transpose, loudness)
    if split is not None:
        _play_split(run, split, folder_out or folder / "renders", change, seed, items)
    elif source is not None and out is not None:
        _play_file(run, source, out, change, seed)


def _play_file(run: "OpenRun", source: Path, out: Path, change: "Change", seed: int | None) -> None:
    from ddspcore.data.wav import encode_wav  # noqa: PLC0415
    from ddspcore.render import audio_of, load, play  # noqa: PLC0415
    from ddspcore.train.checkpoint import write_bytes  # noqa: PLC0415

    recording = load(run, source)
    console = make_console()
    if recording.damage:
        missing = f", {recording.missing_seconds:.2f} s are missing"
        console.print(f"warning: {source}: {recording.damage}{missing}")
    signal = play(run, recording, change, seed)
    rate = audio_of(run).sample_rate
    write_bytes(out, encode_wav(signal, rate))
    length = f"{len(signal) / rate:.2f} s at {rate} Hz"
    console.print(f"{out}: {length}, played by {run.checkpoint} on {run.device.used}")


def _play_split(
    run: "OpenRun", split: str, out: Path, change: "Change", seed: int | None, items: int | None
) -> None:
    from ddspcore.renders import MANIFEST, render_split  # noqa: PLC0415

    found = render_split(run, split, out, change=change, seed=seed, most=items)
    console = make_console()
    for row in found["items"]:
        where = f", {row['source']} from {row['start']:.2f} s on" if "source" in row else ""
        console.print(f"{out / row['files']['prediction']}{where}")
    console.print(f"{out / MANIFEST}: played by {run.checkpoint} on {run.device.used}")
