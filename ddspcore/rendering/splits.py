"""Everything that a split holds, played by a trained run: WAVs, and a manifest of them."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from torch import Tensor

from ddspcore.assemble import build_source, target_of
from ddspcore.data.supply import count_items
from ddspcore.data.wav import encode_wav
from ddspcore.errors import UserError
from ddspcore.rendering.changing import Change
from ddspcore.rendering.hearing import audio_of
from ddspcore.train.checkpoint import write_bytes, write_json
from ddspcore.train.feed import Feed
from ddspcore.train.opening import OpenRun
from ddspcore.train.snapshots import find_snapshots

MANIFEST = "manifest.json"


def render_split(
    run: OpenRun,
    split: str,
    out_dir: Path,
    *,
    change: Change,
    seed: int | None = None,
    most: int | None = None,
) -> dict[str, Any]:
    """Play a split's items, whole ones where the source offers them; return the manifest.

    Of every item, or of at most so many spread evenly over the split, `target`, `prediction` and a
    WAV for each synth are written, at the level at which the run was trained, and `manifest.json`
    beside them. Raises UserError if the split has no items, or the recipe no synth.
    """
    audio = audio_of(run)
    source = build_source(run.recipe)
    whole = f"{split}-items"
    items = whole if whole in getattr(source, "splits", ()) else split
    if not count_items(source, items):
        raise UserError(f"{run.folder}: nothing to render: {split} has no items")
    noise_seed = run.recipe.seed if seed is None else seed
    feed = Feed(source, run.pipeline.eval(), (), noise_seed, run.device.torch)
    batches = feed.in_order(items, 1, most)
    out_dir.mkdir(parents=True, exist_ok=True)
    rows = []
    for index, batch in zip(batches.indices, batches, strict=True):
        with torch.no_grad():
            output = run.pipeline(change.apply(batch, run.features))
        if output.signal is None:
            raise UserError(f"{run.folder}: its recipe has no synth, so there is nothing to hear")
        place = source.locate(items, index) if hasattr(source, "locate") else {}
        signals = {"target": batch[target_of(run.recipe)], "prediction": output.signal}
        name = f"{index:04d}{_stem(place)}"
        files = _write(out_dir, name, signals | output.parts, audio.sample_rate)
        rows.append({"index": index, **place, "files": files})
    made = {
        "split": split,
        "transpose": change.semitones,
        "f0_scale": change.f0_scale,
        "loudness": change.loudness_db,
        "gain": run.data.get("gain", 1.0),
        "items": rows,
    }
    return write_manifest(run, out_dir, noise_seed, made)


def write_manifest(
    run: OpenRun, out_dir: Path, seed: int, made: Mapping[str, Any]
) -> dict[str, Any]:
    """Write beside renders what they are, and which weights of what run play them; return that."""
    stages = [stage.name for stage in run.recipe.stages]
    known = {each.path.resolve(): each for each in find_snapshots(run.folder, stages)}
    snapshot = known.get(run.checkpoint.resolve())
    manifest = {
        "run": str(run.folder),
        "checkpoint": str(run.checkpoint),
        "stage": snapshot and snapshot.stage,
        "step": snapshot and snapshot.step,
        "device": run.device.used,
        "seed": seed,
        "sample_rate": audio_of(run).sample_rate,
        **made,
    }
    write_json(out_dir / MANIFEST, manifest)
    return manifest


def _stem(place: Mapping[str, Any]) -> str:
    stem = PurePosixPath(str(place.get("source", ""))).stem
    return f"-{re.sub(r'[^A-Za-z0-9_.-]+', '-', stem)}" if stem else ""


def _write(
    folder: Path, name: str, signals: Mapping[str, Tensor], sample_rate: int
) -> dict[str, str]:
    """Write signals [1,T] as WAVs; return their names in the folder."""
    files = {}
    for what, signal in signals.items():
        files[what] = f"{name}-{what}.wav"
        write_bytes(folder / files[what], encode_wav(signal[0].cpu().numpy(), sample_rate))
    return files
