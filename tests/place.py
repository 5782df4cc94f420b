"""Where what is built is used: an environment of its own, and an empty folder to work in."""

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path


def run(
    *command: object, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=cwd, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done


def build(source: Path, out: Path, *what: str) -> Path:
    """Build a project without a network, in the environment of these tests."""
    command = (sys.executable, "-m", "build", "--no-isolation", *what, "--outdir", out, source)
    run(*command, cwd=source.parent)
    (wheel,) = out.glob("*.whl")
    return wheel


class Place:
    """A new environment that holds what was installed into it, and an empty folder to work in.

    What ddspcore depends on is borrowed from the environment of these tests.
    """

    def __init__(self, folder: Path, wheel: Path):
        self.bin = folder / "venv" / "bin"
        self.desk = folder / "desk"
        self.desk.mkdir()
        run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
        self.install("--no-deps", wheel)
        (site,) = folder.glob("venv/lib/python*/site-packages")
        ours = {sysconfig.get_path(scheme) for scheme in ("purelib", "platlib")}
        (site / "borrowed.pth").write_text("\n".join(ours))

    def install(self, *what: object) -> None:
        pip = (sys.executable, "-m", "pip", "--python", self.bin / "python", "install")
        run(*pip, "--quiet", "--no-index", "--no-build-isolation", *what)

    def run(self, program: str, *words: object) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "DDSP_"))}
        more = {"DDSP_CACHE": str(self.desk.parent / "cache"), "OMP_NUM_THREADS": "1"}
        return run(self.bin / program, *words, cwd=self.desk, env=kept | more)

    def ddsp(self, *words: object) -> subprocess.CompletedProcess[str]:
        return self.run("ddsp", *words)

    def plugins(self) -> dict[str, dict[str, object]]:
        return {
            row["name"]: row for row in json.loads(self.ddsp("plugins", "list", "--json").stdout)
        }
