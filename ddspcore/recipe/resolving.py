"""A recipe written back, defaults filled and names qualified; and what identifies its run."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from ddspcore.recipe.components import CONSTANT, written_options
from ddspcore.recipe.reading import Document
from ddspcore.recipe.schema import Recipe, ScheduleUse, Stage, Use
from ddspcore.recipe.tree import Node, written
from ddspcore.recipe.writing import write_document, write_value

NOT_HASHED = ("title", "description", "device")
A_PATH = "<path>"


def to_toml(recipe: Recipe) -> str:
    """Write a recipe as TOML that says all of it; structuring that gives an equal recipe."""
    return write_document(_plain(recipe))


def canonical(recipe: Recipe) -> dict[str, Any]:
    """Return what decides a run's numbers, as JSON can hold it, with sorted keys.

    Left out are title, description and device; of a path, only that there is one: what it leads to
    is to be identified by its content.
    """
    table: dict[str, Any] = _hashable(_plain(recipe))
    return {key: value for key, value in table.items() if key not in NOT_HASHED}


def origins_table(document: Document) -> list[tuple[str, str, str]]:
    """Return every leaf that was written: its path, its value as TOML, and where it stands."""
    return [(path, write_value(_bare(node)), str(node.at)) for path, node in written(document.tree)]


def _bare(node: Node) -> Any:
    if node.is_table:
        return {key: _bare(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [_bare(child) for child in node.value]
    return node.value


def _plain(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as the tables that a file would hold; paths stay Paths."""
    return {
        **_own(recipe),
        **({"audio": _own(recipe.audio)} if recipe.audio else {}),
        "data": _use(recipe.data),
        "feature": [_use(use) for use in recipe.features],
        **({"backbone": _use(recipe.backbone)} if recipe.backbone else {}),
        "head": [_use(use) for use in recipe.heads],
        "synth": [_use(use) for use in recipe.synths],
        "metric": _use(recipe.metric),
        "evaluator": [_use(use) for use in recipe.evaluators],
        "optimiser": _own(recipe.optimiser),
        "guards": _own(recipe.guards),
        "stage": [_stage(stage) for stage in recipe.stages],
    }


def _stage(stage: Stage) -> dict[str, Any]:
    init = Path(stage.init) if stage.init.endswith(".safetensors") else stage.init
    return _own(stage) | {"init": init, "loss": [_use(use) for use in stage.losses]}


def _use(use: Use) -> dict[str, Any]:
    own = _own(use)
    if use.name == use.component.name:
        del own["name"]
    return {"use": use.qualified} | own | _options(use.options)


def _own(value: Any) -> dict[str, Any]:
    """Return what the recipe itself says, but for empty values: each of these is the default."""
    attributes = written_options(type(value))
    return {key: each for key, each in _entries(value, attributes) if each not in ("", (), {})}


def _options(options: Any) -> dict[str, Any]:
    return dict(_entries(options, attrs.fields(type(options))))


def _entries(value: Any, attributes: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Yield what TOML can say; a None, which it cannot, is always the default."""
    for attribute in attributes:
        entry = _entry(getattr(value, attribute.name))
        if entry is not None:
            yield attribute.name, entry


def _entry(value: Any) -> Any:
    if isinstance(value, ScheduleUse):
        if value.qualified == CONSTANT:
            return value.value.value
        return {"use": value.qualified} | _options(value.value)
    return value


def _hashable(value: Any) -> Any:
    match value:
        case dict():
            return {key: _hashable(value[key]) for key in sorted(value)}
        case list() | tuple():
            return [_hashable(item) for item in value]
        case Path():
            return A_PATH
        case _:
            return value
