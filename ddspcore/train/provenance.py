"""Where a run comes from: versions, plugins, revision, device, kernels, threads, command."""

import importlib.metadata
import platform
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tomli_w
import torch

from ddspcore.errors import UserError
from ddspcore.kernels.backends import choose
from ddspcore.plugins import Plugin
from ddspcore.recipe.schema import Recipe
from ddspcore.recipe.uses import component_uses
from ddspcore.train.checkpoint import write_bytes
from ddspcore.train.device import DeviceChoice
from ddspcore.train.folder import file_digest

FILE = "provenance.toml"
MACHINE = ("platform", "threads")
PACKAGES = ("ddspcore", "torch", "numpy", "soundfile", "soxr", "safetensors")


def record_provenance(
    recipe: Recipe, plugins: Sequence[Plugin], device: DeviceChoice, recipe_file: Path
) -> dict[str, Any]:
    """Return everything that is recorded about a run and not hashed into its key."""
    kernels = choose(device.used)
    used: dict[str, set[str]] = {}
    for use in component_uses(recipe):
        used.setdefault(use.plugin, set()).add(f"{use.component.kind} {use.component.name}")
    return {
        "command": sys.argv,
        "environment": environment(),
        "device": {"asked": device.asked, "used": device.used, "name": device.name},
        "kernels": {"kind": kernels.kind, "detail": kernels.detail},
        "recipe": {"file": str(recipe_file), **_git(recipe_file.parent)},
        "plugin": [
            {**row, "used": sorted(used.get(row["name"], ()))} for row in plugin_rows(plugins)
        ],
    }


def environment() -> dict[str, Any]:
    """Return the platform, the threads, and the versions of Python and of what computes."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
        **{name: _version(name) for name in PACKAGES},
    }


def plugin_rows(plugins: Sequence[Plugin]) -> list[dict[str, str]]:
    """Return where each plugin comes from: its package's version, of a local file the content."""
    return [
        {
            "name": plugin.name,
            "package": plugin.package or "",
            "version": plugin.version or "",
            "target": plugin.target,
            "state": plugin.state,
            **({} if plugin.package else {"sha256": file_digest(Path(plugin.target))}),
        }
        for plugin in plugins
    ]


def write_provenance(folder: Path, provenance: dict[str, Any]) -> None:
    """Write `provenance.toml` into a run folder."""
    write_bytes(folder / FILE, tomli_w.dumps(provenance).encode())


def read_provenance(folder: Path) -> dict[str, Any]:
    """Read a run folder's `provenance.toml`; raises UserError if it is not whole."""
    try:
        return tomllib.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as failure:
        raise UserError(f"{folder / FILE}: cannot be read: {failure}") from failure


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Say how the machine differs from that of an earlier provenance; versions aside."""
    pairs = [
        *((name, before["environment"].get(name), now["environment"][name]) for name in MACHINE),
        ("device", before["device"]["used"], now["device"]["used"]),
        ("kernels", before["kernels"]["detail"], now["kernels"]["detail"]),
    ]
    return [f"{name} was {old}, is {new}" for name, old, new in pairs if old != new]


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _git(folder: Path) -> dict[str, str]:
    def ask(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *arguments],
                capture_output=True,
                text=True,
                timeout=5,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            return None
        return done.stdout.strip()

    commit = ask("rev-parse", "HEAD")
    if commit is None:
        return {}
    return {
        "git_commit": commit,
        "git_state": "modified" if ask("status", "--porcelain") else "clean",
    }
