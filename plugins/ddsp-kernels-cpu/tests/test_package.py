"""The package as it is built and installed; what its functions compute is tested in the core."""

import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Writes its arguments to the file it is to write, where a compiler would write a library.
COMPILER = """#!/bin/sh
for word; do last=$word; done
echo "$@" > "$last"
"""


def build(folder, compiler):
    """Build a wheel of a copy of the package with what is installed here, offline."""
    pytest.importorskip("hatchling")
    source = folder / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns("*.so", "tests"))
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", ".."],
        cwd=source,
        env=os.environ | {"CXX": compiler},
        capture_output=True,
        text=True,
        check=False,
    )


def test_one_wheel_fits_every_python_and_torch(tmp_path):
    compiler = tmp_path / "compiler"
    compiler.write_text(COMPILER)
    compiler.chmod(0o755)
    built = build(tmp_path, f"{compiler} --option")
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    name, version, python, abi, system = wheel.stem.split("-")
    assert (name, python, abi) == ("ddsp_kernels_cpu", "py3", "none")
    assert system.endswith(platform.machine())
    with zipfile.ZipFile(wheel) as files:
        about = f"{name}-{version}.dist-info"
        assert "Root-Is-Purelib: false" in files.read(f"{about}/WHEEL").decode()
        assert "Requires-Dist" not in files.read(f"{about}/METADATA").decode()
        commands = {
            Path(path).stem: files.read(path).decode()
            for path in files.namelist()
            if path.endswith(".so")
        }
    if platform.machine() == "x86_64":
        assert set(commands) == {"avx512", "avx2", "sse2"}
    for isa, command in commands.items():
        assert command.startswith("--option ")
        assert f'-DDDSP_ISA="{isa}"' in command
        assert "-ffast-math" not in command


def test_without_a_compiler_it_says_what_to_install(tmp_path):
    built = build(tmp_path, "no-such-compiler")
    assert built.returncode == 1
    golden = (Path(__file__).parent / "golden/no_compiler.txt").read_text()
    assert golden in built.stdout + built.stderr
    assert not list(tmp_path.glob("*.whl"))


def test_a_failing_compiler_fails_the_build(tmp_path):
    built = build(tmp_path, "false")
    assert built.returncode == 1
    assert "the C++ compiler failed; its messages are above" in built.stdout + built.stderr
    assert not list(tmp_path.glob("*.whl"))


@pytest.mark.skipif(sys.platform != "linux", reason="reads the names in an ELF file")
def test_the_library_needs_the_system_alone():
    package = pytest.importorskip("ddsp_kernels_cpu")
    for path in package.libraries():
        names = path.read_bytes()
        assert b"ddsp_bank\0" in names
        for foreign in (b"libtorch", b"libc10", b"libpython", b"libgomp"):
            assert foreign not in names
