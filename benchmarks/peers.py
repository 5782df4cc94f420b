"""The peers, imported from checkouts: nothing of theirs is kept in this repository.

Their packages ask for more than the pieces that are measured use. What of it is not installed is
replaced in memory, for the import only, by a stand-in whose every attribute is an empty class.
"""

import importlib.abc
import importlib.machinery
import subprocess
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen


class PeerMissingError(Exception):
    """A peer is not there or cannot be imported; the message says why."""


@frozen
class Peer:
    """A project, the folder of its checkout, the package in it, and what that need not have."""

    name: str
    folder: str
    package: str
    unused: tuple[str, ...] = ()


DDSP_PYTORCH = Peer("ddsp_pytorch", "ddsp_pytorch", "ddsp", ("crepe", "librosa"))
SVC_UNUSED = """
diffusion einops encoder fairseq gin local_attention parselmouth pyworld resampy torchaudio
torchcrepe transformers yaml
"""
DDSP_SVC = Peer("DDSP-SVC", "DDSP-SVC", "ddsp", tuple(SVC_UNUSED.split()))
AURALOSS = Peer("auraloss", "auraloss", "auraloss", ("scipy",))
MAGENTA = Peer("magenta/ddsp", "ddsp", "ddsp")
PEERS = (DDSP_PYTORCH, DDSP_SVC, MAGENTA, AURALOSS)


def checkout(peers: Path | None, peer: Peer) -> Path:
    """Return the folder of a peer's checkout; PeerMissingError if it is not there."""
    if peers is None:
        raise PeerMissingError("no --peers folder was given")
    if not (peers / peer.folder / peer.package).is_dir():
        raise PeerMissingError(f"there is no checkout {peer.folder} in the --peers folder")
    return peers / peer.folder


def commit(peers: Path | None, peer: Peer) -> str:
    """Return the commit of a peer's checkout, or why there is none."""
    try:
        folder = checkout(peers, peer)
    except PeerMissingError as missing:
        return str(missing)
    asked = ["git", "-C", str(folder), "rev-parse", "--short=7", "HEAD"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "not a git checkout"


def load(peers: Path | None, peer: Peer, module: str) -> Any:
    """Import a module of a peer's package, under a name of its own: two are called `ddsp`.

    Raises PeerMissingError.
    """
    folder = checkout(peers, peer)
    alias = f"peer_{peer.folder.replace('-', '_')}"
    if alias not in sys.modules:
        package = types.ModuleType(alias)
        package.__path__ = [str(folder / peer.package)]
        sys.modules[alias] = package
    with stand_ins(peer.unused):
        try:
            return importlib.import_module(f"{alias}.{module}")
        except Exception as failure:  # whatever a peer's import does, it is a row of the table
            raise PeerMissingError(f"does not import: {failure!r}") from failure


@contextmanager
def stand_ins(names: tuple[str, ...]) -> Iterator[None]:
    """Let `import` find an empty module where one of these packages is not installed."""
    finder = _Finder(names)
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in finder.made:
            sys.modules.pop(name, None)


class _Empty:
    """Is constructed, decorates and is subclassed, and does nothing."""

    def __new__(cls, *args: Any, **named: Any) -> Any:
        if len(args) == 1 and callable(args[0]):
            return args[0]  # as a decorator without arguments
        return super().__new__(cls)

    def __init__(self, *args: Any, **named: Any):
        pass

    def __call__(self, decorated: Any) -> Any:
        return decorated


class _StandIn(types.ModuleType):
    def __init__(self, name: str):
        super().__init__(name)
        self.__path__ = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (_Empty,), {})


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Comes last: it is asked for what nobody else has."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.made: list[str] = []

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        root, _, rest = name.partition(".")
        if root not in self.names or (rest and root not in self.made):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: Any) -> types.ModuleType:
        self.made.append(spec.name)
        return _StandIn(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass
