"""A document as a Recipe: every key known, every value of its type and range, every name found."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import attrs

from ddspcore.catalog import Catalog
from ddspcore.component import option_spec
from ddspcore.context import Context, RateError
from ddspcore.recipe.components import (
    build_options,
    check_name,
    fill,
    installed,
    title_of,
    use_component,
    written_options,
)
from ddspcore.recipe.gate import structure_gates
from ddspcore.recipe.moving import check_moving
from ddspcore.recipe.problems import Problem, RecipeError, closest, collect
from ddspcore.recipe.reading import Document
from ddspcore.recipe.resolving import plain
from ddspcore.recipe.schema import (
    Audio,
    EvaluatorUse,
    Guards,
    LossUse,
    MetricUse,
    Optimiser,
    Recipe,
    Stage,
    SynthUse,
    Use,
)
from ddspcore.recipe.series import find_axes, member_at, value_at
from ddspcore.recipe.tree import Node, bare, label
from ddspcore.recipe.values import convert, quoted, shown

VOCABULARY = (
    "title",
    "description",
    "extends",
    "seed",
    "device",
    "precision",
    "compile",
    "feature",
    "backbone",
    "head",
    "synth",
    "audio",
    "data",
    "metric",
    "evaluator",
    "optimiser",
    "guards",
    "stage",
    "gate",
    "each",
)
USES: dict[str, type[Use]] = {
    "feature": Use,
    "head": Use,
    "synth": SynthUse,
    "evaluator": EvaluatorUse,
}
NO_STAGES = ("scratch", "recipe", "lock")  # a start of its own; places in the run folder

U = TypeVar("U", bound=Use)
T = TypeVar("T")


def structure(document: Document, catalog: Catalog) -> Recipe:
    """Return the recipe that a document spells; RecipeError with every problem if it spells none.

    Problems come in the order of the text, file by file, those of `--set` last. Of a series this is
    its first member, and every value of `each` is checked beside the first ones of the others.
    """
    with collect() as problems:
        with problems.part():
            recipe = _series(document, catalog)
        problems.problems = list(dict.fromkeys(problems.problems))
        problems.problems.sort(key=lambda problem: _place(problem, document))
        problems.problems += document.problems
    return recipe


def _place(problem: Problem, document: Document) -> tuple[int, int]:
    path = problem.origin.source.path if problem.origin else None
    file = document.sources.index(path) if path else len(document.sources)
    start = problem.origin.start if problem.origin and path else None
    return file, start or 0


def _series(document: Document, catalog: Catalog) -> Recipe:
    """Structure the first member, and every value in the place of its key's first."""
    axes = find_axes(document)
    first = [0] * len(axes)
    each: dict[str, tuple[Any, ...]] = {}
    with collect() as problems:
        with problems.part():
            recipe = _recipe(member_at(document, axes, first).document.tree, catalog)
        for number, axis in enumerate(axes):
            values = []
            for index in range(len(axis.values)):
                place = [*first[:number], index, *first[number + 1 :]]
                with problems.part():
                    tree = member_at(document, axes, place).document.tree
                    found = value_at(plain(_recipe(tree, catalog)), axis.path)
                    values.append(bare(axis.values[index]) if found is None else found)
            each[axis.key] = tuple(values)
    return attrs.evolve(recipe, each=each)


def _recipe(root: Node, catalog: Catalog) -> Recipe:
    values: dict[str, Any] = {}
    with collect() as problems:
        with problems.part():
            values |= fill(root, written_options(Recipe), "the recipe", catalog, VOCABULARY)
        for key, make in USES.items():
            with problems.part():
                values[f"{key}s"] = _uses(root, key, make, catalog)
        for key, table in (("audio", Audio), ("optimiser", Optimiser), ("guards", Guards)):
            with problems.part():
                if key in root.value:
                    values[key] = _table(root.value[key], table, key, catalog)
        with problems.part():
            if "backbone" in root.value:
                values["backbone"] = use_component(root.value["backbone"], "backbone", Use, catalog)
        with problems.part():
            values["data"] = _single(root, "data", "source", Use, catalog)
        with problems.part():
            metric = _single(root, "metric", "evaluator", MetricUse, catalog)
            if "audio" in values or not problems.problems:
                values["metric"] = _with_key(metric, values.get("audio"), root.value["metric"])
        with problems.part():
            values["stages"] = _stages(root, catalog)
        with problems.part():
            if "gate" in root.value and "evaluators" in values:
                entries = _entries(root.value["gate"], "gate")
                rates = values["audio"].rates() if "audio" in values else {}
                values["gates"] = structure_gates(entries, values["evaluators"], rates, catalog)
    recipe = Recipe(**values)
    check_moving(recipe, _entries(root.value["stage"], "stage"))
    return recipe


def _single(root: Node, key: str, kind: str, make: type[U], catalog: Catalog) -> U:
    if key not in root.value:
        hint = f"add a table [{key}] that uses one of: {installed(kind, catalog)}"
        raise RecipeError([Problem(f"the recipe has no [{key}]", root.at, (hint,))])
    return use_component(root.value[key], kind, make, catalog)


def _table(node: Node, make: type[T], name: str, catalog: Catalog) -> T:
    values = fill(node, written_options(make), f"[{name}]", catalog, ())
    return build_options(make, values, node, f"[{name}]")


def _uses(table: Node, key: str, make: type[U], catalog: Catalog) -> tuple[U, ...]:
    if key not in table.value:
        return ()
    entries = _entries(table.value[key], key)
    uses = []
    with collect() as problems:
        for entry in entries:
            with problems.part():
                uses.append(use_component(entry, key, make, catalog))
        with problems.part():
            _refuse_doubles(entries, key)
    return tuple(uses)


def _entries(node: Node, key: str) -> list[Node]:
    if not isinstance(node.value, list):
        message = f"{key} must be a table or an array of tables, not {shown(node)}"
        raise RecipeError([Problem(message, node.at)])
    return node.value


def _refuse_doubles(entries: Iterable[Node], kind: str) -> None:
    """Refuse labels that a file system might not tell apart."""
    named: dict[str, Node] = {}
    with collect() as problems:
        for entry in entries:
            name = label(entry) if entry.is_table else None
            if name is None:
                continue
            node = entry.value.get("name") or entry.value["use"]
            first = named.setdefault(name.casefold(), node)
            if first is not node:
                hint = f"give one of them another name; the first is at {first.at}"
                problems.add(f'{kind} "{name}" is there twice', node.at, [hint])


def _with_key(metric: MetricUse, audio: Audio | None, table: Node) -> MetricUse:
    """Check which of the evaluator's metrics decides; by default, its first."""
    cls: Any = metric.component.cls
    title = title_of(table, "evaluator")
    try:
        declared = cls.metrics(metric.options, Context(audio.rates() if audio else {}))
    except RateError as error:
        raise RecipeError([Problem(f"{title}: {error}", metric.origin)]) from None
    names = [each.name for each in declared]
    if not names:
        raise RecipeError([Problem(f"{title} has no metric to decide by", metric.origin)])
    key = metric.key or names[0]
    if key not in names:
        hints = (*closest(key, names), f"allowed here: {', '.join(names)}")
        raise RecipeError([Problem(f'{title} has no metric "{key}"', table.value["key"].at, hints)])
    return attrs.evolve(metric, key=key)


def _stages(root: Node, catalog: Catalog) -> tuple[Stage, ...]:
    entries = _entries(root.value["stage"], "stage") if "stage" in root.value else []
    if not entries:
        raise RecipeError([Problem("the recipe has no [[stage]]", root.at)])
    names = [label(entry) if entry.is_table else None for entry in entries]
    stages = []
    with collect() as problems:
        for index, entry in enumerate(entries):
            with problems.part():
                stages.append(_stage(entry, names[:index], names[index:], catalog))
        with problems.part():
            _refuse_doubles(entries, "stage")
    return tuple(stages)


def _stage(
    table: Node, before: Sequence[str | None], after: Sequence[str | None], catalog: Catalog
) -> Stage:
    title = title_of(table, "stage")
    values: dict[str, Any] = {}
    with collect() as problems:
        with problems.part():
            check_name(table, NO_STAGES)
        with problems.part():
            keys = ("name", "steps", "lr", "loss")
            values |= fill(table, written_options(Stage), title, catalog, keys)
        if table.is_table:
            with problems.part():
                values["init"] = _start(table.value.get("init"), before, after)
            with problems.part():
                values["losses"] = _uses(table, "loss", LossUse, catalog)
                if not values["losses"]:
                    raise RecipeError([Problem(f"{title} has no [[stage.loss]]", table.key)])
    return Stage(**values)


def _start(node: Node | None, before: Sequence[str | None], after: Sequence[str | None]) -> str:
    """Check where a stage starts from; a file's path becomes absolute."""
    if node is None or not isinstance(node.value, str):
        return f"{before[-1]}:best" if before else "scratch"
    text = node.value
    starts = ["scratch", *(f"{name}:{which}" for name in before for which in ("best", "last"))]
    if text in starts:
        return text
    if text.endswith(".safetensors"):
        return str(convert(node, "init", Path, option_spec(attrs.fields(Stage).init)))
    name = text.rpartition(":")[0]
    message = f"init = {quoted(text)} is no place to start from"
    if name in after:
        message = f'init = {quoted(text)}, but stage "{name}" does not come before this one'
    hints = (*closest(text, starts), f"allowed here: {', '.join(starts)}, a .safetensors file")
    raise RecipeError([Problem(message, node.at, hints)])
