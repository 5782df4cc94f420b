"""What a recipe says once it has been checked: its vocabulary, with ranges and defaults.

Keys of the file are the names of the options here; the parts are `feature[]`, `backbone`, `head[]`,
`synth[]`, `audio`, `data`, `metric`, `evaluator[]`, `optimiser`, `guards`, `gate[]`, `each`,
`stage[]` and a stage's `loss[]`.
"""

from collections.abc import Mapping
from numbers import Real
from typing import Any, Literal

from attrs import Factory, field, frozen

from ddspcore.component import Component, OptionError, option
from ddspcore.errors import Mistake
from ddspcore.recipe.problems import Origin

FRAME_SECONDS = 0.016
HOP_QUANTUM = 64
COURSE = ("course.fall", "course.rebound")  # of the metric that decides, over the whole run

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["float32", "bfloat16"]
Compile = Literal[True, False, "auto"]
Split = Literal["train", "val"]


@frozen(kw_only=True)
class Use:
    """A component that the recipe uses: which one, its options, and what the recipe calls it.

    `origin` is where `use` was written; it takes no part in comparisons.
    """

    component: Component
    plugin: str
    options: Any
    origin: Origin = field(eq=False, repr=False)
    name: str = option("", help="what logs, files and --set call it; by default, its use")

    @property
    def qualified(self) -> str:
        """The component's full name: `core:mrstft`."""
        return f"{self.plugin}:{self.component.name}"


@frozen(kw_only=True)
class ScheduleUse:
    """A number that moves with the step: the schedule, and where it comes from."""

    component: Component
    plugin: str
    value: Any
    origin: Origin = field(eq=False, repr=False)

    @property
    def name(self) -> str:
        """What messages call it: a schedule has no other name than its component's."""
        return self.component.name

    @property
    def qualified(self) -> str:
        """The schedule's full name: `core:exponential`."""
        return f"{self.plugin}:{self.component.name}"

    def at(self, step: int, total: int) -> float:
        """Return the number at a step of a stage; raises Mistake if it is none."""
        value: object = self.value(step, total)
        if isinstance(value, Real):
            return float(value)
        what = f"returns {value!r} at step {step}, which is no number"
        raise Mistake("schedule", self.name, self.component.cls, what)


@frozen(kw_only=True)
class SynthUse(Use):
    """A synth; `bind` chooses what serves its needs."""

    bind: Mapping[str, str] = option(Factory(dict), help="what serves a need, as need = control")


@frozen(kw_only=True)
class LossUse(Use):
    """A loss and its weight in the sum."""

    weight: ScheduleUse = option(1.0, help="factor in the sum of a stage's losses", scheduled=True)


@frozen(kw_only=True)
class EvaluatorUse(Use):
    """An evaluator of the best checkpoint, which may also watch over the training."""

    watch: bool = option(
        False, help="measure it while training too, whenever the metric is, on the same items"
    )


@frozen(kw_only=True)
class MetricUse(Use):
    """The evaluator that decides "best", in every stage."""

    every: int = option(50, help="steps between measurements", ge=1, unit="steps")
    items: int = option(32, help="items measured, spread over all of them", ge=1, unit="items")
    key: str = option("", help="which of the evaluator's metrics decides; by default, its first")


@frozen(kw_only=True)
class Audio:
    """Rates of the axes `sample` and `frame`."""

    sample_rate: int = option(help="samples a second", ge=4_000, le=384_000, unit="Hz")
    hop: int = option(
        Factory(lambda self: default_hop(self.sample_rate), takes_self=True),
        help="samples between frames; by default, about 16 ms",
        ge=1,
        unit="samples",
    )

    def __attrs_post_init__(self) -> None:
        if self.hop > self.sample_rate:
            raise OptionError("hop", f"{self.hop} is more than a second of samples")

    def rates(self) -> dict[str, float]:
        """Return values a second by axis."""
        return {"sample": float(self.sample_rate), "frame": self.sample_rate / self.hop}


def default_hop(sample_rate: int) -> int:
    """Return the multiple of 64 samples that is nearest to 16 ms: 256, 704, 768."""
    return HOP_QUANTUM * max(1, round(sample_rate * FRAME_SECONDS / HOP_QUANTUM))


@frozen(kw_only=True)
class Optimiser:
    """How gradients become steps."""

    kind: Literal["adam", "adamw"] = option("adam", help="the algorithm")
    betas: tuple[float, float] = option((0.9, 0.999), help="decay of the two moments", ge=0, lt=1)
    eps: float = option(1e-8, help="added to the root of the second moment", gt=0)
    weight_decay: float = option(0.0, help="decay of the weights", ge=0)


