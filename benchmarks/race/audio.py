"""What every entrant is given: some audio to train on, and some that none of them hears."""

from pathlib import Path

from attrs import frozen

from ddspcore.assemble import build_source
from ddspcore.catalog import Catalog
from ddspcore.data.wav import encode_wav
from ddspcore.plugins import discover
from ddspcore.recipe.reading import read
from ddspcore.recipe.shipped import resolve_recipe
from ddspcore.recipe.structuring import structure

SAMPLE_RATE = 16_000


@frozen
class Audio:
    """Two folders of WAV files at 16 kHz, and how many seconds there are in each."""

    train: Path
    held_out: Path
    train_s: float
    held_out_s: float


def divide(data: Path, folder: Path) -> Audio:
    """Divide a recording, or a folder of them, as `best_low_loss` does, at one level for all."""
    sets = [f"data.root={data.absolute()}", f"audio.sample_rate={SAMPLE_RATE}"]
    recipe = structure(read(resolve_recipe("best_low_loss"), sets), Catalog(discover()))
    source = build_source(recipe)
    places = {"train-items": folder / "train", "val-items": folder / "held-out"}
    seconds = {}
    for split, place in places.items():
        place.mkdir(parents=True, exist_ok=True)
        seconds[split] = 0.0
        for index in range(source.count(split)):
            signal = source.batch(split, [index])["audio"][0].numpy()
            (place / f"{index:04d}.wav").write_bytes(encode_wav(signal, SAMPLE_RATE))
            seconds[split] += len(signal) / SAMPLE_RATE
    return Audio(*places.values(), *seconds.values())
