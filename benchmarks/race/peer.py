"""ddsp_pytorch in a process of its own: its scripts as they are, run from its checkout.

`python -m benchmarks.race.peer train CHECKOUT FOLDER AUDIO SECONDS [BATCH]` preprocesses and trains
in FOLDER; `... play CHECKOUT FOLDER AUDIO` plays every checkpoint there.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from numpy.typing import NDArray

from benchmarks.race.clock import CLOCK, PREPARED, Clock
from benchmarks.race.stand_ins import install
from ddspcore.data.audio import decode
from ddspcore.data.wav import encode_wav

CONFIG, TRAINED = "config.yaml", Path("runs/debug/config.yaml")
MARKS = 24
EARLIEST = 1 / 64
"""The first mark, as a share of the time; the others follow at equal ratios."""

Namespace = dict[str, Any]


class TimeIsUpError(Exception):
    """The race is over."""


def train(checkout: Path, folder: Path, audio: Path, seconds: float, batch: int | None) -> None:
    """Preprocess and train by the checkout's scripts until the time is up."""
    options = {} if batch is None else {"BATCH": batch}
    clock = Clock(folder / CLOCK)
    script: Namespace = {"__name__": "__main__"}
    _enter(checkout, folder, options, _writer(clock, seconds, script))
    config = yaml.safe_load((checkout / CONFIG).read_text(encoding="utf-8"))
    config["data"]["data_location"] = str(audio)
    Path(CONFIG).write_text(yaml.safe_dump(config), encoding="utf-8")
    _execute(checkout / "preprocess.py", {"__name__": "__main__"})
    clock.note(PREPARED)
    try:
        _execute(checkout / "train.py", script)
    except TimeIsUpError:
        return


def _enter(checkout: Path, folder: Path, options: Namespace, writer: type) -> None:
    install(options, writer)
    sys.path.insert(0, str(checkout))
    os.chdir(folder)


def _execute(path: Path, namespace: Namespace) -> None:
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), namespace)


def _writer(clock: Clock, seconds: float, script: Namespace) -> type:
    """Return what the training script takes for its log, and tells of every step."""
    marks = [seconds * EARLIEST ** (1 - mark / (MARKS - 1)) for mark in range(MARKS)]

    class Writer:
        def __init__(self, folder: str, flush_secs: int):
            Path(folder).mkdir(parents=True, exist_ok=True)

        def add_scalar(self, name: str, value: float, step: int) -> None:
            if name != "loss" or clock.now() < marks[0]:
                return
            while marks and clock.now() >= marks[0]:
                marks.pop(0)
            checkpoint = f"{step + 1:06d}.pth"
            clock.note(checkpoint)
            began = time.process_time()
            torch.save(script["model"].state_dict(), checkpoint)
            clock.paused += time.process_time() - began
            if not marks:
                raise TimeIsUpError

    return Writer


def play(checkout: Path, folder: Path, audio: Path) -> None:
    """Play the files of a folder with every checkpoint, from features as it computes them."""
    _enter(checkout, folder, {}, object)
    core, model = _import("ddsp.core"), _import("ddsp.model")
    config = yaml.safe_load(TRAINED.read_text(encoding="utf-8"))
    network = model.DDSP(**config["model"]).eval()
    heard = {path: _features(core, config, path) for path in sorted(audio.glob("*.wav"))}
    for checkpoint in sorted(Path().glob("*.pth")):
        network.load_state_dict(torch.load(checkpoint, weights_only=True))
        out = Path("played") / checkpoint.name
        out.mkdir(parents=True, exist_ok=True)
        for path, (samples, pitch, loudness) in heard.items():
            torch.manual_seed(0)  # it draws its noise anew each time
            with torch.no_grad():
                signal = network(pitch, loudness)[0, :samples, 0].numpy()
            wav = encode_wav(signal, config["preprocess"]["sampling_rate"])
            (out / path.name).write_bytes(wav)


def _import(name: str) -> Any:
    return __import__(name, fromlist=["_"])


def _features(core: Any, config: Any, path: Path) -> tuple[int, torch.Tensor, torch.Tensor]:
    """Return the length in samples, pitch and normalised loudness. Shape: [1,N,1] both."""
    rate, block = config["preprocess"]["sampling_rate"], config["preprocess"]["block_size"]
    signal = decode(path, rate).audio
    whole: NDArray[np.float32] = np.pad(signal, (0, -len(signal) % block))
    pitch, loudness = (of(whole, rate, block) for of in (core.extract_pitch, core.extract_loudness))
    loudness = (loudness - config["data"]["mean_loudness"]) / config["data"]["std_loudness"]
    pitch, loudness = (torch.from_numpy(x).float()[None, :, None] for x in (pitch, loudness))
    return len(signal), pitch, loudness


def main(words: list[str]) -> None:
    """Do what the command line says."""
    action, checkout, folder, audio, *rest = words
    places = Path(checkout).resolve(), Path(folder).resolve(), Path(audio).resolve()
    if action == "play":
        play(*places)
    else:
        train(*places, float(rest[0]), int(rest[1]) if len(rest) > 1 else None)


if __name__ == "__main__":
    main(sys.argv[1:])
