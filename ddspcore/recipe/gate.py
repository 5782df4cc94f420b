"""Gates: every one asks for a number that the run will have."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ddspcore.catalog import Catalog
from ddspcore.context import Context, RateError
from ddspcore.metric import Metric
from ddspcore.recipe.components import build_options, fill, title_of, written_options
from ddspcore.recipe.problems import Problem, RecipeError, closest, collect
from ddspcore.recipe.schema import COURSE, Gate, Use
from ddspcore.recipe.tree import Node

KIND = "gate"


def structure_gates(
    entries: Sequence[Node],
    evaluators: Sequence[Use],
    rates: Mapping[str, float],
    catalog: Catalog,
) -> tuple[Gate, ...]:
    """Return the gates that these tables spell; RecipeError with every problem."""
    gates = []
    with collect() as problems:
        for entry in entries:
            with problems.part():
                gate = _gate(entry, catalog)
                _check_measured(gate, entry, evaluators, rates)
                gates.append(gate)
    return tuple(gates)


def _gate(table: Node, catalog: Catalog) -> Gate:
    title = title_of(table, KIND)
    values = fill(table, written_options(Gate), title, catalog, ())
    return build_options(Gate, values, table, title)


def _check_measured(
    gate: Gate, table: Node, evaluators: Sequence[Use], rates: Mapping[str, float]
) -> None:
    if gate.metric in COURSE:
        return
    try:
        declared = list(_declared(evaluators, Context(rates)))
    except RateError:
        return  # assembly says it of the evaluator itself
    for label, metric in declared:
        if metric.covers(gate.metric) or metric.covers(gate.metric.removeprefix(f"{label}/")):
            return
    names = [*dict.fromkeys(metric.name for _, metric in declared), *COURSE]
    message = f'no evaluator of this recipe measures "{gate.metric}"'
    hints = (*closest(gate.metric, names), f"allowed here: {', '.join(names)}")
    raise RecipeError([Problem(message, table.value["metric"].at, hints)])


def _declared(evaluators: Sequence[Use], ctx: Context) -> Iterator[tuple[str, Metric]]:
    """Yield every metric with the label of its evaluator."""
    for use in evaluators:
        cls: Any = use.component.cls
        for metric in cls.metrics(use.options, ctx):
            yield use.name, metric
