"""Resynthesis and timbre transfer: any recording, played by a trained run."""

from pathlib import Path

import numpy as np
import torch
from attrs import frozen
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from ddspcore.controls import Control
from ddspcore.data.audio import Recording, UnreadableError, decode
from ddspcore.data.features import run_features
from ddspcore.errors import UserError
from ddspcore.pipeline import Batch, to_device
from ddspcore.recipe.schema import Audio
from ddspcore.train.opening import OpenRun

F0 = "f0_hz"
LOUDNESS = ("loudness_db", "rms_db")


@frozen
class Change:
    """What to play otherwise than the recording has it."""

    semitones: float = 0.0
    loudness_db: float = 0.0

    def apply(self, batch: Batch, controls: tuple[Control, ...]) -> Batch:
        """Return the batch with its pitch and loudness moved; silence stays silence.

        Raises UserError if the features do not provide what is to be moved.
        """
        changed = dict(batch)
        by_name = {control.name: control for control in controls}
        if self.semitones:
            _require(by_name, (F0,), "--transpose")
            changed[F0] = batch[F0] * 2.0 ** (self.semitones / 12.0)
        if self.loudness_db:
            for name in _require(by_name, LOUDNESS, "--loudness"):
                changed[name] = _louder(batch[name], self.loudness_db, by_name[name].lo)
        return changed


def _require(controls: dict[str, Control], names: tuple[str, ...], what: str) -> list[str]:
    found = [name for name in names if name in controls]
    if not found:
        raise UserError(
            f"{what} needs a run whose features provide {' or '.join(names)}; "
            f"this one's provide {', '.join(controls) or 'nothing'}"
        )
    return found


def _louder(level_db: Tensor, by_db: float, floor_db: float | None) -> Tensor:
    if floor_db is None:
        return level_db + by_db
    return torch.where(level_db > floor_db, (level_db + by_db).clamp_min(floor_db), level_db)


def audio_of(run: OpenRun) -> Audio:
    """Return the run's rates; UserError if it has none, and so cannot play a recording."""
    if run.recipe.audio is None:
        raise UserError(f"{run.folder}: its recipe has no [audio], so it cannot play a recording")
    return run.recipe.audio


def load(run: OpenRun, path: Path) -> Recording:
    """Decode a file at the run's sample rate; UserError if it holds no usable audio."""
    try:
        return decode(path, audio_of(run).sample_rate)
    except UnreadableError as failure:
        raise UserError(f"{path}: {failure}") from failure


def play(
    run: OpenRun, recording: Recording, change: Change, seed: int | None = None
) -> NDArray[np.float32]:
    """Play a recording with a trained run: its pitch and loudness, the run's timbre.

    The output has the recording's length, level and place in time: the gain that the training data
    was given is applied before the features and undone after the synths.

    Shape: -> [n], at the recipe's rate. Raises UserError if the recipe has no synth, or if its
    features do not provide what `change` moves.
    """
    audio = audio_of(run)
    samples = samples_of(recording, audio.sample_rate)
    hops = max(1, -(-samples // audio.hop))
    length = hops * audio.hop
    gain = float(run.data.get("gain", 1.0))
    signal = torch.from_numpy(recording.audio)[None] * gain
    item = {"audio": F.pad(signal, (0, length - signal.shape[1]))}  # or cut by what rounding left
    features = run_features(run.features, item, {"sample": length, "frame": hops + 1})
    controls = tuple(control for node in run.features for control in node.provides)
    batch = change.apply(item | features, controls) | {"item": torch.zeros(1, dtype=torch.int64)}
    with torch.no_grad():
        pipeline = run.pipeline.eval()
        noise_seed = run.recipe.seed if seed is None else seed
        batch = pipeline.with_noise(to_device(batch, run.device.torch), seed=noise_seed)
        made = pipeline(batch).signal
    if made is None:
        raise UserError(f"{run.folder}: its recipe has no synth, so there is nothing to hear")
    played: NDArray[np.float32] = (made[0] / gain).cpu().numpy()
    return played[:samples]


def samples_of(recording: Recording, sample_rate: int) -> int:
    """Return how many samples a recording has at another rate, to the nearest."""
    frames = round(recording.seconds * recording.sample_rate)
    return round(frames * sample_rate / recording.sample_rate)
