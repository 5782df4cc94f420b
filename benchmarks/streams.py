"""Playing live on one thread: a host asks for block after block.

Our default model has a frame of features every 256 samples, so a block of 64 finds three times of
four what it needs; with a hop as long as the block, as the peer has it, every block does the work.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from attrs import evolve
from torch import Tensor, nn

from benchmarks.peers import DDSP_PYTORCH, PeerMissingError, load
from benchmarks.recipes import BANDS, SHORT, TRANSFORMER, recipe
from benchmarks.setup import Setup, kernels_of
from benchmarks.timing import kernels
from ddspcore.assemble import build_pipeline, context_of, declare
from ddspcore.fifo import Fifo
from ddspcore.streaming import Stream

SUBJECT = "streaming"
WORK = "a block, on average"
PER_BLOCK = ", a frame every block"
BLOCKS = (64, 128, 256, 512)
SAMPLE_RATE = 16_000
F0_HZ = 117.0
WARM_BLOCKS, ROUND_BLOCKS = 100, 100
PEER_HARMONICS = 100

Play = Callable[[], object]


def measure(setup: Setup, block: int) -> dict[str, Any]:
    """Return the seconds of every block, by player, in turns of a hundred blocks."""
    results: dict[str, Any] = {}
    players: dict[str, tuple[Play, str]] = {}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for name, which in kernels_of(setup).items():
            with kernels(which):  # a stream asks once who answers, some of it when it is made
                players[name] = _ours(block, SHORT.hop), which
                players[name + PER_BLOCK] = _ours(block, block), which
        try:
            players[DDSP_PYTORCH.name] = _ddsp_pytorch(setup, block), "auto"
        except PeerMissingError as missing:
            results[DDSP_PYTORCH.name] = {"absent": str(missing)}
        times: dict[str, list[float]] = {name: [] for name in players}
        for turn in range(setup.rounds + 1):
            for name, (play, which) in players.items():
                with kernels(which):
                    heard = [_timed(play) for _ in range(ROUND_BLOCKS if turn else WARM_BLOCKS)]
                times[name] += heard if turn else []
    finally:
        torch.set_num_threads(threads)
    return results | {name: _summary(heard, block) for name, heard in times.items()}


def _summary(seconds: list[float], block: int) -> dict[str, float]:
    """Return the mean block, what one in a hundred exceeds, and how many times real time it is."""
    mean, late = statistics.fmean(seconds), statistics.quantiles(seconds, n=100)[-1]
    return {"value": mean, "p99": late, "real time": block / SAMPLE_RATE / mean}


def _timed(play: Play) -> float:
    start = time.perf_counter()
    play()
    return time.perf_counter() - start


def _ours(block: int, hop: int) -> Play:
    ours = recipe(evolve(SHORT, hop=hop), TRANSFORMER)
    pipeline, _ = build_pipeline(ours, declare(ours))
    stream = Stream(pipeline.eval(), context_of(ours), seed=0)
    fifo = Fifo(1, block + hop, torch.device("cpu"))
    frame = {"f0_hz": F0_HZ, "voicing": 1.0, "loudness_db": -20.0}
    features = {name: torch.full((1, 1, 1), value) for name, value in frame.items()}

    def play() -> object:
        while len(fifo) < block:
            fifo.write(stream.push(features))
        return fifo.read(block)

    return play


class Realtime(nn.Module):
    """The peer's realtime forward, as its export scripts it."""

    def __init__(self, model: Any):
        super().__init__()
        self.model = model

    def forward(self, pitch: Tensor, loudness: Tensor) -> Tensor:
        """Return a block."""
        block: Tensor = self.model.realtime_forward(pitch, loudness)
        return block


def _ddsp_pytorch(setup: Setup, block: int) -> Play:
    model = load(setup.peers, DDSP_PYTORCH, "model").DDSP(
        512, PEER_HARMONICS, BANDS, SAMPLE_RATE, block
    )
    script = torch.jit.script(Realtime(model.eval()))
    pitch, loudness = torch.full((1, 1, 1), F0_HZ), torch.zeros(1, 1, 1)

    def play() -> object:
        with torch.no_grad():
            return script(pitch, loudness)

    return play
