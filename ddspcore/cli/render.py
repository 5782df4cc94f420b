"""`ddsp render`: play any recording with a trained run."""

from pathlib import Path

import rich_click as click

from ddspcore.catalog import Catalog
from ddspcore.cli.options import catalog_options, checkpoint_option, run_argument, where_option
from ddspcore.cli.tables import make_console
from ddspcore.errors import UserError

REACH = 120.0


def _within_reach(context: click.Context, parameter: click.Parameter, value: float) -> float:
    """Refuse what no instrument plays and, with it, NaN."""
    if not abs(value) <= REACH:
        raise click.BadParameter(f"{value:g} is not between {-REACH:g} and {REACH:g}")
    return value


@click.command()
@run_argument
@click.argument(
    "source", metavar="IN.wav", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.argument("out", metavar="OUT.wav", type=click.Path(dir_okay=False, path_type=Path))
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
@catalog_options
def render(
    folder: Path,
    source: Path,
    out: Path,
    transpose: float,
    loudness: float,
    seed: int | None,
    checkpoint: Path | None,
    device: str,
    catalog: Catalog,
) -> None:
    """Play IN.wav with the trained RUN and write OUT.wav.

    IN.wav can be any file that libsndfile reads. OUT.wav is mono float32 at the recipe's rate, as
    long and as loud as IN.wav, without delay.
    """
    from ddspcore.data.wav import encode_wav  # noqa: PLC0415  imports torch
    from ddspcore.render import Change, audio_of, load, play  # noqa: PLC0415
    from ddspcore.train.checkpoint import write_bytes  # noqa: PLC0415
    from ddspcore.train.opening import open_run  # noqa: PLC0415

    if not out.parent.is_dir():
        raise UserError(f"{out}: there is no folder {out.parent}")
    run = open_run(folder, catalog, device=device, checkpoint=checkpoint)
    recording = load(run, source)
    console = make_console()
    if recording.damage:
        missing = f", {recording.missing_seconds:.2f} s are missing"
        console.print(f"warning: {source}: {recording.damage}{missing}")
    signal = play(run, recording, Change(transpose, loudness), seed)
    rate = audio_of(run).sample_rate
    write_bytes(out, encode_wav(signal, rate))
    length = f"{len(signal) / rate:.2f} s at {rate} Hz"
    console.print(f"{out}: {length}, played by {run.checkpoint} on {run.device.used}")
