"""Recipe -> wired pipeline: declarations first, then a dry run, then the real thing."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs
import torch
from attrs import frozen
from torch import Tensor, nn

from ddspcore.blame import fault
from ddspcore.context import Context, RateError
from ddspcore.controls import clash
from ddspcore.data.features import FeatureNode
from ddspcore.declarations import declaration_fault, returned
from ddspcore.errors import Mistake
from ddspcore.metric import Metric
from ddspcore.pipeline import Pipeline
from ddspcore.randomness import forked
from ddspcore.recipe.components import CONSTANT
from ddspcore.recipe.problems import Problem, RecipeError
from ddspcore.recipe.schema import LossUse, Recipe, ScheduleUse, Stage, Use
from ddspcore.wiring import Node, Wiring, wire


@frozen
class Scheduled:
    """A 0-dim buffer of a module and the schedule that fills it before each step."""

    module: nn.Module
    name: str
    schedule: Any

    def fill(self, step: int, total: int) -> None:
        """Write the value of `step` in place, so that compiled code sees it."""
        getattr(self.module, self.name).fill_(self.schedule(step, total))

    def settle(self, done: int, total: int) -> None:
        """Write the value that a checkpoint was trained with, `done` steps after its stage began.

        A schedule's value is none of the weights, so a checkpoint does not hold it.
        """
        self.fill(max(0, done - 1), total)


@frozen
class Term:
    """A stage's loss: its label, module, weight schedule and what its forward asks for."""

    label: str
    module: Any
    weight: Any
    asks: tuple[str, ...]

    def prepare(self, target: Tensor | None) -> dict[str, Tensor]:
        """Return what the loss computes from the target alone; empty if it computes nothing."""
        if target is None or not hasattr(self.module, "prepare"):
            return {}
        ready = self.module.prepare(target)
        if isinstance(ready, Mapping):
            return dict(ready)
        what = f"prepare returns {returned(ready)}, not a dict of tensors"
        raise Mistake("loss", self.label, type(self.module), what)

    def __call__(self, **offered: Any) -> Tensor:
        """Return the loss, handing it those of the offered values that it asks for.

        Raises Mistake if it returns anything but one number.
        """
        value: object = self.module(**{name: offered[name] for name in self.asks})
        if isinstance(value, Tensor) and value.dim() == 0:
            return value
        shown = list(value.shape) if isinstance(value, Tensor) else returned(value)
        what = f"returns {shown}, not one number"
        raise Mistake("loss", self.label, type(self.module), what)


def context_of(recipe: Recipe) -> Context:
    """Return the rates that the recipe's axes run at."""
    return Context(recipe.audio.rates() if recipe.audio else {})


def declare(recipe: Recipe) -> Wiring:
    """Wire the declarations of every component: the first gate, without a tensor.

    Raises RecipeError with every need that nothing serves.
    """
    placed = list(_nodes(recipe, context_of(recipe)))
    wiring = wire([node for node, _ in placed])
    uses = {(node.kind, node.label): use for node, use in placed}
    problems = [
        Problem(found.message, uses[found.node.kind, found.node.label].origin, found.hints)
        for found in wiring.faults
    ]
    problems += _target_problems(recipe, wiring)
    problems += _missing_parts(recipe)
    if problems:
        raise RecipeError(problems)
    return wiring


def _nodes(recipe: Recipe, ctx: Context) -> Iterator[tuple[Node, Use]]:
    """Yield what every component declares, in pipeline order, with its place in the recipe."""
    source = recipe.data
    yield Node("source", source.name, provides=_declared(source, "provides", ctx)), source
    for use in recipe.features:
        needs, provides = (_declared(use, what, ctx) for what in ("needs", "provides"))
        yield Node("feature", use.name, needs, provides), use
    if recipe.backbone is not None:
        needs = _declared(recipe.backbone, "needs", ctx)
        yield Node("backbone", "backbone", needs), recipe.backbone
    for use in recipe.heads:
        yield Node("head", use.name, provides=_declared(use, "provides", ctx)), use
    for synth in recipe.synths:
        needs, signal = (_declared(synth, what, ctx) for what in ("needs", "provides"))
        yield Node("synth", synth.name, needs, (signal,), synth.bind), synth
    for stage in recipe.stages:
        for loss in stage.losses:
            needs = _declared(loss, "needs", ctx) or ()
            yield Node("loss", f"{stage.name}.{loss.name}", needs), loss
    # What decides is often one of the evaluators, too.
    measures = {(u.name, u.component.name): u for u in (recipe.metric, *recipe.evaluators)}
    for use in measures.values():
        if needs := _declared(use, "needs", ctx):
            yield Node("evaluator", use.name, needs), use


def _target_problems(recipe: Recipe, wiring: Wiring) -> list[Problem]:
    """Compare the record of what is predicted with the record of what it should be."""
    target = target_of(recipe)
    provided = {c.name: c for node in wiring.nodes[:1] for c in node.provides}
    if target not in provided:
        listed = ", ".join(provided)
        return [Problem(f'the target "{target}" is none of {listed}', recipe.data.origin)]
    signal = next((n.provides[0] for n in reversed(wiring.nodes) if n.kind == "synth"), None)
    why = signal and clash(attrs.evolve(provided[target], lo=None, hi=None), signal)
    if signal is None or why is None:
        return []
    message = f"the synths make {signal}, but the target is {provided[target]}: {why}"
    return [Problem(message, recipe.synths[-1].origin)]


