"""Every command line of every page is run, in a folder that has what the page presupposes.

What cannot be run says why. A training is cut to one step of every stage, on two short recordings.
"""

import shlex
import shutil

import pytest

from tests.desk import furnish, working_in
from tests.test_docs import COMMANDS

# By how the line begins; `test_docs.py` still looks whether such a line is well formed.
NOT_RUN = {
    "make": "sets up an environment of its own",
    "pip": "installs into the environment of the tests; test_installed.py does it in another",
    ".venv/bin/pre-commit": "changes the repository",
    "ddsp run ladder": "trains for minutes; test_ladder.py runs a rung",
    "ddsp run recipes/ladder": "the same",
    "ddsp run my-recipes/": "trains every one of them; cli/test_series.py does",
    "python -m benchmarks": "takes minutes, and wants other systems",
}
FOLLOWED = "plugin-tutorial.md"  # from an empty folder, by a test of its own
LINES = [line for line in COMMANDS if line.page.name != FOLLOWED]
REASONS = {
    str(line): next((why for first, why in NOT_RUN.items() if line.text.startswith(first)), None)
    for line in LINES
}
# The run on the desk kept one checkpoint amid stage A; what it holds out is one item.
SMALLER = {"runs/...": "runs/mine", "100,200": "A:2,A:last", "--item 3": "--item 0", "--at 1.5": ""}
ONE_STEP = {"--dry-run": (), "--profile": ("1",), "--dump-kernels": ()}


def words(text: str) -> list[str]:
    """Return what `ddsp` is given in place of what the page shows."""
    for shown, there in SMALLER.items():
        text = text.replace(shown, there)
    _, command, *rest = shlex.split(text, comments=True)
    more: tuple[str, ...] = ()
    if command == "run":
        for option, value in ONE_STEP.items():
            if option in rest:
                more = value
                break
        else:
            more = ("--dry-run", "1")
        more = (*more, "--set", "data.root=FOLDER", "--device", "cpu")
    elif command == "bench":
        more = ("--seconds", "0.1")
    return [command, *rest, *more]


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    return furnish(tmp_path_factory.mktemp("desk"))


@pytest.fixture
def desk(furnished, tmp_path, readme_file):
    """Return a copy that the line may change."""
    here = tmp_path / "desk"
    shutil.copytree(furnished, here, symlinks=True)
    (here / "my_loss.py").write_text(readme_file("my_loss.py"))
    with working_in(here):
        yield here


def test_every_line_is_run_or_says_why_not():
    programs = {line.text.split()[0] for line in LINES if REASONS[str(line)] is None}
    assert programs <= {"ddsp", ".venv/bin/ddsp"}


# What several pages show is run once, for the last of them.
RUN = {tuple(words(line.text)): line for line in LINES if REASONS[str(line)] is None}


@pytest.mark.parametrize("given", RUN, ids=[str(line) for line in RUN.values()])
def test_a_command_line_runs(desk, ddsp, given):
    if given[:2] == ("recipes", "copy"):
        (desk / given[-1]).unlink()
    done = ddsp(*given)
    assert done.code == 0, done.err
