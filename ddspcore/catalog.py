"""From a name in a recipe to the component it means; a value, not a registry."""

from collections.abc import Iterable
from difflib import get_close_matches

from attrs import frozen

from ddspcore.component import KINDS, Component
from ddspcore.contracts import listed
from ddspcore.errors import PluginError, UserError
from ddspcore.plugins import CORE, Plugin
from ddspcore.recipe.problems import closest


@frozen
class Entry:
    """A component and the plugin that brings it."""

    plugin: str
    component: Component

    @property
    def qualified(self) -> str:
        """The name that always works: `core:mrstft`."""
        return f"{self.plugin}:{self.component.name}"


class LookupProblem(UserError):  # noqa: N818  a problem with hints, as in a recipe
    """No component has the name, or more than one has: `message` says it, `hints` help.

    The exit code is that of a plugin problem where a plugin that is named cannot be used.
    """

    def __init__(self, message: str, hints: tuple[str, ...] = (), exit_code: int = 1):
        super().__init__("; ".join((message, *hints)))
        self.message = message
        self.hints = hints
        self.exit_code = exit_code


class Catalog:
    """The components of every plugin that is ok.

    A bare name means core's component if core has one of that name, else that of the only plugin
    that has one; `plugin:name` always works. An ambiguous bare name is an error only when asked
    for.
    """

    def __init__(self, plugins: Iterable[Plugin] = ()):
        self.plugins = tuple(sorted(plugins, key=lambda plugin: plugin.name != CORE))
        self._entries = [
            Entry(plugin.name, component)
            for plugin in self.plugins
            if plugin.state == "ok"
            for component in sorted(plugin.components, key=lambda each: each.name)
        ]

    def entries(self, kind: str | None = None) -> list[Entry]:
        """Return the components of one kind, or of all kinds in their order: core's first."""
        kinds = KINDS if kind is None else (kind,)
        return [entry for each in kinds for entry in self._entries if entry.component.kind == each]

    def plugin(self, name: str) -> Plugin:
        """Return the plugin of that id or package, whatever its state; LookupProblem if none is."""
        for plugin in self.plugins:
            if plugin.name == name:
                return plugin
        of_package = [plugin for plugin in self.plugins if plugin.package == name]
        if len(of_package) == 1:
            return of_package[0]
        rivals = [plugin.name for plugin in self.plugins if plugin.asked == name]
        if rivals:
            hints = (f"write {listed(rivals, 'or')}", "or keep one from being imported: --block")
            raise LookupProblem(f'{len(rivals)} plugins are named "{name}"', hints)
        names = [plugin.name for plugin in self.plugins]
        raise LookupProblem(f'unknown plugin "{name}"', (*closest(name, names), _installed(names)))

    def find(self, kind: str, name: str) -> Entry:
        """Return what `name` means as a component of that kind; LookupProblem if it is not one."""
        plugin, _, bare = name.rpartition(":")
        if plugin:
            return self._find_in(self.plugin(plugin), kind, bare)
        found = [entry for entry in self.entries(kind) if entry.component.name == name]
        if len(found) > 1 and found[0].plugin != CORE:
            choices = " or ".join(f'"{entry.qualified}"' for entry in found)
            raise LookupProblem(f'ambiguous {kind} "{name}"', (f"write {choices}",))
        if not found:
            raise LookupProblem(f'unknown {kind} "{name}"', self._hints(kind, name))
        return found[0]

    def display_name(self, entry: Entry) -> str:
        """Return what a recipe must write to mean this entry: the bare name where it is enough."""
        kind, name = entry.component.kind, entry.component.name
        same = [other for other in self.entries(kind) if other.component.name == name]
        return name if entry.plugin == CORE or len(same) == 1 else entry.qualified

    def _find_in(self, plugin: Plugin, kind: str, name: str) -> Entry:
        if plugin.state != "ok":
            message = f"plugin {plugin} is {plugin.state}: {plugin.reason}"
            doctor = f"ddsp plugins doctor {plugin.name}"
            raise LookupProblem(message, (doctor,), PluginError.exit_code)
        entries = [entry for entry in self.entries(kind) if entry.plugin == plugin.name]
        for entry in entries:
            if entry.component.name == name:
                return entry
        names = [entry.qualified for entry in entries]
        wanted = f"{plugin.name}:{name}"
        hints = (*closest(wanted, names), _installed(names))
        raise LookupProblem(f'unknown {kind} "{wanted}"', hints)

    def _hints(self, kind: str, name: str) -> tuple[str, ...]:
        entries = self.entries(kind)
        close = get_close_matches(name.lower(), {entry.component.name for entry in entries}, n=1)
        suggestions = [
            f'did you mean "{self.display_name(entry)}"?'
            for entry in entries
            if entry.component.name in close
        ]
        kinds = {each.component.kind for each in self._entries if each.component.name == name}
        elsewhere = [f'"{name}" exists as {kind}' for kind in KINDS if kind in kinds]
        unusable = [
            f"plugin {plugin} is {plugin.state} and may provide it: {plugin.reason}; "
            f"ddsp plugins doctor {plugin.name}"
            for plugin in self.plugins
            if plugin.state != "ok"
        ]
        installed = _installed(self.display_name(entry) for entry in entries)
        return (*suggestions, *elsewhere, *unusable, installed)


def _installed(names: Iterable[str]) -> str:
    return f"installed: {', '.join(sorted(names)) or 'none'}"
