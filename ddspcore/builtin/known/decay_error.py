"""How far a recovered room lies from the one that there was."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F
from attrs import frozen
from torch import Tensor

from ddspcore import Context, Control, Metric, evaluator, option
from ddspcore.builtin.evaluators.measuring import signal_of
from ddspcore.builtin.known.room import RESPONSE
from ddspcore.dsp.scales import power_to_db
from ddspcore.pipeline import Batch, Pipeline

FLOOR_DB = -140.0


@evaluator("decay-error")
class DecayError:
    """Largest difference of energy decay curves while the true one falls by 30 dB, in dB.

    The energy that is still to come, in dB below that of the true response: Schroeder's backward
    integral. The model's response is what it makes of a click in place of `dry`, less the click;
    what the source says is the true one. Levels count: a room that is too soft lies below. Draws
    decay_error.png. Source: Schroeder, New Method of Measuring Reverberation Time (JASA 1965).
    """

    @frozen
    class Options:
        """How much of the decay is compared."""

        range: float = option(30.0, gt=0, le=100, unit="dB", help="fall that is compared")

    def __init__(self, opt: Options, ctx: Context):
        self.range_db = opt.range
        self.rate = ctx.rate("sample")

    @staticmethod
    def needs(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare the dry sound, and the response that there was."""
        return (Control("dry", unit="signal", axis="sample"), RESPONSE)

    @staticmethod
    def metrics(opt: Options, ctx: Context) -> tuple[Metric, ...]:
        """Return the largest and the mean difference."""
        fall = f"over the first {opt.range:g} dB"
        return (
            Metric("decay-error", "dB", "lower", f"error of the energy decay {fall}", lo=0.0),
            Metric("decay-mean", "dB", "lower", f"mean error of the decay {fall}", lo=0.0),
        )

    def __call__(
        self, pipeline: Pipeline, batches: Iterable[Batch], out_dir: Path
    ) -> dict[str, float]:
        """Compare the rooms of the first item: there is one room."""
        from ddspcore.builtin.known.decay_picture import draw_decay  # noqa: PLC0415  matplotlib

        found = {"decay-error": 0.0, "decay-mean": 0.0}
        for batch in islice(batches, 1):
            true = batch[RESPONSE.name][0]
            heard = response_of(pipeline, batch, len(true))
            whole = true.double().square().sum()
            true_db, heard_db = (decay_db(each, whole) for each in (true, heard))
            compared = true_db >= -self.range_db
            error = (heard_db - true_db).abs()[compared]
            found = {"decay-error": error.max().item(), "decay-mean": error.mean().item()}
            draw_decay(true_db, heard_db, self.rate, self.range_db, out_dir / "decay_error.png")
        return found


def response_of(pipeline: Pipeline, batch: Batch, taps: int) -> Tensor:
    """Return what a pipeline adds to a click in place of the dry sound. Shape: [taps]."""
    click = torch.zeros_like(batch["dry"][:1])
    click[:, 0] = 1.0
    alone = {name: value[:1] for name, value in batch.items()} | {"dry": click}
    wet = (signal_of(pipeline(alone)) - click)[0, :taps]
    return F.pad(wet, (0, taps - len(wet)))


def decay_db(response: Tensor, whole: Tensor) -> Tensor:
    """Return the energy from each sample on, in dB of `whole`. Shape: [L] -> [L]."""
    left = response.double().square().flip(0).cumsum(0).flip(0)
    return power_to_db(left / whole.clamp(min=torch.finfo(torch.float64).tiny), FLOOR_DB)
