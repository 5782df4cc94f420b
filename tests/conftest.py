"""Fixtures that several test files share: installed plugins that are not, and the command line."""

import importlib.metadata
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from attrs import frozen
from hypothesis import settings

from tests.place import build

# What makes rich and rich-click colour or wrap even a pipe. CI services and pytest-xdist set some
# of them, and rich-click reads them at import, before any fixture.
COLOURS = ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
for variable in (*COLOURS, "COLUMNS", "DDSP_BLOCK", "DDSP_STRICT"):
    os.environ.pop(variable, None)

# Where there is no GPU, Triton interprets its kernels: it wants to know when it is imported.
if not torch.cuda.is_available():
    os.environ.setdefault("TRITON_INTERPRET", "1")

# The same examples in every run, however slow the machine is.
settings.register_profile("ddspcore", derandomize=True, deadline=None)
settings.load_profile("ddspcore")

LOSS = """
from torch import nn
from ddspcore import hookimpl, loss

@loss("{name}")
class MelShape(nn.Module):
    '''Compare shapes.'''

    def forward(self, pred, target):
        return (pred - target).abs().mean()

@hookimpl
def ddsp_losses():
    return [MelShape]
"""


@pytest.fixture(scope="module", autouse=True)
def _no_other_plugins() -> Iterator[None]:
    """Hide what happens to be installed beside the core; tests install what they need.

    By module, because the tests of a plugin's package, which need it, run in the same session.
    """
    everything = importlib.metadata.distributions

    def where(dist: importlib.metadata.Distribution) -> tuple[str, Path]:
        return dist.name, Path(dist.locate_file(""))

    others = {
        where(dist)
        for dist in everything()
        if dist.name != "ddspcore"
        and any(point.group.startswith("ddspcore.v") for point in dist.entry_points)
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            importlib.metadata,
            "distributions",
            lambda **path: (dist for dist in everything(**path) if where(dist) not in others),
        )
        yield


@pytest.fixture(scope="module", autouse=True)
def _no_overview(request) -> Iterator[None]:
    """Leave out the overview, nine tenths of a small run, but for modules that look at one."""
    with pytest.MonkeyPatch.context() as patch:
        if not request.node.get_closest_marker("overview"):
            patch.setattr("ddspcore.builtin.overview.draw_overview", lambda folder, summary: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _own_data_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DDSP_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Threads that wait for each other on a busy machine make small tensors 10 times slower."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seeded():
    """Whatever order the tests run in, each draws the same numbers."""
    import torch

    torch.manual_seed(0)


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """Return a folder with an sdist of the core and the wheel that was built from it."""
    out = tmp_path_factory.mktemp("dist")
    build(Path(__file__).parents[1], out)
    return out


@pytest.fixture(scope="session")
def wheel(built) -> Path:
    return next(built.glob("*.whl"))


class Site:
    """A folder on `sys.path` that distributions can be written into, as an installer would."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.modules: list[str] = []

    def add(
        self,
        package: str,
        source: str,
        *,
        name: str | None = None,
        group: str = "ddspcore.v1",
        version: str = "0.1.0",
    ) -> str:
        """Write a distribution of one module with one entry point; return the module's name."""
        module = package.replace("-", "_")
        (self.folder / f"{module}.py").write_text(dedent(source))
        info = self.folder / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
        )
        name = name or package.rpartition("-")[2]
        (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}\n")
        self.modules.append(module)
        return module

    def add_loss(self, package: str, loss: str, **more: str) -> str:
        """Write a distribution that brings one loss."""
        return self.add(package, LOSS.format(name=loss), **more)


@pytest.fixture
def site(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    site = Site(folder)
    yield site
    for module in site.modules:
        sys.modules.pop(module, None)


@pytest.fixture
def readme_file() -> Callable[[str], str]:
    """Return a file that the README shows: the block whose first line is its name in a comment."""
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

    def read(name: str) -> str:
        block = re.search(rf"^```\w+\n(# {re.escape(name)}\n.*?)^```$", text, re.M | re.S)
        assert block, f"the README shows no {name}"
        return block[1]

    return read


@frozen
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def ddsp(capsys, monkeypatch):
    """Run the command line in this process, 100 columns wide."""
    from ddspcore.cli import main

    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def golden(request) -> Callable[[str, str], None]:
    """Compare a text with golden/NAME.txt beside the test; DDSP_REWRITE_GOLDEN=1 writes it."""

    def compare(name: str, text: str) -> None:
        path = request.path.parent / "golden" / f"{name}.txt"
        if os.environ.get("DDSP_REWRITE_GOLDEN"):
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare
