"""Compile `src/*.cpp` once for each instruction set, into the package.

Run as a script, it rebuilds in place: `python hatch_build.py [INSTRUCTION_SET ...]`.
"""

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
# Not -ffast-math: it removes range reductions and exact comparisons. A fused a * b + c is welcome.
FLAGS = [
    "-std=c++17",
    "-O3",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=fast",
    "-fvisibility=hidden",
    "-fPIC",
    "-shared",
    "-pthread",
    "-Wall",
    "-Wextra",
]
# What `ddsp_runs_here` in src/abi.cpp asks the processor for.
INSTRUCTION_SETS = {
    "x86_64": {
        "avx512": ["-mavx512f", "-mavx512vl", "-mavx512bw", "-mavx512dq", "-mavx2", "-mfma"],
        "avx2": ["-mavx2", "-mfma"],
        "sse2": [],
    },
    "arm64": {"neon": []},
}
MACOS = "11.0"

NO_COMPILER = """ddsp-kernels-cpu needs a C++ compiler, and found none (looked for {looked}).
  Debian, Ubuntu:  sudo apt install g++
  Fedora:          sudo dnf install gcc-c++
  macOS:           xcode-select --install
or name one in the variable CXX. ddspcore works without this package, only slower."""
NO_PLATFORM = """ddsp-kernels-cpu builds on Linux and macOS, and this is {system}.
ddspcore works without this package, only slower."""


class Hook(BuildHookInterface[Any]):
    """Add the compiled libraries to a wheel, and tag it by platform alone."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before hatchling collects the files."""
        try:
            libraries = build()
        except BuildError as error:
            self.app.abort(str(error))
        build_data["artifacts"] += [f"/{path.relative_to(ROOT)}" for path in libraries]
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{_platform_tag()}"


class BuildError(Exception):
    """What the user can do something about."""


def build(only: list[str] | None = None) -> list[Path]:
    """Compile for every instruction set of this architecture, or for those named."""
    compiler = _compiler()
    wanted = {
        name: flags for name, flags in _instruction_sets().items() if name in (only or [name])
    }
    compilations = {}
    for name, flags in wanted.items():
        library = ROOT / "ddsp_kernels_cpu" / f"{name}.so"
        sources = map(str, sorted((ROOT / "src").glob("*.cpp")))
        fresh = library.with_suffix(f".{os.getpid()}")
        command = [*compiler, *FLAGS, *flags, f'-DDDSP_ISA="{name}"', *sources, "-o", str(fresh)]
        compilations[fresh, library] = subprocess.Popen(command)
    # Wait for all before failing: none is to write files after the build has ended.
    statuses = [compilation.wait() for compilation in compilations.values()]
    if any(statuses):
        for fresh, _ in compilations:
            fresh.unlink(missing_ok=True)
        raise BuildError("ddsp-kernels-cpu: the C++ compiler failed; its messages are above")
    for fresh, library in compilations:
        fresh.replace(library)  # a process that has the old one loaded keeps it
    return [library for _, library in compilations]


def _compiler() -> list[str]:
    if sys.platform not in ("linux", "darwin"):
        raise BuildError(NO_PLATFORM.format(system=platform.system()))
    named = os.environ.get("CXX", "").split()
    names = [named[0]] if named else ["c++", "g++", "clang++"]
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise BuildError(NO_COMPILER.format(looked=", ".join(names)))
    version = [f"-mmacosx-version-min={MACOS}"] if sys.platform == "darwin" else []
    return [found, *named[1:], *version]


def _instruction_sets() -> dict[str, list[str]]:
    machine = {"amd64": "x86_64", "aarch64": "arm64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    return INSTRUCTION_SETS.get(machine, {"generic": []})


def _platform_tag() -> str:
    name = sysconfig.get_platform()
    if sys.platform == "darwin":
        name = f"macosx-{MACOS}-{platform.machine()}"
    return name.replace("-", "_").replace(".", "_")


if __name__ == "__main__":
    try:
        build(sys.argv[1:])
    except BuildError as error:
        sys.exit(str(error))
