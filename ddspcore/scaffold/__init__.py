"""A package to start from: a working component of any kind, with its test, its recipe, its README.

What is written is in `templates/`: for each kind a module and a recipe, and what all kinds share.
"""

import re
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from string import Template

from attrs import frozen

from ddspcore.catalog import Catalog
from ddspcore.contracts import listed
from ddspcore.errors import UserError
from ddspcore.recipe.problems import closest

NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
USAGE = {
    "source": '[data]\nuse = "{0}"',
    "feature": '[[feature]]\nuse = "{0}"',
    "backbone": '[backbone]\nuse = "{0}"',
    "head": '[[head]]\nuse = "{0}"',
    "synth": '[[synth]]\nuse = "{0}"',
    "loss": '[[stage]]\nname = "A"\n\n  [[stage.loss]]\n  use = "{0}"',
    "schedule": '[[stage]]\nname = "A"\nlr   = {{ use = "{0}", start = 1e-3 }}',
    "evaluator": '[[evaluator]]\nuse = "{0}"',
}
"""How a recipe uses a component, by the kinds that there are templates of."""


@frozen
class Scaffold:
    """A package that is about to be written: `kind` and `name` are those of its component."""

    kind: str
    name: str

    @property
    def plugin(self) -> str:
        """The plugin's id; a name with underscores is one with hyphens."""
        return self.name.replace("_", "-")

    @property
    def package(self) -> str:
        """The distribution: `ddsp-loss-mel-shape`."""
        return f"ddsp-{self.kind}-{self.plugin}"

    @property
    def module(self) -> str:
        """What is imported: `ddsp_loss_mel_shape`."""
        return self.package.replace("-", "_")

    @property
    def cls(self) -> str:
        """The class: `MelShapeLoss`. Ending in its kind, it hides no name that it uses."""
        return "".join(word.capitalize() for word in self.module.split("_")[2:]) + (
            self.kind.capitalize()
        )

    def texts(self) -> dict[str, str]:
        """Return the package's files, by their paths in it."""
        templates = {
            "pyproject.toml": "pyproject.toml",
            "README.md": "README.md",
            ".gitignore": "gitignore",
            f"{self.module}/__init__.py": f"{self.kind}.py",
            f"{self.module}/recipes/try.toml": f"{self.kind}.toml",
            "tests/test_conformance.py": "test_conformance.py",
        }
        values = {
            "kind": self.kind,
            "name": self.name,
            "snake": self.name.replace("-", "_"),
            "plugin": self.plugin,
            "package": self.package,
            "module": self.module,
            "cls": self.cls,
            "version": metadata.version("ddspcore"),
            "usage": USAGE[self.kind].format(self.name),
        }
        return {path: _template(name).substitute(values) for path, name in templates.items()}


def plan(kind: str, name: str, catalog: Catalog) -> Scaffold:
    """Return the package for a new component; UserError if there is no such kind or name is taken.

    A name is taken if a component of the kind has it, or a plugin has it as its id.
    """
    if kind not in USAGE:
        hints = (*closest(kind, USAGE), f"write {listed(tuple(USAGE), 'or')}")
        raise UserError("; ".join((f'no kind "{kind}"', *hints)))
    if not NAME.fullmatch(name):
        raise UserError(
            f'the name "{name}" is not like "mel-shape": lower-case letters and digits, the first '
            "a letter, words joined by hyphens"
        )
    new = Scaffold(kind, name)
    for entry in catalog.entries(kind):
        if entry.component.name == name:
            plugin = catalog.plugin(entry.plugin)
            raise UserError(f'plugin {plugin} has a {kind} "{name}"; choose another name')
    for plugin in catalog.plugins:
        if plugin.name == new.plugin or plugin.package == new.package:
            taken = new.package if plugin.package == new.package else new.plugin
            advice = "choose another name, or add the component to that plugin"
            raise UserError(f'the name "{taken}" is taken by plugin {plugin}; {advice}')
    return new


def write(new: Scaffold, into: Path) -> Path:
    """Write a package into a folder of its own and return that; UserError if it exists."""
    folder = into / new.package
    if folder.exists():
        raise UserError(f"{folder} exists; remove it, or choose another name or --into")
    for path, text in new.texts().items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def _template(name: str) -> Template:
    file = files("ddspcore.scaffold") / "templates" / f"{name}.template"
    return Template(file.read_text(encoding="utf-8"))
