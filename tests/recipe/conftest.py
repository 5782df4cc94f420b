"""A catalog of components that do nothing, and recipes written to a folder of their own."""

from pathlib import Path
from typing import Literal

import pytest
from attrs import frozen
from torch import nn

from ddspcore import (
    Metric,
    OptionError,
    backbone,
    evaluator,
    feature,
    head,
    loss,
    option,
    schedule,
    source,
    synth,
)
from ddspcore.catalog import Catalog
from ddspcore.component import component_of
from ddspcore.plugins import Plugin
from ddspcore.recipe.problems import Problem, RecipeError
from ddspcore.recipe.reading import read
from ddspcore.recipe.schema import Recipe
from ddspcore.recipe.structuring import structure


def _nothing(opt, ctx):
    return ()


def component(decorator, name, options=None, **members):
    """Make a component class of nothing but declarations."""
    body = {"__doc__": f"Do nothing, as {name}.", **members}
    for declaration in ("needs", "provides", "width", "target", "metrics"):
        body.setdefault(declaration, staticmethod(_nothing))
    for method in ("forward", "count", "batch", "__call__"):
        body[method] = lambda self, pred: None
    if options is not None:
        body["Options"] = options
    return decorator(name)(type(name.title().replace("-", ""), (nn.Module,), body))


@frozen
class FolderOptions:
    root: Path = option(help="folder of sound files")
    chunk: float = option(1.024, help="length of a chunk", gt=0, unit="s")
    names: tuple[str, ...] = option((), help="only these files")


@frozen
class F0Options:
    f0_min: float = option(50.0, help="lowest pitch", gt=0, unit="Hz")
    f0_max: float = option(1000.0, help="highest pitch", gt=0, unit="Hz")

    def __attrs_post_init__(self):
        if self.f0_min >= self.f0_max:
            raise OptionError("f0_min", f"{self.f0_min:g} is not below f0_max")


@frozen
class GruOptions:
    width: int = option(512, help="hidden units", ge=1, le=4096)
    inputs: tuple[str, ...] = option((), help="features; all of them if empty")


@frozen
class TransformerOptions:
    width: int = option(64, help="hidden units", ge=1, le=4096)
    layers: int = option(2, help="blocks", ge=1)
    causal: bool = option(True, help="look only back")


@frozen
class HarmonicHeadOptions:
    partials: int = option(help="how many harmonics", ge=1, le=512)


@frozen
class NoiseHeadOptions:
    bands: int = option(65, help="bands of the filter", ge=2)


@frozen
class MrstftOptions:
    windows: tuple[float, ...] = option((0.064, 0.032), help="window lengths", gt=0, unit="s")
    sharpness: float = option(1.0, help="exponent", ge=0, le=4, scheduled=True)


@frozen
class OddOptions:
    mode: Literal["soft", "hard"] = option("soft", help="how to clip")
    power: Literal[1, 2] = option(2, help="norm")
    pair: tuple[float, float] = option((0.0, 1.0), help="limits", ge=-1, le=1)
    grid: tuple[tuple[int, int], ...] = option((), help="cells")
    table: Path | None = option(None, help="a file of weights")
    cap: int | None = option(None, help="largest count", ge=1)
    text: str = option("plain", help="a remark")
    flags: tuple[bool, ...] = option((True,), help="switches")
    slope: float = option(0.5, help="slope", scheduled=True)


@frozen
class FussyOptions:
    low: float = option(0.0, help="lower limit")
    high: float = option(1.0, help="upper limit")

    def __attrs_post_init__(self):
        if self.low > self.high:
            raise ValueError("low and high are swapped")


@frozen
class ExponentialFields:
    """Fall by half every half-life."""

    start: float = option(help="first value")
    half_life: float = option(help="steps in which it halves", gt=0, unit="steps")
    floor: float = option(0.0, help="last value")

    def __call__(self, step, total):
        return max(self.floor, self.start * 0.5 ** (step / self.half_life))

    @staticmethod
    def example():
        return 0


