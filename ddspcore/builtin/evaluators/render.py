"""What a pipeline sounds like: WAVs of target, prediction and parts; and its controls."""

import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from torch import Tensor

from ddspcore import Context, Metric, evaluator, option
from ddspcore.builtin.evaluators.measuring import TARGET, signal_of
from ddspcore.data.wav import encode_wav
from ddspcore.pipeline import Batch, Pipeline
from ddspcore.train.checkpoint import write_bytes

GAP_S = 0.25

Tracks = dict[str, NDArray[np.float32]]


@frozen
class Item:
    """One stretch of whole hops: signals [T] by name, controls [N,C] by name."""

    signals: Tracks
    controls: Tracks
    hops: int

    def first(self, hops: int, hop: int) -> "Item":
        """Return its first `hops`, if it has that many."""
        return Item(
            {name: signal[: hops * hop] for name, signal in self.signals.items()},
            {name: control[: hops + 1] for name, control in self.controls.items()},
            min(hops, self.hops),
        )


@evaluator("render")
class Render:
    """Writes target.wav, prediction.wav, one WAV a synth and controls.npz; returns no number.

    WAVs are mono float32 at the recipe's rate. Stretches follow each other with a quarter of a
    second of silence between them. controls.npz holds `times_s` [M] and every control that runs
    along the frames, [M,C]; between stretches all of them have one row of NaN.
    """

    @frozen
    class Options:
        """How much is written."""

        seconds: float = option(60.0, help="how much to write at most", gt=0.0, unit="s")

    def __init__(self, opt: Options, ctx: Context):
        self.sample_rate = round(ctx.rate("sample"))
        self.hop = ctx.ratio("sample", "frame")
        self.hops = max(1, round(opt.seconds * ctx.rate("frame")))
        self.gap = round(GAP_S * ctx.rate("frame"))

    @staticmethod
    def metrics(opt: Options, ctx: Context) -> tuple[Metric, ...]:
        """Return nothing: this is for the ear."""
        return ()

    def __call__(
        self, pipeline: Pipeline, batches: Iterable[Batch], out_dir: Path
    ) -> dict[str, float]:
        """Write the first items, as many as fit."""
        items = list(self._fitting(self._items(pipeline, batches)))
        for name, signal in self._join_signals(items).items():
            write_bytes(out_dir / f"{name}.wav", encode_wav(signal, self.sample_rate))
        if items:
            write_bytes(out_dir / "controls.npz", _encode_npz(self._join_controls(items)))
        return {}

    def _items(self, pipeline: Pipeline, batches: Iterable[Batch]) -> Iterator[Item]:
        for batch in batches:
            output = pipeline(batch)
            signals = output.parts | {TARGET: batch[TARGET], "prediction": signal_of(output)}
            signals["target"] = signals.pop(TARGET)
            hops = batch[TARGET].shape[1] // self.hop
            controls = {
                name: value
                for name, value in output.controls.items()
                if value.dim() == 3 and value.shape[1] == hops + 1
            }
            for row in range(len(batch[TARGET])):
                yield Item(_row(signals, row), _row(controls, row), hops)

    def _fitting(self, items: Iterator[Item]) -> Iterator[Item]:
        left = self.hops
        for item in items:
            yield item.first(left, self.hop)
            left -= item.hops + self.gap
            if left <= 0:
                return

    def _join_signals(self, items: list[Item]) -> Tracks:
        silence = np.zeros(self.gap * self.hop, np.float32)
        names = items[0].signals if items else ()
        return {name: _join([item.signals[name] for item in items], silence) for name in names}

    def _join_controls(self, items: list[Item]) -> Tracks:
        """Return every control of all items, and the times of the joined frames."""
        times, start = [], 0
        for item in items:
            frames = start + np.arange(item.hops + 1)
            times.append((frames * (self.hop / self.sample_rate)).astype(np.float32))
            start += item.hops + self.gap
        joined = {"times_s": _join(times, np.full(1, np.nan, np.float32))}
        for name, first in items[0].controls.items():
            gap = np.full((1, first.shape[1]), np.nan, np.float32)
            joined[name] = _join([item.controls[name] for item in items], gap)
        return joined


def _row(tensors: dict[str, Tensor], row: int) -> Tracks:
    return {name: value[row].float().cpu().numpy() for name, value in tensors.items()}


def _join(pieces: list[NDArray[np.float32]], between: NDArray[np.float32]) -> NDArray[np.float32]:
    spaced = [part for piece in pieces for part in (between, piece)]
    return np.concatenate(spaced[1:])


def _encode_npz(arrays: Tracks) -> bytes:
    """Return what `np.savez` would write, with any names (not only those it has no use for)."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
    return file.getvalue()
