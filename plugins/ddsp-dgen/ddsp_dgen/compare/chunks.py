"""One chunk of every recording, written down so that all recipes train on the same samples."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import soundfile
import torch
from attrs import frozen
from ddspcore.assemble import build_source
from ddspcore.catalog import Catalog
from ddspcore.data.files import File
from ddspcore.recipe.reading import read
from ddspcore.recipe.shipped import resolve_recipe
from ddspcore.recipe.structuring import structure
from torch import Tensor

from ddsp_dgen import corpus

PICKING = "core:probe_dry"
"""The recipe whose rule picks: the most voiced second, of several the loudest, peak-normalised."""
SAMPLE_RATE = 16_000
PEAK = 0.99
"""Where every recipe has the loudest sample. A chunk has it there to the last of 24 bits, which is
the last of float32's too, so that no recipe moves a bit."""
FULL_SCALE = 2**15 - 1


@frozen
class Clip:
    """A recording, and what to call it in a table and on disk."""

    name: str
    path: Path


def clips(roots: Iterable[Path]) -> list[Clip]:
    """Return every recording that the roots are or hold, each under a name of its own.

    Raises DataError if a root holds none.
    """
    files = [file for root in roots for file in corpus.choose(root, limit=None, seed=None)]
    short = [Path(file.name).stem for file in files]
    return [Clip(_name(file, short), file.path) for file in files]


def _name(file: File, short: Sequence[str]) -> str:
    stem = Path(file.name).stem
    return stem if short.count(stem) == 1 else "_".join(file.path.absolute().parts[1:])


def write_chunk(clip: Clip, folder: Path, catalog: Catalog) -> Path:
    """Write the chunk of a recording that the rule picks, and return where.

    Raises DataError if the recording is of no use.
    """
    audio = pick(clip.path, catalog)
    path = folder / f"{clip.name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    # whole numbers: a file of floats would hold the time of writing, and be other data each time
    levels = (audio.double() * 2**31).to(torch.int32)
    soundfile.write(path, levels.numpy(), SAMPLE_RATE, subtype="PCM_24")
    return path


def pick(recording: Path, catalog: Catalog) -> Tensor:
    """Return the chunk of a recording that the rule picks, as 16 bits have it.

    Decoders leave digital silence above the band of a codec, of which a logarithm at 1e-8 makes
    more than of all that can be heard. A recording has at least the noise of 16 bits there.

    Shape: [T].
    """
    document = read(resolve_recipe(PICKING), (f"data.root={recording.absolute()}",))
    source = build_source(structure(document, catalog))
    chunk: Tensor = source.batch("train", [0])["audio"][0].double()
    steps = (chunk * (PEAK * FULL_SCALE / chunk.abs().max())).round()
    at_peak = steps * (PEAK / steps.abs().max())
    return ((at_peak * 2**23).round() / 2**23).float()
