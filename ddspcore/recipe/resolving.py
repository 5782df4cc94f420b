"""A recipe written back, defaults filled and names qualified; and what identifies its run."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from ddspcore.recipe.components import CONSTANT, written_options
from ddspcore.recipe.reading import Document
from ddspcore.recipe.schema import Recipe, ScheduleUse, Stage, Use
from ddspcore.recipe.tree import bare, written
from ddspcore.recipe.values import describe
from ddspcore.recipe.writing import Commented, write_document, write_value

NOT_HASHED = ("title", "description", "device", "gate", "each")
A_PATH = "<path>"


def to_toml(recipe: Recipe, *, commented: bool = False) -> str:
    """Write a recipe as TOML that says all of it; structuring that gives an equal recipe.

    With comments, each option has its help, range and unit beside it, and what is unset is there as
    a comment.
    """
    return write_document(_commented(recipe) if commented else plain(recipe))


def canonical(recipe: Recipe) -> dict[str, Any]:
    """Return what decides a run's numbers, as JSON can hold it, with sorted keys.

    Left out are title, description, device, gates and `each`; of a path, only that there is one:
    what it leads to is to be identified by its content.
    """
    table: dict[str, Any] = _hashable(plain(recipe))
    return {key: value for key, value in table.items() if key not in NOT_HASHED}


def origins_table(document: Document) -> list[tuple[str, str, str]]:
    """Return every leaf that was written: its path, its value as TOML, and where it stands."""
    return [(path, write_value(bare(node)), str(node.at)) for path, node in written(document.tree)]


def plain(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as the tables that a file would hold; paths stay Paths."""
    table: dict[str, Any] = _without_comments(_commented(recipe))
    return table


def _without_comments(value: Any) -> Any:
    match value:
        case dict():
            plain = {key: _without_comments(each) for key, each in value.items()}
            return {key: each for key, each in plain.items() if each is not None}
        case list():
            return [_without_comments(each) for each in value]
        case Commented():
            return value.value
        case _:
            return value


def _commented(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as the tables of a file, with comments; paths stay Paths."""
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
        "gate": [_own(gate) for gate in recipe.gates],
        **({"each": dict(recipe.each)} if recipe.each else {}),
    }


def _stage(stage: Stage) -> dict[str, Any]:
    own = _own(stage)
    if stage.init.endswith(".safetensors"):
        own["init"] = attrs.evolve(own["init"], value=Path(stage.init))
    return own | {"loss": [_use(use) for use in stage.losses]}


def _use(use: Use) -> dict[str, Any]:
    own = _own(use)
    if use.name == use.component.name:
        del own["name"]
    return {"use": Commented(use.qualified, use.component.doc)} | own | _options(use.options)


def _own(value: Any) -> dict[str, Any]:
    """Return what the recipe itself says, but for empty values: each of these is the default."""
    entries = _entries(value, written_options(type(value)))
    return {
        key: attrs.evolve(entry, value=None) if entry.value in ("", (), {}) else entry
        for key, entry in entries
    }


def _options(options: Any) -> dict[str, Any]:
    return dict(_entries(options, attrs.fields(type(options))))


def _entries(value: Any, attributes: Sequence[Any]) -> Iterator[tuple[str, Commented]]:
    """Yield every option; a None, which TOML cannot say, is always the default."""
    for attribute in attributes:
        comment = describe(attribute).removeprefix(f"{attribute.name}: ")
        yield attribute.name, Commented(_entry(getattr(value, attribute.name)), comment)


def _entry(value: Any) -> Any:
    if isinstance(value, ScheduleUse):
        if value.qualified == CONSTANT:
            return value.value.value
        schedule: dict[str, Any] = {"use": value.qualified} | _options(value.value)
        return _without_comments(schedule)
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
