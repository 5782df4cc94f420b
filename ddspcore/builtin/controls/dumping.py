"""The evaluator that writes a model's controls as tables and pictures."""

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path

from attrs import frozen

from ddspcore import Context, Metric, evaluator, option
from ddspcore.builtin.controls.tables import read_tables, write_tables
from ddspcore.builtin.controls.tracks import read_tracks
from ddspcore.builtin.evaluators.measuring import TARGET
from ddspcore.pipeline import Batch, Pipeline


@evaluator("controls")
class Controls:
    """Writes the controls of a harmonic model as CSV tables and a picture; returns no number.

    control_summary.csv has a row a frame, of the items of the first batch: `uv` is the voicing,
    `noise_gain` that of white noise, `amp_argmax` counts from 1. Three frames of the first item
    are written in full: b0_fN_harmonics.csv, b0_fN_wavetable.csv (one period of 512 samples, all
    harmonics whatever their frequency), b0_fN_noise_filter.csv and, of a filter in bands,
    b0_fN_noise_bands.csv. controls.json says how long the item is. controls.png shows the first.
    """

    @frozen
    class Options:
        """Which frame is looked at closely."""

        at: float | None = option(
            None, ge=0, unit="s", help="time of the frame to look at; by default, the middle"
        )

    def __init__(self, opt: Options, ctx: Context):
        self.opt = opt
        self.sample_rate = ctx.rate("sample")

    @staticmethod
    def metrics(opt: Options, ctx: Context) -> tuple[Metric, ...]:
        """Return nothing: this is for the eye."""
        return ()

    def __call__(
        self, pipeline: Pipeline, batches: Iterable[Batch], out_dir: Path
    ) -> dict[str, float]:
        """Write the items of the first batch. Raises UserError if there are no harmonics."""
        from ddspcore.builtin.controls.pictures import draw_controls  # noqa: PLC0415  matplotlib

        for batch in islice(batches, 1):
            controls = pipeline(batch).controls
            items = [read_tracks(controls, row) for row in range(len(batch[TARGET]))]
            seconds = batch[TARGET].shape[1] / self.sample_rate
            write_tables(out_dir, items, seconds, self.sample_rate, self.opt.at)
            title = "/".join(out_dir.absolute().parts[-2:])
            draw_controls(read_tables(out_dir), title, out_dir / "controls.png")
        return {}

    def compare(self, folders: Mapping[str, Path], out_dir: Path) -> None:
        """Draw controls_compare.png of what was written into several folders, by label."""
        from ddspcore.builtin.controls.pictures import draw_comparison  # noqa: PLC0415

        dumps = {label: read_tables(folder) for label, folder in folders.items()}
        draw_comparison(dumps, ", ".join(dumps), out_dir / "controls_compare.png")
