"""A class that breaks its kind's contract is refused where it is defined, in words to act on."""

from pathlib import Path
from typing import Literal

import attrs
import pytest
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
from ddspcore.component import Component, DefinitionError, component_of
from ddspcore.contracts import LOSS_INPUTS, listed


def loss_with(options, forward=lambda self, pred: pred.mean(), name="mel-shape"):
    body = {"__doc__": "Compare.", "Options": options, "forward": forward}
    return loss(name)(type("MelShape", (nn.Module,), body))


def options_with(**fields):
    kinds = {name: kind for name, (kind, _) in fields.items()}
    values = {name: value for name, (_, value) in fields.items()}
    return attrs.frozen(type("Options", (), {"__annotations__": kinds} | values))


def test_a_component_carries_its_record_and_stays_the_class_it_was():
    @loss("mel-shape")
    class MelShape(nn.Module):
        """Compare shapes.

        At length.
        """

        @attrs.frozen
        class Options:
            bands: int = option(64, ge=8, help="mel bands")
            floor: float = option(1e-5, help="added before the logarithm", scheduled=True)

        def __init__(self, opt, ctx):
            super().__init__()
            self.bands = opt.bands

        def forward(self, pred, target):
            return (pred - target).abs().mean()

    record = component_of(MelShape)
    assert record == Component("loss", "mel-shape", MelShape, MelShape.Options, "Compare shapes.")
    assert record.scheduled == ("floor",)
    assert record.asks == ("pred", "target")
    assert record.build(opt=MelShape.Options(bands=9), ctx=None, width=3).bands == 9


def test_a_component_without_options_or_constructor_needs_neither():
    @loss("mse")
    class Mse(nn.Module):
        """Compare."""

        def forward(self, pred, target):
            return (pred - target).square().mean()

    assert isinstance(component_of(Mse).build(opt=None, ctx=None), Mse)


def test_a_child_is_no_component_by_accident_but_inherits_options():
    @loss("parent")
    class Parent(nn.Module):
        """Compare."""

        @attrs.frozen
        class Options:
            bands: int = option(64, help="bands")

        def forward(self, pred):
            return pred.mean()

    class Child(Parent):
        """Compare better."""

    assert component_of(Child) is None
    assert component_of(loss("child")(Child)).options is Parent.Options


def test_names_and_docstrings_are_what_users_see():
    class Bare:
        def forward(self, pred):
            return pred.mean()

    with pytest.raises(DefinitionError) as error:
        loss("Mel Shape")(Bare)
    assert str(error.value).endswith('the name "Mel Shape" is not like "loudness-db" or "mss.v2"')
    with pytest.raises(DefinitionError) as error:
        loss("bare")(Bare)
    assert str(error.value).endswith("give it a docstring; its first line is shown to users")


TYPES = (
    "; use bool, int, float, str, Path, Literal[...], tuple[...] of these, or one of them | None"
)


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        (int, 3, "is not declared with option(..., help=...)"),
        (int, option(3, help=" "), "has an empty help text"),
        (dict, option(help="table"), f"has the type dict{TYPES}"),
        (list[int], option(help="numbers"), f"has the type list[int]{TYPES}"),
        (int | str, option(help="either"), f"has the type int | str{TYPES}"),
        (int, option(0, ge=1, help="few"), "has the default 0, which is out of range: >= 1"),
        (
            float,
            option(float("nan"), help="odd"),
            "has the default nan, which is out of range: a finite number",
        ),
        (int, option(3.0, help="few"), "has the default 3.0, which is no int"),
        (bool, option(1, help="whether"), "has the default 1, which is no bool"),
        (
            tuple[int, ...],
            option((1, 2.5), help="sizes"),
            "has the default (1, 2.5), which is no tuple[int, ...]",
        ),
        (
            Literal["a", "b"],
            option("c", help="which"),
            "has the default 'c', which is no typing.Literal['a', 'b']",
        ),
        (int, option(3, help="n", scheduled=True), "is scheduled, so it must be a float"),
    ],
)
def test_an_option_is_checked_where_it_is_declared(kind, value, problem):
    with pytest.raises(DefinitionError) as error:
        loss_with(options_with(bands=(kind, value)))
    assert str(error.value) == f"loss MelShape: option bands {problem}"


@pytest.mark.parametrize("name", ["use", "name", "weight", "bind", "every", "items", "key"])
def test_what_belongs_to_the_recipe_is_no_option(name):
    with pytest.raises(DefinitionError, match="belongs to the recipe; rename it"):
        loss_with(options_with(**{name: (int, option(1, help="n"))}))


@pytest.mark.parametrize("name", ["half", "training", "forward"])
def test_a_scheduled_option_hides_nothing_that_a_module_has(name):
    with pytest.raises(DefinitionError) as error:
        loss_with(options_with(**{name: (float, option(1.0, help="n", scheduled=True))}))
    assert str(error.value) == (
        f"loss MelShape: option {name} is scheduled, so it would hide MelShape.{name}; rename it"
    )


def test_what_does_not_run_in_every_step_has_no_scheduled_option():
    class Watch(nn.Module):
        """Watch."""

        Options = options_with(gain=(float, option(1.0, help="n", scheduled=True)))

    with pytest.raises(DefinitionError) as error:
        feature("watch")(Watch)
    assert "only a backbone, head, synth or loss runs in every step" in str(error.value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (bool, option(True, help="whether")),
        (float, option(1, help="how much")),
        (Path, option(Path("a"), help="where")),
        (Path | None, option(None, help="where")),
        (tuple[int, float], option((1, 2), help="both")),
        (tuple[str, ...], option((), help="all")),
        (Literal["a", 3], option(3, help="which")),
        (str, option(help="required")),
    ],
)
def test_every_type_of_the_contract_is_accepted(kind, value):
    loss_with(options_with(bands=(kind, value)))


