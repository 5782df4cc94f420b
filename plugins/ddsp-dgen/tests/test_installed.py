"""The wheel, beside that of the core, in an environment of its own."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("build", reason="wheels need the package build")

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


def run(*command: object, **options) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, **options)  # noqa: PLW1510
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def wheel(project: Path, out: Path) -> Path:
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", out, project)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def wheels(tmp_path_factory) -> tuple[Path, Path]:
    core, ours = tmp_path_factory.mktemp("core"), tmp_path_factory.mktemp("ours")
    return wheel(ROOT.parents[1], core), wheel(ROOT, ours)


def test_the_wheel_holds_the_package_and_its_recipes(wheels):
    names = set(zipfile.ZipFile(wheels[1]).namelist())
    folder = ROOT / "ddsp_dgen"
    kept = [p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert {f"ddsp_dgen/{p.relative_to(folder).as_posix()}" for p in kept} <= names
    assert not [name for name in names if "tests" in name]
    assert "ddsp_dgen/recipes/audio/LICENSE.txt" in names


def test_it_is_found_beside_the_core(wheels, tmp_path):
    python = tmp_path / "venv" / "bin" / "python"
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet")
    run(*pip, "--no-index", "--no-deps", *wheels)
    (site,) = tmp_path.glob("venv/lib/python*/site-packages")
    ours = {sysconfig.get_path(scheme) for scheme in ("purelib", "platlib")}
    (site / "borrowed.pth").write_text("\n".join(ours))
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "DDSP_"))}
    desk = tmp_path / "desk"
    desk.mkdir()

    def ddsp(*words: str) -> str:
        return run(python.with_name("ddsp"), *words, cwd=desk, env=kept)

    rows = {row["name"]: row for row in json.loads(ddsp("plugins", "list", "--json"))}
    told = rows["dgen"]
    assert (told["package"], told["state"], told["reason"]) == ("ddsp-dgen", "ok", "")
    assert told["provides"]["synth"] == ["dgen:harmonic", "dgen:noise"]
    assert "dgen:published" in ddsp("recipes", "list")
    assert "proved by a dry run" in ddsp("check", "dgen:exact")
