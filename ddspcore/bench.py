"""How fast a trained pipeline plays: streamed in blocks as a host asks for them, and offline."""

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from attrs import frozen
from torch import Tensor

from ddspcore.assemble import build_source, context_of
from ddspcore.controls import Control
from ddspcore.errors import UserError
from ddspcore.fifo import Fifo
from ddspcore.kernels.backends import choose
from ddspcore.pipeline import Batch
from ddspcore.randomness import derive_seed
from ddspcore.streaming import Stream
from ddspcore.train.opening import OpenRun

OFFLINE_SECONDS = 30.0
OFFLINE_RENDERS = 3
WARM_UP_SECONDS = 1.0
SPLITS = ("val-items", "val", "train-items", "train")
CPU = torch.device("cpu")


@frozen
class Pace:
    """What blocks of one size took; `realtime` is seconds of audio in a second.

    Times are those of a clock on the wall, but for `cpu_us`: what the processor spent on a block on
    average, all threads together, whatever else it was busy with.
    """

    block: int
    blocks: int
    seconds: float
    median_us: float
    mean_us: float
    p99_us: float
    worst_us: float
    cpu_us: float
    realtime: float


@frozen
class Latency:
    """Where the delay from a sound to its rendition comes from, in ms."""

    hop_ms: float
    synths_ms: float
    half_window_ms: float

    @property
    def total_ms(self) -> float:
        """Return what no machine can shorten."""
        return self.hop_ms + self.synths_ms + self.half_window_ms


@frozen
class Bench:
    """What was measured, and on what."""

    paces: tuple[Pace, ...]
    latency: Latency
    offline_seconds: float
    offline_realtime: float
    device: str
    threads: int
    kernels: str
    features: str


def measure(run: OpenRun, blocks: Sequence[int], seconds: float) -> Bench:
    """Stream a run in blocks of each size for `seconds` of audio, and render half a minute offline.

    Raises UserError if a part of the run cannot stream.
    """
    stream = _stream(run)
    features, described = features_of(run, stream.inputs)
    rate = context_of(run.recipe).rate("sample")
    window = max((getattr(node.module, "window", 0) for node in run.features), default=0)
    latency = Latency(
        *(1e3 * n / rate for n in (stream.hop, stream.latency - stream.hop, window / 2))
    )
    paces = tuple(_pace(run, features, rate, block, seconds) for block in blocks)
    kernels = choose(run.device.used)
    return Bench(
        paces,
        latency,
        OFFLINE_SECONDS,
        OFFLINE_SECONDS / _offline(run, features, rate, stream.hop),
        run.device.used,
        torch.get_num_threads(),
        f"{kernels.kind} ({kernels.detail})",
        described,
    )


def features_of(run: OpenRun, controls: Mapping[str, Control]) -> tuple[Batch, str]:
    """Return features [1,N,C] of the run's own data, or within their bounds if it is not there.

    The second value says in words which of the two they are.
    """
    try:
        source = build_source(run.recipe)
        split = next(s for s in getattr(source, "splits", SPLITS) if source.count(s))
        batch = source.batch(split, [0])
        found = {name: batch[name].to(run.device.torch) for name in controls}
        return found, f"the run's own data ({split})"
    except (UserError, OSError, StopIteration):
        made = {name: _within(control) for name, control in controls.items()}
        return {name: x.to(run.device.torch) for name, x in made.items()}, "drawn within bounds"


def _within(control: Control, frames: int = 256) -> Tensor:
    """Return values between a control's bounds, by octaves where it is a frequency."""
    generator = torch.Generator().manual_seed(derive_seed(control.name))
    share = torch.rand(1, frames, control.channels, generator=generator)
    if control.unit == "hz":
        lo, hi = control.lo or 80.0, control.hi or 800.0
        return lo * (hi / lo) ** share
    lo = control.lo if control.lo is not None else -60.0 if control.unit == "db" else 0.0
    hi = control.hi if control.hi is not None else 0.0 if control.unit == "db" else 1.0
    return lo + (hi - lo) * share


def _stream(run: OpenRun) -> Stream:
    ctx, device = context_of(run.recipe), run.device.torch
    return Stream(run.pipeline, ctx, seed=run.recipe.seed, device=device)


def _pace(run: OpenRun, features: Batch, rate: float, block: int, seconds: float) -> Pace:
    """Ask for block after block; every hop's work falls into the block that runs out of samples."""
    stream, loop = _stream(run), _Loop(features)
    fifo = Fifo(1, block + stream.hop, CPU)  # where the sound card is: a GPU's samples are fetched

    def play() -> None:
        while len(fifo) < block:
            hops = -(-(block - len(fifo)) // stream.hop)
            fifo.write(stream.push(loop.take(hops)))
        fifo.read(block)

    for _ in range(round(WARM_UP_SECONDS * rate / block)):
        play()
    count = max(1, round(seconds * rate / block))
    spent = time.process_time()
    times_us = np.array([_seconds(play) for _ in range(count)]) * 1e6
    spent = time.process_time() - spent
    audio = count * block / rate
    return Pace(
        block,
        count,
        audio,
        float(np.median(times_us)),
        float(times_us.mean()),
        float(np.percentile(times_us, 99)),
        float(times_us.max()),
        1e6 * spent / count,
        audio / (float(times_us.sum()) / 1e6),
    )


class _Loop:
    """Features that never end: the same over and over."""

    def __init__(self, features: Batch):
        self.features = features
        self.frames = min(x.shape[1] for x in features.values())
        self.next = 0

    def take(self, count: int) -> Batch:
        """Return the next frames; count is at most all there are."""
        if self.next + count > self.frames:
            self.next = 0
        part = slice(self.next, self.next + count)
        self.next = part.stop
        return {name: x[:, part] for name, x in self.features.items()}


def _offline(run: OpenRun, features: Batch, rate: float, hop: int) -> float:
    """Return the seconds that half a minute takes as one item, noise included."""
    frames = round(OFFLINE_SECONDS * rate / hop) + 1
    times = -(-frames // min(x.shape[1] for x in features.values()))
    whole = {name: x.repeat(1, times, 1)[:, :frames] for name, x in features.items()}
    whole["item"] = torch.zeros(1, dtype=torch.int64, device=run.device.torch)
    if "sample" in run.pipeline.lengths:
        silence = torch.zeros(1, (frames - 1) * hop, device=run.device.torch)
        whole[run.pipeline.lengths["sample"]] = silence

    @torch.inference_mode()
    def render() -> None:
        signal = run.pipeline(run.pipeline.with_noise(whole, seed=run.recipe.seed)).signal
        signal.cpu()

    render()
    return float(np.median([_seconds(render) for _ in range(OFFLINE_RENDERS)]))


def _seconds(function: Callable[[], None]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began
