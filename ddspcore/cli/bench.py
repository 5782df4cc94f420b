"""`ddsp bench`: how fast a trained run plays, and how late."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import rich_click as click

from ddspcore.blame import blamed
from ddspcore.catalog import Catalog
from ddspcore.cli.options import catalog_options, checkpoint_option, json_option, run_argument
from ddspcore.cli.tables import make_table, show
from ddspcore.cli.versions import heed_versions

if TYPE_CHECKING:
    from rich.table import Table

    from ddspcore.bench import Bench


def _sizes(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, ...]:
    """Read the sizes of blocks: positive numbers with commas between."""
    try:
        sizes = tuple(int(size) for size in value.split(","))
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise click.BadParameter(f'"{value}" is not like 64,128,256')
    return sizes


@click.command()
@run_argument
@click.option(
    "--blocks",
    default="64,128,256,512",
    show_default=True,
    metavar="SAMPLES,...",
    callback=_sizes,
    help="Sizes of the blocks that are asked for.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True, max=3600),
    default=10.0,
    show_default=True,
    help="How much audio to stream in each.",
)
@click.option(
    "--threads", type=click.IntRange(min=1), default=1, show_default=True, help="How many to use."
)
@click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="cpu",
    show_default=True,
    help="Where to compute.",
)
@checkpoint_option
@json_option
@catalog_options
def bench(
    folder: Path,
    blocks: tuple[int, ...],
    seconds: float,
    threads: int,
    device: str,
    checkpoint: Path | None,
    as_json: bool,
    catalog: Catalog,
) -> None:
    """Stream the trained RUN in blocks, and say how fast it plays and how late.

    A block is timed as a host would ask for it. Features come from the run's own data, or are drawn
    within their bounds if it is not there; computing them is not timed.
    """
    import torch  # noqa: PLC0415

    from ddspcore.bench import measure  # noqa: PLC0415  imports torch
    from ddspcore.train.opening import open_run  # noqa: PLC0415

    torch.set_num_threads(threads)
    heed_versions(folder, catalog, checkpoint)
    run = open_run(folder, catalog, device=device, checkpoint=checkpoint)
    with blamed(run.recipe):
        found = measure(run, blocks, seconds)
    if as_json:
        click.echo(json.dumps({"checkpoint": str(run.checkpoint)} | attrs.asdict(found), indent=2))
        return
    show(paces_table(found), "", *in_words(found))


def paces_table(found: "Bench") -> "Table":
    """Return a row for every size of block."""
    headers = ("block", "median us", "mean us", "p99 us", "worst us", "cpu us", "x real time")
    table = make_table(*headers)
    for pace in found.paces:
        times = (pace.median_us, pace.mean_us, pace.p99_us, pace.worst_us, pace.cpu_us)
        table.add_row(str(pace.block), *(f"{us:.0f}" for us in times), f"{pace.realtime:.1f}")
    return table


def in_words(found: "Bench") -> list[str]:
    """Return what the numbers hold for, and the latency."""
    late = found.latency
    return [
        f"offline, {found.offline_seconds:g} s: {found.offline_realtime:.1f} x real time",
        f"latency {late.total_ms:.1f} ms: hop {late.hop_ms:.1f}, synths {late.synths_ms:.1f}, half "
        f"the features' window {late.half_window_ms:.1f}; and a block's own time",
        f"on {found.device}, {found.threads} thread{'s' if found.threads > 1 else ''}, "
        f"kernels {found.kernels}",
        f"features: {found.features}",
    ]
