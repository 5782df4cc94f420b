"""Wiring by name: which provider serves which need, and what is wrong, before any tensor."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from attrs import field, frozen

from ddspcore.controls import Control, clash

RUNNER = "runner"
ITEM = Control("item", unit="index", axis="clip")
"""The number of an item within its split: the runner puts it into every batch, as int64 [B]."""


@frozen
class Node:
    """One component's declarations, in pipeline order.

    `needs` are Controls, or bare names for a consumer that takes any record (a backbone).
    """

    kind: str
    label: str
    needs: tuple[Control, ...] | tuple[str, ...] = ()
    provides: tuple[Control, ...] = ()
    bind: Mapping[str, str] = field(factory=dict)

    @property
    def title(self) -> str:
        """Spell the node as messages do: `synth harmonic`; a lone kind has no label."""
        return f"{self.kind} {self.label}" if self.label != self.kind else self.kind


@frozen
class Wire:
    """A need and what serves it; `key` is the provider's name in the pipeline's controls."""

    node: Node
    need: str
    key: str
    provider: str
    control: Control


@frozen
class Fault:
    """A need that cannot be served: the node it belongs to, what is wrong, and hints."""

    node: Node
    message: str
    hints: tuple[str, ...] = ()


@frozen
class Provided:
    """A control that a node offers to those after it."""

    node: Node
    control: Control


@frozen
class Wiring:
    """Every wire, every fault, and what nobody consumes."""

    nodes: tuple[Node, ...]
    wires: tuple[Wire, ...]
    faults: tuple[Fault, ...]
    unused: tuple[Provided, ...]
    ambiguous: frozenset[str]

    @property
    def data(self) -> tuple[Node, ...]:
        """Source and features: what a batch holds before anything is predicted."""
        return _data(self.nodes)

    def of(self, kind: str, label: str) -> tuple[Wire, ...]:
        """Return the wires that end at a node, in the order of its needs."""
        return tuple(w for w in self.wires if (w.node.kind, w.node.label) == (kind, label))

    def key(self, label: str, name: str) -> str:
        """Return the name under which the pipeline keeps what `label` provides as `name`."""
        return f"{label}.{name}" if name in self.ambiguous else name


def wire(nodes: Sequence[Node]) -> Wiring:
    """Resolve every need against what comes before it.

    The number of an item is there before everything else.
    A synth that needs the signal it provides is served the sum so far. A name provided twice (other
    than a summed signal) serves nobody until `bind` chooses `label.name`.
    """
    ambiguous = frozenset(_twice(nodes))
    along = {control.axis for node in _data(nodes) for control in node.provides}
    runner = Node(RUNNER, RUNNER)
    scope = {ITEM.name: Provided(runner, ITEM)}
    wires: list[Wire] = []
    faults: list[Fault] = []
    for node in nodes:
        for need in _needs(node, scope):
            if isinstance(need, Control) and need.unit == "noise":
                found = _fill(node, need, along)
            else:
                found = _resolve(node, need, scope, ambiguous)
            (wires if isinstance(found, Wire) else faults).append(found)  # type: ignore[arg-type]
        for control in node.provides:
            key = f"{node.label}.{control.name}" if control.name in ambiguous else control.name
            earlier = scope.get(key)
            if earlier is not None:
                why = clash(earlier.control, control)
                if why:
                    message = f"{node.title} makes {control}, but {earlier.node.title} makes "
                    faults.append(Fault(node, f"{message}{earlier.control}: {why}"))
            scope[key] = Provided(node, control)
    used = {w.key for w in wires}
    last_synth = next((n for n in reversed(nodes) if n.kind == "synth"), None)
    signals = {c.name for c in last_synth.provides} if last_synth else set()
    unused = tuple(
        p for key, p in scope.items() if key not in used | signals and p.node is not runner
    )
    return Wiring(tuple(nodes), tuple(wires), tuple(faults), unused, ambiguous)


def _twice(nodes: Sequence[Node]) -> Iterator[str]:
    providers: dict[str, Node] = {}
    for node in nodes:
        for control in node.provides:
            first = providers.setdefault(control.name, node)
            if first is not node and not (first.kind == node.kind == "synth"):
                yield control.name


def _needs(node: Node, scope: Mapping[str, Provided]) -> tuple[Control | str, ...]:
    if node.kind == "backbone" and not node.needs:
        return tuple(key for key, p in scope.items() if p.control.axis == "frame")
    return node.needs


def _data(nodes: Iterable[Node]) -> tuple[Node, ...]:
    return tuple(node for node in nodes if node.kind in ("source", "feature"))


def _fill(node: Node, need: Control, along: Set[str]) -> Wire | Fault:
    """Let the runner serve a need of noise: as much as the data is long."""
    if need.axis == "clip" or need.axis in along:
        return Wire(node, need.name, f"{node.label}.{need.name}", RUNNER, need)
    message = (
        f"{node.title} needs {need}, but neither source nor features provide anything on the axis "
        f"{need.axis}, so nobody knows how much noise"
    )
    return Fault(node, message)


def _resolve(
    node: Node, need: Control | str, scope: Mapping[str, Provided], ambiguous: frozenset[str]
) -> Wire | Fault:
    name = need if isinstance(need, str) else need.name
    wanted = f'"{name}"' if isinstance(need, str) else str(need)
    key = node.bind.get(name, name)
    found = scope.get(key)
    if found is None:
        return Fault(
            node,
            f"{node.title} needs {wanted}, but {_absence(key, ambiguous)}",
            tuple(_hints(node, need, key, scope, ambiguous)),
        )
    if isinstance(need, Control):
        why = clash(need, found.control)
        if why:
            return Fault(
                node,
                f"{node.title} needs {need}, but {found.node.title} provides "
                f"{found.control}: {why}",
            )
    return Wire(node, name, key, found.node.title, found.control)


def _absence(key: str, ambiguous: frozenset[str]) -> str:
    if key in ambiguous:
        return f'several components provide "{key}"'
    return f'nothing before it provides "{key}"'


def _hints(
    node: Node,
    need: Control | str,
    key: str,
    scope: Mapping[str, Provided],
    ambiguous: frozenset[str],
) -> Iterator[str]:
    name = need if isinstance(need, str) else need.name
    if key in ambiguous:
        for choice in (k for k in scope if k.endswith(f".{key}")):
            yield f'bind = {{ {name} = "{choice}" }} chooses {scope[choice].node.title}'
        return
    if any(control.name == name for control in node.provides):
        yield f"put {node.title} after the synths whose {name} it replaces"
        return
    same = [
        k for k, p in scope.items() if isinstance(need, Control) and clash(need, p.control) is None
    ]
    close = difflib.get_close_matches(key, scope, n=1, cutoff=0.6)
    for choice in dict.fromkeys([*close, *same[:1]]):
        wanted = f'bind = {{ {name} = "{choice}" }}' if node.kind == "synth" else f'"{choice}"'
        yield f"did you mean {wanted}, {scope[choice].control} of {scope[choice].node.title}?"
