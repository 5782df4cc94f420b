"""Our models as recipes, of a peer's sizes."""

import tempfile
from pathlib import Path

from attrs import frozen

from ddspcore.catalog import Catalog
from ddspcore.plugins import discover
from ddspcore.recipe.reading import read
from ddspcore.recipe.schema import Recipe
from ddspcore.recipe.structuring import structure

TRANSFORMER, GRU = "transformer", "GRU-512"
COMPILED = "transformer, compile = true"
BACKBONES = {
    TRANSFORMER: '{ use = "transformer", width = 64, layers = 2, causal = true }',
    GRU: '{ use = "gru", width = 512, layers = 3, inputs = ["f0_hz", "loudness_db"] }',
}
BACKBONES[COMPILED] = BACKBONES[TRANSFORMER]
BANDS = 65


@frozen
class Size:
    """How much a training step has to do; windows in samples, hops a quarter of them."""

    batch: int = 16
    samples: int = 64_000
    hop: int = 160
    harmonics: int = 100
    windows: tuple[int, ...] = (128, 256, 512, 1024, 2048, 4096)
    reverb: bool = True
    sample_rate: int = 16_000

    def __str__(self) -> str:
        room = "" if self.reverb else ", no reverb"
        rate = "" if self.sample_rate == 16_000 else f", {self.sample_rate} Hz"
        return (
            f"{self.batch} x {self.samples}, {self.harmonics} harmonics, hop {self.hop}{room}{rate}"
        )

    @property
    def frames(self) -> int:
        """Count the frames, the one at the end not included."""
        return self.samples // self.hop


SHORT = Size(
    batch=1,
    samples=16_384,
    hop=256,
    harmonics=64,
    windows=(64, 128, 256, 512, 1024),
    reverb=False,
)


def recipe(size: Size, backbone: str) -> Recipe:
    """Return the recipe of a model with a backbone, trained by the spectral loss alone."""
    room = ', { use = "reverb", length = 1.0 }' if size.reverb else ""
    text = f"""
        compile  = {"true" if backbone == COMPILED else '"auto"'}
        feature  = [{{ use = "f0" }}, {{ use = "loudness" }}]
        backbone = {BACKBONES[backbone]}
        head     = [
          {{ use = "harmonic", partials = {size.harmonics} }},
          {{ use = "noise", bands = {BANDS} }},
        ]
        synth    = [{{ use = "harmonic" }}, {{ use = "noise" }}{room}]
        [audio]
        sample_rate = {size.sample_rate}
        hop = {size.hop}
        [data]
        use  = "wav-folder"
        root = "."
        [metric]
        use = "mss"
        [[stage]]
        name  = "A"
        steps = 1_000_000
        batch = {size.batch}
        lr    = 1e-4
          [[stage.loss]]
          use     = "mrstft"
          windows = [{", ".join(str(window / size.sample_rate) for window in size.windows)}]
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "step.toml"
        path.write_text(text, encoding="utf-8")
        return structure(read(path), Catalog(discover()))
