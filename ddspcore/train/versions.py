"""The versions that a run was made with, beside those that are here now."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from ddspcore.errors import UserError
from ddspcore.plugins import CORE, Plugin
from ddspcore.recipe.locating import KeyPath, Span, TomlError, parse
from ddspcore.recipe.problems import Origin, Problem, RecipeError, Source, render
from ddspcore.train.provenance import FILE, MACHINE, environment, plugin_rows

RESOLVED = "resolved.toml"


def version_problems(run: Path, plugins: Sequence[Plugin]) -> list[Problem]:
    """Say which versions are others than those that a run was made with, by the lines that say so.

    Looked at are Python, the core and what it computes with, and the plugins that the run uses; of
    a local file its content counts. Empty if the folder tells no versions. Raises UserError if what
    it tells is not whole.
    """
    path = run / FILE
    if not path.is_file():
        return []
    try:
        text = path.read_text(encoding="utf-8")
        before, spans = parse(text)
    except (OSError, ValueError, TomlError) as failure:
        raise UserError(f"{path}: cannot be read: {failure}") from failure
    source = Source(str(path), path.absolute(), text)
    now = {"environment": environment(), "plugin": plugin_rows(plugins)}
    here = list(_parts(now))
    problems = []
    for was in _parts(before):
        found = _counterpart(was, here)
        if found is None or found.identity != was.identity:
            message = f"{was.name} was {was.shown}, is {found.shown if found else 'not here'}"
            problems.append(Problem(message, _at(source, spans, was.key)))
    return problems


def heed(problems: Sequence[Problem], *, exact: bool, warn: Callable[[str], object]) -> None:
    """Warn of versions that differ; where the run is to be exact, raise RecipeError instead."""
    if exact and problems:
        raise RecipeError(list(problems))
    for problem in problems:
        warn(f"warning: {render([problem], short=True)}")


def run_of(file: Path) -> Path:
    """Return the run that a file would belong to: a checkpoint's stage, or a resolved recipe."""
    return file.parent if file.name == RESOLVED else file.parent.parent


@frozen
class Part:
    """Something that has a version: what tells it from others, how it is shown, where it stands.

    `package` is a plugin's.
    """

    name: str
    identity: str
    shown: str
    key: KeyPath
    package: str = ""


def _counterpart(was: Part, here: Sequence[Part]) -> Part | None:
    """Return what a part is now; a plugin whose name others have too goes by its package's."""
    by_package = (p for p in here if was.package and p.package == was.package)
    return next((p for p in here if p.name == was.name), None) or next(by_package, None)


def _parts(provenance: Mapping[str, Any]) -> Iterator[Part]:
    """Yield what has a version: of plugins those that are used, or all where nobody says."""
    for name, version in provenance["environment"].items():
        if name not in MACHINE:
            yield Part(name, version, version, ("environment", name))
    for index, plugin in enumerate(provenance["plugin"]):
        if plugin["name"] != CORE and plugin.get("used", True):  # core is of the environment
            yield _part(plugin, ("plugin", index))


def _part(plugin: Mapping[str, Any], at: KeyPath) -> Part:
    name, package, content = f"plugin {plugin['name']}", plugin["package"], plugin.get("sha256")
    if plugin["state"] != "ok":
        return Part(name, plugin["state"], plugin["state"], (*at, "state"), package)
    if content:
        return Part(name, content, f"{plugin['target']} ({content[:12]})", (*at, "sha256"))
    release = f"{package} {plugin['version']}"
    return Part(name, release, release, (*at, "version"), package)


def _at(source: Source, spans: Mapping[KeyPath, Span], key: KeyPath) -> Origin:
    span = spans.get(key)
    return Origin(source, *span.value) if span else Origin(source)