@frozen
class PiecewiseFields:
    """Connect points."""

    points: tuple[tuple[float, float], ...] = option(help="(step, value)")

    def __call__(self, step, total):
        return self.points[0][1]

    @staticmethod
    def example():
        return 0


@frozen
class ConstantFields:
    """Stay."""

    value: float = option(help="the number")

    def __call__(self, step, total):
        return self.value

    @staticmethod
    def example():
        return 0


def _shares(opt, ctx):
    return (Metric("share/*", "", "higher", "share of the energy"),)


def _metrics(opt, ctx):
    ctx.rate("sample")
    return (Metric("mss", "ratio", "lower", "spectra"), Metric("mss_log", "db", "lower", "logs"))


CORE = (
    component(source, "folder", FolderOptions),
    component(feature, "f0", F0Options),
    component(feature, "loudness-db"),
    component(backbone, "gru", GruOptions),
    component(backbone, "transformer", TransformerOptions),
    component(head, "harmonic", HarmonicHeadOptions),
    component(head, "noise", NoiseHeadOptions),
    component(synth, "harmonic"),
    component(synth, "noise"),
    component(loss, "mrstft", MrstftOptions),
    component(loss, "mss.v2"),
    component(loss, "loudness-db"),
    component(loss, "odd", OddOptions),
    component(loss, "fussy", FussyOptions),
    component(evaluator, "mss", metrics=staticmethod(_metrics)),
    component(evaluator, "silent"),
    component(evaluator, "share", metrics=staticmethod(_shares)),
    schedule("exponential")(ExponentialFields),
    schedule("piecewise")(PiecewiseFields),
    schedule("constant")(ConstantFields),
)
EXTRAS = (component(loss, "mel-shape"),)


def plugin(name, classes):
    return Plugin(name, name, components=tuple(component_of(cls) for cls in classes))


GOOD = """\
title    = "Good"
seed     = 1
feature  = [{ use = "f0" }, { use = "loudness-db" }]
backbone = { use = "transformer", width = 64, layers = 2, causal = true }
head     = [{ use = "harmonic", partials = 64 }, { use = "noise", bands = 65 }]
synth    = [{ use = "harmonic" }, { use = "noise", bind = { noise_magnitudes = "noise" } }]

[audio]
sample_rate = 16_000

[data]
use  = "folder"
root = "audio/violin"

[metric]  # decides
use   = "mss"
every = 50

[[stage]]
name  = "A"
steps = 500
lr    = { use = "exponential", start = 2e-3, half_life = 200, floor = 1e-4 }

  [[stage.loss]]
  use = "mrstft"

  [[stage.loss]]
  use    = "loudness-db"
  weight = { use = "piecewise", points = [[0, 0.0], [40, 0.05]] }

[[stage]]
name  = "B"
steps = 200
lr    = 1e-4

  [[stage.loss]]
  use = "mrstft"
"""


@frozen
class Desk:
    """A folder to write recipes in, which is the working directory, and a catalog to check them."""

    folder: Path
    catalog: Catalog
    good: str = GOOD

    def write(self, **texts: str) -> None:
        for stem, text in texts.items():
            (self.folder / f"{stem}.toml").write_text(text, encoding="utf-8", newline="")

    def recipe(self, text: str | None = None, *sets: str, **parents: str) -> Recipe:
        self.write(recipe=self.good if text is None else text, **parents)
        return structure(read(Path("recipe.toml"), sets), self.catalog)

    def problems(self, text: str | None = None, *sets: str, **parents: str) -> tuple[Problem, ...]:
        with pytest.raises(RecipeError) as caught:
            self.recipe(text, *sets, **parents)
        return caught.value.problems

    def changed(self, *changes: tuple[str, str]) -> str:
        """The good recipe with each first string replaced by the second, once."""
        text = self.good
        for old, new in changes:
            assert old in text
            text = text.replace(old, new, 1)
        return text


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog([plugin("core", CORE), plugin("extras", EXTRAS)])


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, catalog: Catalog) -> Desk:
    monkeypatch.chdir(tmp_path)
    return Desk(tmp_path, catalog)
