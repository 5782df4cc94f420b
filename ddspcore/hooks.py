"""What a plugin's hooks are and return, checked against the specifications."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import Any

import pluggy
from attrs import frozen

from ddspcore import hookspecs
from ddspcore.component import Component, Kind, component_of

DECLARES: dict[str, Kind] = {
    "ddsp_sources": "source",
    "ddsp_features": "feature",
    "ddsp_backbones": "backbone",
    "ddsp_heads": "head",
    "ddsp_synths": "synth",
    "ddsp_losses": "loss",
    "ddsp_schedules": "schedule",
    "ddsp_evaluators": "evaluator",
    "ddsp_exporters": "exporter",
}


class ContractError(Exception):
    """A plugin's hooks are not what the specifications ask for; the message is the reason."""


@frozen
class Implementation:
    """A plugin's function for a hook, and those of the hook's arguments that it asks for."""

    hook: str
    function: Callable[..., Any]
    arguments: tuple[str, ...]


def implementations(module: object) -> list[Implementation]:
    """Return a plugin's hook implementations, by hook; ContractError if one is wrong."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module)
    except pluggy.PluginValidationError as error:
        raise ContractError(" ".join(str(error).split())) from None
    found = []
    for caller in manager.get_hookcallers(module) or ():
        for implementation in caller.get_hookimpls():
            if not caller.has_spec():
                if not implementation.optionalhook:
                    raise ContractError(_unknown_hook(caller.name, manager))
            elif implementation.wrapper or implementation.hookwrapper:
                raise ContractError(f"{caller.name} is a wrapper; ddspcore calls hooks one by one")
            else:
                found.append(
                    Implementation(caller.name, implementation.function, implementation.argnames)
                )
    return sorted(found, key=lambda each: each.hook)


def declared_components(found: Iterable[Implementation]) -> list[Component]:
    """Call the declarative hooks and return their components; ContractError if one is wrong."""
    components = [
        component
        for each in found
        if each.hook in DECLARES
        for component in _components(each.hook, each.function)
    ]
    for (kind, name), count in Counter((each.kind, each.name) for each in components).items():
        if count > 1:
            raise ContractError(f'it has {count} {kind} components named "{name}"')
    return components


def _unknown_hook(name: str, manager: pluggy.PluginManager) -> str:
    known = [hook for hook in vars(manager.hook) if getattr(manager.hook, hook).has_spec()]
    close = get_close_matches(name, known, n=1)
    return f"unknown hook {name}" + (f"; did you mean {close[0]}?" if close else "")


def _components(hook: str, function: Callable[[], Iterable[type]]) -> Iterator[Component]:
    kind = DECLARES[hook]
    try:
        returned: object = function()
        offered = list(returned) if isinstance(returned, Iterable) else returned
    except (Exception, SystemExit) as error:
        raise ContractError(f"{hook} raised {one_line(error)}") from error
    if not isinstance(offered, list) or isinstance(returned, str):
        shown = returned.__name__ if isinstance(returned, type) else repr(returned)
        raise ContractError(f"{hook} returned {shown}, not a list of classes")
    for cls in offered:
        shown = cls.__qualname__ if isinstance(cls, type) else repr(cls)
        component = component_of(cls) if isinstance(cls, type) else None
        if component is None:
            raise ContractError(f"{hook} returned {shown}, which is not marked with @{kind}")
        if component.kind != kind:
            marks = f"marked with @{component.kind}, not @{kind}"
            raise ContractError(f"{hook} returned {shown}, which is {marks}")
        yield component


def why_empty(module: object) -> str:
    """Say why a module has no hooks: usually a forgotten `@hookimpl`."""
    unmarked = [name for name in dir(module) if name.startswith("ddsp_")]
    if unmarked:
        return f"mark {', '.join(unmarked)} with @hookimpl"
    return "it has no hooks"


def one_line(error: BaseException) -> str:
    """Return an error as its class and the first line of its message."""
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
