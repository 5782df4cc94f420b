"""Every extension point, on one page.

Nine declarative hooks take nothing and return classes; each is called once, at discovery, under
the name of the plugin it belongs to. Four observer hooks are called by the runner: plain numbers
and paths in, nothing out; what an observer raises is logged, never fatal.

    from ddspcore import hookimpl

    @hookimpl
    def ddsp_losses():
        return [MelShape]

A package names its module in the entry-point group `ddspcore.v1`. Recipes need no hook: the group
`ddspcore.v1.recipes` names a package's folder of .toml files, which is found without an import and
addressed as `plugin:stem`.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from ddspcore.train.events import LogRecord, RunInfo, StageResult

PROJECT = "ddsp"
GROUP = "ddspcore.v1"
RECIPE_GROUP = "ddspcore.v1.recipes"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def ddsp_sources() -> Iterable[type]:  # type: ignore[empty-body]
    """Items of data, by split and index.

    Constructor: `opt`, `ctx`, `features` (a FeatureNode each, in the recipe's order).
    `count(split) -> int` and `batch(split, indices) -> dict[str, Tensor]`; splits are `train` and
    `val`, and what a static `splits` adds: `train-items` and `val-items` are whole, for renders.
    Whole items go through the features once; a batch is slices of items that start on a hop. It is
    a function of split and indices alone, may be asked for ahead of its step in a thread of its
    own, and draws nothing from torch's generators.
    Declares `provides(opt, ctx) -> tuple[Control, ...]` (features not included) and
    `target(opt, ctx) -> str`, the name that predictions are compared with; and, where a model does
    not work on items of any length, `lengths(opt, ctx) -> dict[str, int]`: how many values of an
    axis make an item that it works on, for a dry run. May offer
    `prepare(progress)`, for long work before the first question; `progress(doing, done, total,
    name)` is told how far it is. May offer `report() -> dict`, which is written to `data.json`;
    its `in_words`, a list of sentences, is printed; its `statistics`, as `ddspcore.data.survey`
    makes them, are what `ddsp render` matches recordings to. May offer `fingerprint()`, plain
    values that identify the data and go into the run's key. For `ddsp data`, the report has
    `files`, and `inspect(progress) -> dict` is the report with a `quality` for each of them and a
    `verdict`; `draw_inspection(found, file)` draws that as a PNG. `locate(split, index) -> dict`
    says where an item comes from, its file as `source`; it goes into the manifest of renders.
    """


@hookspec
def ddsp_features() -> Iterable[type]:  # type: ignore[empty-body]
    """Named tensors computed from what the source provides, such as f0 and loudness.

    Constructor: `opt`, `ctx`. `forward(batch) -> dict[str, Tensor]` on a whole item.
    Declares `provides(opt, ctx) -> tuple[Control, ...]` and `needs` likewise, or as bare names if
    it takes any record; what earlier features made is in the batch. Several items may be asked for
    at once, in threads, so it keeps nothing between calls. To `ddsp render`, where all features lie
    on frames, two minutes of a longer file are an item, with ten seconds around them. One that
    looks at a window around each frame may say its length as `window`, in samples: half of it is
    latency when live.
    """


@hookspec
def ddsp_backbones() -> Iterable[type]:  # type: ignore[empty-body]
    """Features to hidden frames.

    Constructor: `opt`, `ctx`, `inputs` (the Controls it will be given).
    `forward(features: dict[str, Tensor]) -> Tensor` [B,N,width].
    Declares `needs(opt, ctx) -> tuple[str, ...]`, names of features, empty for every feature on the
    frame axis, and `width(opt, ctx) -> int`.

    To stream, it offers `initial_state(batch, device) -> state` and `step(features, state) ->
    (hidden, state)` for one new frame or several; what it says is what `forward` says of the whole.
    A state belongs to one stream: a step may change it, and return the same.
    `initial_state` raises UserError where its options rule that out, in words for a user.
    """


@hookspec
def ddsp_heads() -> Iterable[type]:  # type: ignore[empty-body]
    """Hidden frames to named controls.

    Constructor: `opt`, `ctx`, `width`. `forward(hidden) -> dict[str, Tensor]`.
    Declares `provides(opt, ctx) -> tuple[Control, ...]`, with bounds.

    A head that looks at one frame at a time streams as it is; any other offers `initial_state` and
    `step`, as a backbone does.
    """


@hookspec
def ddsp_synths() -> Iterable[type]:  # type: ignore[empty-body]
    """Named controls to one signal.

    Constructor: `opt`, `ctx`. `forward(controls: dict[str, Tensor]) -> Tensor`.
    Declares `needs(opt, ctx) -> tuple[Control, ...]` and `provides(opt, ctx) -> Control`. Signals
    of one name are summed; a synth that needs the signal it provides gets the sum so far and
    replaces it.

    To stream, it offers `initial_state(batch, device) -> state` and `step(controls, state) ->
    (signal, state)`: new frames of what lies on the frame axis, and the samples up to the last of
    them. A frame gives the hop of samples that ends there, the first of all gives none. A synth
    that hears ahead offers `latency(served) -> int` in samples, where `served` maps its needs to
    the records of what serves them: its stream is the offline signal, so much later, zeros first.
    """


@hookspec
def ddsp_losses() -> Iterable[type]:  # type: ignore[empty-body]
    """A prediction and what it should be, to one scalar.

    Constructor: `opt`, `ctx`. `forward` asks by name for any of `pred target controls batch step
    prepared again`. May offer `prepare(target) -> dict[str, Tensor]`, passed back as `prepared`;
    declares `needs(opt, ctx)` if it reads controls. `again` is the prediction with other noise.
    """


@hookspec
def ddsp_schedules() -> Iterable[type]:  # type: ignore[empty-body]
    """A number that moves with the step.

    A frozen attrs class whose fields are its options; `__call__(step: int, total: int) -> float` is
    pure, `step` counts from 0 within the stage. Declares `example()`, an instance.
    """


@hookspec
def ddsp_evaluators() -> Iterable[type]:  # type: ignore[empty-body]
    """Metrics and files from a trained pipeline.

    Constructor: `opt`, `ctx`. `__call__(pipeline, batches, out_dir) -> dict[str, float]`; `batches`
    can be iterated more than once, its noise is filled in. Declares
    `metrics(opt, ctx) -> tuple[Metric, ...]`, and may declare `needs(opt, ctx)`: the controls that
    it reads. May offer `compare(folders, out_dir)`, which writes there what shows several
    checkpoints side by side; `folders` are where it wrote, by label. May offer `warnings(values) ->
    Iterable[str]`: what is wrong, in words, given the numbers that it returned.
    """


@hookspec
def ddsp_exporters() -> Iterable[type]:  # type: ignore[empty-body]
    """Reserved for writing a trained pipeline in another program's format."""


@hookspec
def ddsp_run_start(run: "RunInfo") -> None:
    """After assembly and before the first step, also when a run is continued."""


@hookspec
def ddsp_log(run: "RunInfo", record: "LogRecord") -> None:
    """At every log line."""


@hookspec
def ddsp_stage_end(run: "RunInfo", stage: "StageResult") -> None:
    """When a stage's best and last checkpoints are on disk."""


@hookspec
def ddsp_run_end(run: "RunInfo", summary: Mapping[str, Any]) -> None:
    """After the last evaluation; `summary` is what `summary.json` will hold but for `seconds`."""