@frozen(kw_only=True)
class Guards:
    """Which steps are not taken, and how many of them end the run."""

    max_skipped: int = option(
        0,
        help="steps of a stage that may be left out because a loss or the gradient is no finite "
        "number; one more ends the run",
        ge=0,
        unit="steps",
    )
    max_loss: float | None = option(
        None, help="a weighted sum of losses beyond this counts as no finite number", gt=0
    )


@frozen(kw_only=True)
class Stage:
    """One leg of the training: its steps, learning rate and losses, and where it starts from."""

    name: str = option(help="what logs, folders, init and --set call it")
    steps: int = option(help="how many steps it lasts at most", ge=1, unit="steps")
    lr: ScheduleUse = option(help="learning rate", ge=0, scheduled=True)
    losses: tuple[LossUse, ...]
    init: str = option(
        "", help='"STAGE:best", "STAGE:last", "scratch" or a .safetensors file'
    )  # filled: a first stage starts from scratch, a later one from the best of the one before
    batch: int = option(8, help="items in a batch", ge=1, unit="items")
    accumulate: int = option(1, help="batches in a step", ge=1)
    freeze: tuple[str, ...] = option((), help='parts that do not learn, such as "head.noise"')
    ema: float | None = option(
        None, help="decay of the averaged weights; 0 averages nothing", ge=0, lt=1
    )
    clip: float | None = option(None, help="largest norm of the gradient", gt=0)
    clip_value: float | None = option(
        None, help="largest magnitude of an element of the gradient, before clip", gt=0
    )
    patience: int | None = option(
        None, help="measurements without improvement that end the stage", ge=1
    )
    min_delta: float = option(0.0, help="by how much better counts as better", ge=0)
    shuffle: bool = option(
        True, help="see the items in another order each time; false: in the source's own"
    )
    fixed_batch: bool = option(False, help="train on the same items in every step")
    save_every: int | None = option(
        None, help="keep a checkpoint each time so many have passed", ge=1, unit="steps"
    )


@frozen(kw_only=True)
class Gate:
    """A number of a finished run, and how large or small it has to be; it changes no number."""

    name: str = option("", help="what --set calls it; by default, its metric")
    metric: str = option(
        help="a number of an evaluator as summary.json calls it, course.fall or course.rebound"
    )
    at_most: float | None = option(None, help="the largest value that passes")
    at_least: float | None = option(None, help="the smallest value that passes")
    over: Literal["every", "median"] = option(
        "every", help="in a series: every run has to pass, or the median over them"
    )
    split: Split | None = option(
        None, help="items that are measured; by default, those held out, where there are any"
    )
    relative: bool = option(
        False, help="limit how many times what it is where trained it is where held out"
    )

    def __attrs_post_init__(self) -> None:
        if self.at_most is not None and self.at_least is not None:
            raise OptionError("at_least", "at_most is there too; write two gates")
        if self.at_most is None and self.at_least is None:
            raise OptionError("at_most", "neither it nor at_least is given")
        if self.split and self.metric in COURSE:
            raise OptionError("split", "the course of the metric has none; leave it out")
        if self.relative and (self.split == "train" or self.metric in COURSE):
            raise OptionError("relative", "only what is held out compares with what is trained on")

    @property
    def wanted(self) -> str:
        """What passes: `at most 3`."""
        beside = " times where trained" if self.relative else ""
        if self.at_most is not None:
            return f"at most {self.at_most:g}{beside}"
        return f"at least {self.at_least:g}{beside}"

    def admits(self, value: float) -> bool:
        """Whether a value passes; a NaN never does."""
        if self.at_most is not None:
            return value <= self.at_most
        return self.at_least is not None and value >= self.at_least


@frozen(kw_only=True)
class Recipe:
    """Everything that a run does, and nothing about where or when."""

    title: str = option("", help="one line for people")
    description: str = option("", help="more lines for people")
    seed: int = option(0, help="where all randomness starts", ge=0)
    device: Device = option("auto", help="where tensors live")
    precision: Precision = option("float32", help="of the network while it trains")
    compile: Compile = option("auto", help="compile the network to train it; auto: on CUDA")
    features: tuple[Use, ...] = ()
    backbone: Use | None = None
    heads: tuple[Use, ...] = ()
    synths: tuple[SynthUse, ...] = ()
    audio: Audio | None = None
    data: Use
    metric: MetricUse
    evaluators: tuple[EvaluatorUse, ...] = ()
    optimiser: Optimiser = field(factory=Optimiser)
    guards: Guards = field(factory=Guards)
    stages: tuple[Stage, ...]
    gates: tuple[Gate, ...] = ()
    each: Mapping[str, tuple[Any, ...]] = field(factory=dict)
