"""A component under test: built as a recipe builds it, fed and run in one way for every kind."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from attrs import evolve, frozen
from torch import Tensor, nn

from ddspcore.component import Component
from ddspcore.contracts import parameters
from ddspcore.controls import Control
from ddspcore.declarations import declaration_fault
from ddspcore.errors import UserError
from ddspcore.randomness import forked
from ddspcore.testing.setting import CHANNELS, Setting
from ddspcore.wiring import ITEM

Values = dict[str, Tensor]


@frozen(eq=False)  # what was seen of one is kept by it
class Subject:
    """A component in a setting.

    What goes into a module and what comes out are mappings by name, whatever its kind: a head is
    given `hidden`, a backbone returns it, a synth returns the signal it provides and a loss `loss`.
    """

    component: Component
    setting: Setting

    @property
    def options(self) -> Any:
        """The options: what the setting gives, and defaults; TypeError where one has no default."""
        return self.component.options(**self.setting.options.get(self.component.name, {}))

    def declared(self, what: str) -> Any:
        """Return what the component declares as `needs`, `provides` or `width`; None if nothing.

        Raises TypeError if it declares what no component of its kind does.
        """
        declaration = getattr(self.component.cls, what, None)
        if declaration is None:
            return None
        value = declaration(self.options, self.setting.ctx)
        if problem := declaration_fault(self.component.kind, what, value):
            raise TypeError(problem)
        return value

    @property
    def served(self) -> tuple[Control, ...]:
        """The records of what the component is given by name, as what serves it would have them."""
        if self.component.kind == "head":
            return (self.setting.hidden,)
        needs = self.declared("needs") or ()
        records = (ITEM, *self.setting.source, *self.setting.features)
        known = {control.name: control for control in records}
        if self.component.kind == "backbone" and not needs:
            needs = self.setting.features
        named = (
            known.get(need, Control(need)) if isinstance(need, str) else need for need in needs
        )
        return tuple(evolve(need, channels=need.channels or CHANNELS) for need in named)

    @property
    def compared(self) -> tuple[str, ...]:
        """What a loss is given of predictions and target; what is prepared comes of the target."""
        asks = self.component.asks if self.component.kind == "loss" else ()
        asks = tuple("target" if name == "prepared" else name for name in asks)
        return tuple(name for name in ("pred", "target", "again") if name in asks)

    @property
    def provided(self) -> tuple[Control, ...]:
        """The records of what a feature, head or synth provides."""
        provides = self.declared("provides")
        return (provides,) if isinstance(provides, Control) else tuple(provides)

    def build(self, seed: int = 1) -> Any:
        """Return the component, its generators seeded, its scheduled options at their values."""
        options = self.options
        offered: dict[str, Any] = {"opt": options, "ctx": self.setting.ctx}
        offered |= {"width": self.setting.hidden.channels}
        offered |= {"inputs": self.served if self.component.kind == "backbone" else ()}
        with forked(seed, self.component.kind, self.component.name):
            built = self.component.build(**offered, features=())
        if isinstance(built, nn.Module):
            for name in self.component.scheduled:
                value = torch.tensor(float(getattr(options, name)))
                built.register_buffer(name, value, persistent=False)
        return built

    def inputs(self, seed: int = 1, items: int | None = None, frames: int | None = None) -> Values:
        """Return values for everything that the component is given, another draw for each seed."""
        controls = dict.fromkeys(self.compared, self.setting.signal)
        if self.component.kind != "loss" or "controls" in self.component.asks:
            controls |= {control.name: control for control in self.served}
        return {
            name: self.setting.example(control, 1000 * seed + place, items, frames)
            for place, (name, control) in enumerate(controls.items())
        }

    def differentiable(self, inputs: Mapping[str, Tensor]) -> list[str]:
        """Name the inputs that a gradient must reach: what it is told, not noise or numbers."""
        if self.component.kind == "loss" and "pred" in self.compared:
            return ["pred"]
        given = {control.name: control.unit for control in self.served}
        return [name for name in inputs if given.get(name) not in ("noise", "index")]

    def run(self, module: nn.Module, inputs: Mapping[str, Tensor]) -> Values:
        """Return by name what a module makes of its inputs."""
        return _RUNS[self.component.kind](self, module, inputs)

    def __str__(self) -> str:
        """Name the component: `loss mrstft`."""
        return f"{self.component.kind} {self.component.name}"


def copied(values: Mapping[str, Tensor]) -> Values:
    """Return values that nobody else can change."""
    return {name: value.clone() for name, value in values.items()}


def streams(subject: Subject) -> bool:
    """Whether a component can be run block by block, with its options as they are."""
    if parameters(subject.component.cls, "initial_state") is None:
        return False
    try:
        subject.build().initial_state(1, torch.device("cpu"))
    except UserError:
        return False
    return True


def _run_loss(subject: Subject, module: Any, inputs: Mapping[str, Tensor]) -> Values:
    offered: dict[str, Any] = {"controls": inputs, "batch": inputs, "step": 0}
    offered |= {name: inputs[name] for name in subject.compared}
    if "prepared" in subject.component.asks:
        offered["prepared"] = module.prepare(inputs["target"])
    return {"loss": module(**{name: offered[name] for name in subject.component.asks})}


def _run_head(subject: Subject, module: Any, inputs: Mapping[str, Tensor]) -> Values:
    return dict(module(inputs["hidden"]))


def _run_mapping(subject: Subject, module: Any, inputs: Mapping[str, Tensor]) -> Values:
    return dict(module(inputs))


def _run_to(name: str, subject: Subject, module: Any, inputs: Mapping[str, Tensor]) -> Values:
    return {name: module(inputs)}


def _run_synth(subject: Subject, module: Any, inputs: Mapping[str, Tensor]) -> Values:
    return {subject.provided[0].name: module(inputs)}


_RUNS: dict[str, Callable[[Subject, nn.Module, Mapping[str, Tensor]], Values]] = {
    "feature": _run_mapping,
    "backbone": partial(_run_to, "hidden"),
    "head": _run_head,
    "synth": _run_synth,
    "loss": _run_loss,
}
