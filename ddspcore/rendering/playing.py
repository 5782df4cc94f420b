"""Sound of features: whole, or a piece at a time with the state of every component carried on."""

from collections.abc import Iterator
from contextlib import suppress

import torch
from torch import Tensor

from ddspcore.assemble import context_of
from ddspcore.data.audio import Samples
from ddspcore.errors import UserError
from ddspcore.pipeline import Batch, to_device
from ddspcore.rendering.controls import heard_wires
from ddspcore.rendering.hearing import Heard, audio_of, gain_of
from ddspcore.rendering.pieces import Pieces
from ddspcore.streaming import Stream
from ddspcore.train.opening import OpenRun


def play(
    run: OpenRun, heard: Heard, seed: int | None = None, pieces: Pieces | None = None
) -> Iterator[Samples]:
    """Yield the sound that a run makes of features: their pitch and loudness, the run's timbre.

    It has the recording's length, level and place in time: the gain that the training data was
    given is undone after the synths. What is longer than a piece comes in pieces, if every synth
    streams; then it equals the whole within 1e-4 of full scale. A backbone that does not stream
    hears pieces with context around them.

    Shape: [n] each, at the recipe's rate. Raises UserError if the recipe has no synth.
    """
    noise_seed = run.recipe.seed if seed is None else seed
    gain, left = gain_of(run), heard.samples
    for block in _blocks(run, heard, noise_seed, pieces or Pieces()):
        yield (block[0, :left] / gain).cpu().numpy()
        left -= min(left, block.shape[1])


def _blocks(run: OpenRun, heard: Heard, seed: int, pieces: Pieces) -> Iterator[Tensor]:
    audio = audio_of(run)
    hops = max(1, -(-heard.samples // audio.hop))
    if hops > pieces.hops(audio.sample_rate, audio.hop):
        performance = _Performance.begin(run, seed, pieces)
        if performance is not None:
            yield from performance.play(heard.features)
            return
    yield _whole(run, heard.features, hops * audio.hop, seed)


def _whole(run: OpenRun, features: Batch, samples: int, seed: int) -> Tensor:
    item = {"audio": torch.zeros(1, samples), "item": torch.zeros(1, dtype=torch.int64)}
    with torch.no_grad():
        pipeline = run.pipeline.eval()
        batch = pipeline.with_noise(to_device(item | features, run.device.torch), seed=seed)
        made: Tensor | None = pipeline(batch).signal
    if made is None:
        raise UserError(f"{run.folder}: its recipe has no synth, so there is nothing to hear")
    return made


class _Performance:
    """A pipeline that plays frames as they come, and what its network says of them."""

    def __init__(self, run: OpenRun, seed: int, pieces: Pieces, predicted: bool):
        audio = audio_of(run)
        self.pipeline, self.device = run.pipeline.eval(), run.device.torch
        self.predicted = predicted
        self.piece = pieces.hops(audio.sample_rate, audio.hop)
        self.around = pieces.around(audio.sample_rate, audio.hop) if predicted else 0
        self.heard = {wire.key for wire in heard_wires(run.pipeline)}
        self.stream = Stream(
            self.pipeline,
            context_of(run.recipe),
            seed=seed,
            device=self.device,
            predicted=predicted,
        )

    @classmethod
    def begin(cls, run: OpenRun, seed: int, pieces: Pieces) -> "_Performance | None":
        """Return one that begins; None if a synth does not stream, or hears more than frames."""
        if any(wire.control.axis != "frame" for wire in heard_wires(run.pipeline)):
            return None
        for predicted in (False, True):
            with suppress(UserError):
                return cls(run, seed, pieces, predicted)
        return None

    def play(self, features: Batch) -> Iterator[Tensor]:
        """Yield the sound, from the first sample to the last."""
        heard = {name: features[name] for name in self.heard}
        frames = next(iter(heard.values())).shape[1]
        late = drop = self.stream.latency - self.stream.hop
        said: Batch = {}
        for start in range(0, frames, self.piece):
            said = self._said(heard, start, min(start + self.piece, frames))
            sound = self.stream.push(said)
            yield sound[:, drop:]
            drop -= min(drop, sound.shape[1])
        if late:
            beyond = -(-late // self.stream.hop)
            held = {name: x[:, -1:].expand(-1, beyond, -1) for name, x in said.items()}
            yield self.stream.push(held, noise=False)[:, :late]

    @torch.no_grad()
    def _said(self, heard: Batch, start: int, end: int) -> Batch:
        """Return what the stream needs of some frames."""
        first = max(0, start - self.around)
        known = {name: x[:, first : end + self.around] for name, x in heard.items()}
        known = to_device(known, self.device)
        if self.predicted:
            known |= self.pipeline.predict(known)
        return {n: known[n][:, start - first : end - first] for n in self.stream.inputs}
