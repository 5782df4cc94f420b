"""A recipe as written: values that know where they stand, and how one recipe overrides another."""

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve, frozen

from ddspcore.recipe.locating import KeyPath, Span
from ddspcore.recipe.problems import Origin, Problem, RecipeError, Source

ARRAYS = ("feature", "head", "synth", "evaluator", "stage", "gate")
ARRAYS_OF_A_STAGE = ("loss",)
KEPT = ("name", "weight", "every", "items")  # how the recipe uses a component, whichever it is
LARGEST = 2**63 - 1


@frozen
class Node:
    """A value, where it was written, and where the key that introduced it was.

    `value` is a dict or a list of Nodes, or what tomllib makes of a leaf.
    """

    value: Any
    key: Origin
    at: Origin

    @property
    def is_table(self) -> bool:
        """Whether the value is a table."""
        return isinstance(self.value, dict)


def plant(
    value: Any, spans: Mapping[KeyPath, Span], source: Source, path: KeyPath = (), shift: int = 0
) -> Node:
    """Return what tomllib read as Nodes; spans are moved by `shift` characters.

    Raises RecipeError for an integer that a TOML reader need not take.
    """
    span = spans.get(path)
    origins = [Origin(source), Origin(source)]
    if span:
        origins = [Origin(source, s + shift, e + shift) for s, e in (span.key, span.value)]
    if isinstance(value, dict):
        value = {k: plant(v, spans, source, (*path, k), shift) for k, v in value.items()}
    elif isinstance(value, list):
        value = [plant(v, spans, source, (*path, i), shift) for i, v in enumerate(value)]
    elif isinstance(value, int) and not -LARGEST <= value <= LARGEST:
        raise RecipeError([Problem("this integer does not fit in 64 bits", origins[1])])
    return Node(value, *origins)


def listed(root: Node) -> Node:
    """Return a recipe whose arrays of tables are arrays, even where one table stood alone."""
    root = _listed(root, ARRAYS)
    stages = root.value.get("stage")
    if stages is None or not is_array_of_tables(stages):
        return root
    each = [_listed(stage, ARRAYS_OF_A_STAGE) for stage in stages.value]
    return evolve(root, value=root.value | {"stage": evolve(stages, value=each)})


def _listed(table: Node, keys: Iterable[str]) -> Node:
    single = {k: v for k, v in table.value.items() if k in keys and v.is_table}
    return evolve(table, value=table.value | {k: evolve(v, value=[v]) for k, v in single.items()})


def merge(base: Node, over: Node) -> Node:
    """Return `base` overridden by `over`.

    Tables merge by key, arrays of tables by label, anything else is replaced. A table that changes
    `use` drops what belonged to the component it replaces.
    """
    if base.is_table and over.is_table:
        kept = base.value
        if _use(base) is not None and _use(over) not in (None, _use(base)):
            kept = {key: node for key, node in kept.items() if key in KEPT}
        merged = {
            key: merge(kept[key], node) if key in kept else node for key, node in over.value.items()
        }
        return evolve(over, value=kept | merged)
    if is_array_of_tables(base) and is_array_of_tables(over):
        return evolve(over, value=_merge_by_label(base.value, over.value))
    return over


def _merge_by_label(base: list[Node], over: list[Node]) -> list[Node]:
    """Override the entry of each label in place; append the others, doubles too."""
    merged = list(base)
    places = {label(node): index for index, node in reversed(list(enumerate(base)))}
    for node in over:
        index = None if label(node) is None else places.pop(label(node), None)
        if index is None:
            merged.append(node)
        else:
            merged[index] = merge(merged[index], node)
    return merged


def label(table: Node) -> str | None:
    """Return what a table is called by: its `name`, or else its `use` without the plugin.

    A gate without a name is called by its metric, then `at_least`, `median` and its split.
    """
    name = table.value.get("name")
    if name is not None:
        return name.value if isinstance(name.value, str) else None
    use = _use(table)
    if use is None and "metric" in table.value:
        return _gate_label(table)
    return use.rpartition(":")[2] if use is not None else None


def _gate_label(gate: Node) -> str | None:
    said = {key: node.value for key, node in gate.value.items() if isinstance(node.value, str)}
    if "metric" not in said:
        return None
    least = "at_least" if "at_least" in gate.value else ""
    median = "median" if said.get("over") == "median" else ""
    return ".".join(filter(None, (said["metric"], least, median, said.get("split"))))


def is_array_of_tables(node: Node) -> bool:
    """Whether the value is an array with items, all of them tables."""
    return isinstance(node.value, list) and bool(node.value) and all(n.is_table for n in node.value)


def bare(node: Node) -> Any:
    """Return what was written, without places."""
    if node.is_table:
        return {key: bare(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [bare(child) for child in node.value]
    return node.value


def _use(table: Node) -> str | None:
    use = table.value.get("use")
    return use.value if use is not None and isinstance(use.value, str) else None


def written(node: Node, path: str = "") -> Iterable[tuple[str, Node]]:
    """Yield every leaf with the path by which `--set` addresses it."""
    if node.is_table and node.value:
        for key, child in node.value.items():
            yield from written(child, f"{path}.{key}" if path else key)
    elif is_array_of_tables(node):
        for index, child in enumerate(node.value):
            yield from written(child, f"{path}.{label(child) or index}")
    else:
        yield path, node
