"""The memory that a long file takes is that of a piece of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import resource, sys
from pathlib import Path
from ddspcore.catalog import Catalog
from ddspcore.plugins import discover
from ddspcore.rendering.files import Wish, render_file
from ddspcore.rendering.pieces import Pieces
from ddspcore.train.opening import open_run

run = open_run(Path(sys.argv[1]), Catalog(discover()), device="cpu")
for name in ("short", "long"):
    render_file(run, Path(f"{name}.wav"), Path("out.wav"), Wish(pieces=Pieces(10.0, 2.0)))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="has no getrusage")
def test_it_does_not_grow_with_the_file(furnished_run, tmp_path, melody):
    melody(30, name="short.wav")
    melody(240, name="long.wav")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(furnished_run)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    short, long = map(int, done.stdout.split())
    unit = 1 if sys.platform == "darwin" else 1024
    grown = (long - short) * unit
    assert grown < 6e6, f"{grown / 1e6:.1f} MB"  # its samples alone are 15 MB
