"""Calling observers, one at a time, so that none of them can stop a run."""

import traceback
from collections.abc import Iterable

from attrs import field, frozen

from ddspcore.hooks import implementations, one_line
from ddspcore.plugins import Plugin


@frozen
class ObserverFailure:
    """What an observer raised: the runner logs it and goes on."""

    plugin: str
    hook: str
    reason: str
    traceback: str = field(repr=False)

    def __str__(self) -> str:
        """Say whose hook failed and how, on one line."""
        return f"observer {self.plugin}, {self.hook}: {self.reason}"


class Observers:
    """The observer hooks of every plugin that is ok, in the plugins' order."""

    def __init__(self, plugins: Iterable[Plugin]):
        self._found = [
            (plugin.name, each)
            for plugin in plugins
            if plugin.state == "ok" and plugin.observes
            for each in implementations(plugin.module)
        ]

    def call(self, hook: str, **arguments: object) -> list[ObserverFailure]:
        """Call every implementation of `hook` with those arguments that it asks for."""
        failures = []
        for plugin, implementation in self._found:
            if implementation.hook != hook:
                continue
            try:
                implementation.function(**{n: arguments[n] for n in implementation.arguments})
            except (Exception, SystemExit) as error:
                text = "".join(traceback.format_exception(error))
                failures.append(ObserverFailure(plugin, hook, one_line(error), text))
        return failures