def _missing_parts(recipe: Recipe) -> Iterator[Problem]:
    """Yield what works on the output of a part that the recipe does not have."""
    if recipe.backbone is None:
        for use in recipe.heads:
            yield Problem(f"head {use.name} needs a backbone, but the recipe has none", use.origin)
    if not recipe.synths:
        for stage in recipe.stages:
            for loss in stage.losses:
                if "pred" in loss.component.asks:
                    what = f"loss {stage.name}.{loss.name} compares what is predicted with what "
                    yield Problem(f"{what}should be, but the recipe has no synth", loss.origin)


def target_of(recipe: Recipe) -> str:
    """Return the name of the batch's control that predictions are compared with."""
    return str(_declared(recipe.data, "target", context_of(recipe)))


def declared_lengths(recipe: Recipe) -> dict[str, int]:
    """Return how many values a dry run puts along an axis, where the source says so."""
    return dict(_declared(recipe.data, "lengths", context_of(recipe)) or {})


def build_features(recipe: Recipe) -> tuple[FeatureNode, ...]:
    """Build the feature modules, in the recipe's order."""
    ctx = context_of(recipe)
    return tuple(
        FeatureNode(
            label=use.name,
            module=build(use, recipe.seed, opt=use.options, ctx=ctx),
            key=_key(use, ctx),
            provides=_declared(use, "provides", ctx),
            needs=tuple(
                need if isinstance(need, str) else need.name
                for need in _declared(use, "needs", ctx) or ()
            ),
        )
        for use in recipe.features
    )


def build_source(recipe: Recipe) -> Any:
    """Build the source with its features; it may read and cache files from here on."""
    features = build_features(recipe)
    return build(
        recipe.data, recipe.seed, opt=recipe.data.options, ctx=context_of(recipe), features=features
    )


def build_pipeline(recipe: Recipe, wiring: Wiring) -> tuple[Pipeline, tuple[Scheduled, ...]]:
    """Build backbone, heads and synths on the default device, each under its own seed."""
    ctx = context_of(recipe)
    scheduled: list[Scheduled] = []

    def make(use: Use, **offered: Any) -> Any:
        module = build(use, recipe.seed, opt=use.options, ctx=ctx, **offered)
        scheduled.extend(add_schedules(module, use.options))
        return module

    backbone, width = None, 0
    if recipe.backbone is not None:
        inputs = tuple(
            attrs.evolve(w.control, name=w.need) for w in wiring.of("backbone", "backbone")
        )
        backbone = make(recipe.backbone, inputs=inputs)
        width = declared_width(recipe.backbone, ctx)
    heads = {use.name: make(use, width=width) for use in recipe.heads}
    synths = {use.name: make(use) for use in recipe.synths}
    return Pipeline(wiring, backbone, heads, synths), tuple(scheduled)


def counts(use: LossUse) -> bool:
    """Whether a loss is in its stage's sum: a weight that is the number 0 switches it off."""
    return use.weight.qualified != CONSTANT or bool(use.weight.value.value)


def build_losses(recipe: Recipe, stage: Stage) -> tuple[tuple[Term, ...], tuple[Scheduled, ...]]:
    """Build a stage's losses on the default device."""
    terms: list[Term] = []
    scheduled: list[Scheduled] = []
    for use in stage.losses:
        module = build(use, recipe.seed, opt=use.options, ctx=context_of(recipe))
        scheduled += add_schedules(module, use.options)
        terms.append(Term(use.name, module, use.weight.at, use.component.asks))
    return tuple(terms), tuple(scheduled)


def build(use: Use, seed: int, **offered: Any) -> Any:
    """Construct a component inside generators seeded by (seed, label).

    Raises RecipeError if it needs the rate of an axis that has none.
    """
    with _located(use), forked(seed, use.component.kind, use.name):
        return use.component.build(**offered)


def add_schedules(module: nn.Module, options: Any) -> Iterator[Scheduled]:
    """Register the 0-dim buffer of every scheduled option on a freshly built module."""
    for field in attrs.fields(type(options)):
        value = getattr(options, field.name)
        if isinstance(value, ScheduleUse):
            start = torch.tensor(value.at(0, 1), dtype=torch.float32)
            module.register_buffer(field.name, start, persistent=False)
            yield Scheduled(module, field.name, value.at)


def declared_width(use: Use, ctx: Context) -> int:
    """Return how many channels a backbone's hidden frames have."""
    return int(_declared(use, "width", ctx))


def declared_metrics(use: Use, ctx: Context) -> tuple[Metric, ...]:
    """Return what an evaluator declares about its numbers."""
    return tuple(_declared(use, "metrics", ctx))


def _declared(use: Use, what: str, ctx: Context) -> Any:
    declaration = getattr(use.component.cls, what, None)
    if declaration is None:
        return None
    with _located(use):
        value = declaration(use.options, ctx)
    if problem := declaration_fault(use.component.kind, what, value):
        raise RecipeError([fault(use, f"is declared wrongly: {problem}")])
    return value


@contextmanager
def _located(use: Use) -> Iterator[None]:
    """Turn a component's question for a rate that is not there into a problem of the recipe."""
    try:
        yield
    except RateError as error:
        message = f"{use.component.kind} {use.name}: {error}"
        raise RecipeError([Problem(message, use.origin)]) from None


def _key(use: Use, ctx: Context) -> str:
    rates = ",".join(f"{axis}={rate:g}" for axis, rate in sorted(ctx.rates.items()))
    return f"{use.plugin}:{use.component.name} {use.options!r} {rates}"