def test_options_must_be_frozen():
    mutable = attrs.define(type("Options", (), {"__annotations__": {"bands": int}}))
    for options in (mutable, type("Options", (), {})):
        with pytest.raises(DefinitionError, match=r"nested class Options with @attrs\.frozen"):
            loss_with(options)


def refused(decorator, body):
    with pytest.raises(DefinitionError) as error:
        decorator("thing")(type("Thing", (nn.Module,), {"__doc__": "Do."} | body))
    return str(error.value)


def two(opt, ctx):
    return ()


STATIC = {"needs": staticmethod(two), "provides": staticmethod(two), "metrics": staticmethod(two)}


@pytest.mark.parametrize(
    ("decorator", "body", "message"),
    [
        (
            synth,
            {**STATIC, "forward": two, "__init__": lambda self, opt, ctx, width: None},
            "synth Thing: its constructor may ask for opt and ctx, not width",
        ),
        (synth, STATIC, "synth Thing: define forward"),
        (
            synth,
            {"needs": staticmethod(two), "provides": two, "forward": two},
            "synth Thing: declare a static method provides(opt, ctx)",
        ),
        (
            head,
            {"provides": staticmethod(lambda opt: ()), "forward": two},
            "head Thing: declare a static method provides(opt, ctx)",
        ),
        (
            loss,
            {"forward": lambda self, pred, truth: None},
            "loss Thing: forward may ask for pred, target, controls, batch, step, prepared "
            "and again, not truth",
        ),
        (
            loss,
            {"forward": lambda self, controls: None},
            "loss Thing: forward asks for controls: declare a static method needs(opt, ctx)",
        ),
        (
            loss,
            {"forward": lambda self, prepared: None},
            "loss Thing: forward asks for prepared: define prepare(self, target)",
        ),
        (
            loss,
            {"forward": lambda self, *everything: None},
            f"loss Thing: forward asks for nothing: name some of {listed(LOSS_INPUTS)}",
        ),
        (
            source,
            {
                "count": two,
                "batch": two,
                "provides": staticmethod(two),
                "target": staticmethod(two),
                "lengths": lambda self: {},
            },
            "source Thing: declare a static method lengths(opt, ctx)",
        ),
        (evaluator, {}, "evaluator Thing: declare a static method metrics(opt, ctx)"),
        (schedule, {}, "schedule Thing: put @schedule above @attrs.frozen"),
    ],
)
def test_a_contract_is_checked_where_the_class_is_defined(decorator, body, message):
    assert refused(decorator, body) == message


@pytest.mark.parametrize("mark", [feature, backbone, head, synth, loss])
def test_what_is_trained_moved_and_saved_is_a_module(mark):
    with pytest.raises(DefinitionError) as error:
        mark("plain")(type("Plain", (), {"__doc__": "Do it."}))
    assert "derive it from torch.nn.Module" in str(error.value)


def test_a_mark_without_a_name_or_on_no_class_says_what_to_write():
    with pytest.raises(DefinitionError, match=r'write @loss\("name"\) above the class'):
        loss(type("Plain", (nn.Module,), {"__doc__": "Compare."}))
    with pytest.raises(DefinitionError, match=r"@loss marks a class, not <function two"):
        loss("two")(two)


def test_a_schedule_is_called_with_step_and_total_and_has_an_example():
    @attrs.frozen
    class Still:
        """Stay."""

        def __call__(self, step):
            return 0.0

    with pytest.raises(DefinitionError, match=r"define __call__\(self, step, total\)"):
        schedule("still")(Still)

    @attrs.frozen
    class Lone:
        """Stay."""

        def __call__(self, step, total):
            return 0.0

    with pytest.raises(DefinitionError, match="that returns an instance"):
        schedule("lone")(Lone)


def test_a_value_out_of_range_names_the_option_and_the_range():
    options = options_with(size=(tuple[int, ...], option((1,), ge=1, lt=9, help="sizes")))
    with pytest.raises(OptionError) as error:
        options(size=(3, 9))
    assert (error.value.field, error.value.text) == (
        "size",
        "(3, 9) is out of range: >= 1, < 9",
    )
    with pytest.raises(OptionError, match="inf is out of range: a finite number"):
        options_with(gain=(float, option(help="gain")))(gain=float("inf"))
    with pytest.raises(TypeError, match="positional"):
        options((3,))


@pytest.mark.parametrize(
    ("direction", "value", "best", "better"),
    [("lower", 1.0, 2.0, True), ("higher", 1.0, 2.0, False), ("lower", float("nan"), None, False)],
)
def test_a_metric_knows_its_better_direction(direction, value, best, better):
    assert Metric("m", "db", direction, "help").better(value, best) is better


@pytest.mark.parametrize("alone", ["initial_state", "step"])
def test_half_of_what_streaming_needs_is_refused(alone):
    body = {"__doc__": "Play.", "forward": lambda self, controls: controls}
    body |= {what: staticmethod(lambda opt, ctx: ()) for what in ("needs", "provides")}
    body[alone] = lambda self, first, second: None
    with pytest.raises(DefinitionError) as error:
        synth("half")(type("Half", (nn.Module,), body))
    wanted = f"to stream, it needs initial_state and step, not {alone} alone"
    assert str(error.value) == f"synth Half: {wanted}"
