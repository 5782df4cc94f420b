"""Discovery: find what is installed, load it in isolation, classify what it offers.

Each step turns plugins into plugins; one that something is wrong with passes through the later
steps untouched. Nothing a plugin does at import stops the program: what is wrong is its `state`.
"""

import functools
import importlib
import importlib.metadata
import os
import re
import sys
import traceback
import types
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal

from attrs import evolve, field, frozen

from ddspcore import hookspecs
from ddspcore.component import Component
from ddspcore.contracts import listed
from ddspcore.hooks import (
    DECLARES,
    ContractError,
    declared_components,
    implementations,
    one_line,
    why_empty,
)
from ddspcore.isolation import isolated

State = Literal["ok", "broken", "incompatible", "blocked"]

CORE = "core"
CORE_PACKAGE = "ddspcore"
API_GROUP = re.compile(r"ddspcore\.v(\d+)")
API = int(hookspecs.GROUP.removeprefix("ddspcore.v"))


@frozen
class Plugin:
    """One installed plugin or local file, whatever its state.

    `package` and `version` are its distribution's, None for a local file; `target` is the entry
    point's value or the file's path; `asked` is the id that it would have if no other plugin had
    it too. `reason` is one line; `traceback` is what a crash left.
    """

    name: str
    target: str
    package: str | None = None
    version: str | None = None
    state: State = "ok"
    reason: str = ""
    traceback: str = field(default="", repr=False)
    note: str = ""
    asked: str = ""
    components: tuple[Component, ...] = ()
    observes: tuple[str, ...] = ()
    module: object = field(default=None, eq=False, repr=False)

    def __str__(self) -> str:
        """Name the plugin and where it comes from: `fm (ddsp-synth-fm 0.2.1)`."""
        origin = f"{self.package} {self.version}" if self.package else self.target
        return f"{self.name} ({origin})"


def discover(block: Iterable[str] = (), local: Iterable[Path] = ()) -> tuple[Plugin, ...]:
    """Return every plugin that is installed or given as a file: core first, then by name.

    Those in `block` or in the environment variable DDSP_BLOCK (comma-separated; an id or a
    distribution's name) are not imported, nor are those for another version of the plugin API.
    """
    return tuple(classify(load(plugin)) for plugin in find(block, local))


def find(block: Iterable[str] = (), local: Iterable[Path] = ()) -> tuple[Plugin, ...]:
    """List the plugins and judge them by their metadata alone; imports nothing."""
    blocked = {*block, *re.split(r"[,\s]+", os.environ.get("DDSP_BLOCK", ""))}
    files = [Plugin(path.stem, str(path)) for path in {path.resolve(): None for path in local}]
    declared = [plugin for dist in _distributions() for plugin in _entry_points(dist)] + files
    # Blocking a package by its own name gives the id that it shares back to the others.
    wanted = Counter(plugin.name for plugin in declared if plugin.package not in blocked)
    found: list[Plugin] = []
    for plugin in declared:
        rivals = wanted[plugin.name] - (plugin.package not in blocked)
        unique = _renamed(plugin, rivals)
        if unique.state != "broken" and unique.name in {other.name for other in found}:
            unique = _broken(unique, f'another plugin is named "{unique.name}" too')
        if blocked & {plugin.name, unique.name, plugin.package}:
            unique = evolve(unique, state="blocked", reason="--block or DDSP_BLOCK names it")
        found.append(unique)
    return tuple(sorted(found, key=lambda plugin: (plugin.name != CORE, plugin.name)))


def _distributions() -> Iterator[importlib.metadata.Distribution]:
    """Yield the distributions with plugins; of two copies the first on the path, as imports do."""
    seen = set()
    for dist in importlib.metadata.distributions():
        if "ddspcore.v" in (dist.read_text("entry_points.txt") or ""):
            name = re.sub(r"[-_.]+", "-", _package(dist)).lower()
            if name not in seen:
                seen.add(name)
                yield dist


def _package(dist: importlib.metadata.Distribution) -> str:
    return dist.metadata["Name"] or "unknown"  # what is left of a half-removed package has no name


def _entry_points(dist: importlib.metadata.Distribution) -> Iterator[Plugin]:
    """Yield what a distribution declares; of one name for several APIs, the one for ours."""
    package, version = _package(dist), dist.version
    try:
        points = [(int(m[1]), p) for p in dist.entry_points if (m := API_GROUP.fullmatch(p.group))]
    except Exception as error:
        broken = Plugin(package, "entry_points.txt", package, version)
        yield _broken(broken, f"its entry_points.txt cannot be read: {one_line(error)}")
        return
    by_name = {p.name: (api, p) for api, p in sorted(points, key=lambda each: each[0] == API)}
    for name, (api, point) in by_name.items():
        plugin = Plugin(name, point.value, package, version)
        if api != API:
            reason = f"built for plugin API {api}, this ddspcore speaks {API}"
            plugin = evolve(plugin, state="incompatible", reason=reason)
        yield plugin


def _renamed(plugin: Plugin, rivals: int) -> Plugin:
    if plugin.name == CORE:
        if plugin.package == CORE_PACKAGE:
            return plugin
        why = f'the name "{CORE}" is reserved for the built-ins'
    elif rivals:
        why = f'another plugin is named "{plugin.name}" too'
    else:
        return plugin
    if plugin.package is None:
        return _broken(plugin, f"{why}; rename the file") if plugin.name == CORE else plugin
    note = f"{why}; this one goes by its package's name"
    return evolve(plugin, name=plugin.package, asked=plugin.name, note=note)


def _guarded(step: Callable[[Plugin], Plugin]) -> Callable[[Plugin], Plugin]:
    """Let a step run a plugin's code: whatever that raises makes the plugin broken."""

    @functools.wraps(step)
    def attempt(plugin: Plugin) -> Plugin:
        if plugin.state != "ok":
            return plugin
        changed: list[str] = []
        try:
            with isolated(changed):
                taken = step(plugin)
        except KeyboardInterrupt:
            raise
        except ContractError as error:
            taken = _broken(plugin, str(error), error.__cause__)
        except BaseException as error:
            taken = _broken(plugin, one_line(error), error)
        if not changed:
            return taken
        note = f"at import it changes {listed(changed)} for everybody, which was put back"
        return evolve(taken, note="; ".join(filter(None, (taken.note, note))))

    return attempt


@_guarded
def load(plugin: Plugin) -> Plugin:
    """Import a plugin that nothing speaks against."""
    if plugin.package is None:
        return evolve(plugin, module=_load_file(plugin))
    point = importlib.metadata.EntryPoint(plugin.name, plugin.target, hookspecs.GROUP)
    return evolve(plugin, module=point.load())


@_guarded
def classify(plugin: Plugin) -> Plugin:
    """Call a loaded plugin's declarative hooks and keep the components they return."""
    found = implementations(plugin.module)
    components = tuple(declared_components(found))
    observes = tuple(each.hook for each in found if each.hook not in DECLARES)
    reason = "" if found else f"provides nothing: {why_empty(plugin.module)}"
    return evolve(plugin, components=components, observes=observes, reason=reason)


def _load_file(plugin: Plugin) -> types.ModuleType:
    module = types.ModuleType(f"ddsp_local_{plugin.name}")
    module.__file__ = plugin.target
    code = compile(Path(plugin.target).read_bytes(), plugin.target, "exec")
    sys.modules[module.__name__] = module
    try:
        exec(code, module.__dict__)
    except BaseException:
        del sys.modules[module.__name__]
        raise
    return module


def _broken(plugin: Plugin, reason: str, error: BaseException | None = None) -> Plugin:
    text = _traceback(error) if error else ""
    return evolve(plugin, state="broken", reason=reason, traceback=text, module=None)


def _traceback(error: BaseException) -> str:
    """Format an error from the first frame that is the plugin's own."""
    ours = (__file__, "<frozen importlib", str(Path(importlib.__file__).parent))
    frame = error.__traceback__
    while frame and frame.tb_frame.f_code.co_filename.startswith(ours):
        frame = frame.tb_next
    return "".join(traceback.format_exception(error.with_traceback(frame)))
