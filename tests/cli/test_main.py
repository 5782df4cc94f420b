"""Where errors become text: exit codes, wording, no traceback for a user's mistake."""

import errno
import os
import subprocess
import sys
import time

import pytest
import rich_click as click

from ddspcore import cli, errors
from ddspcore.recipe.problems import Problem, RecipeError


def run_python(*arguments, **environment):
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | environment,
    )


@pytest.fixture
def failing(monkeypatch):
    """Add a command `fail` that raises what it is told to."""

    def add(error):
        @click.command()
        def fail():
            raise error

        monkeypatch.setattr(cli.LazyGroup, "get_command", lambda self, ctx, name: fail)

    return add


def test_the_commands_are_listed_with_what_they_do(ddsp):
    outcome = ddsp("--help")
    assert outcome.code == 0
    for name in cli.COMMANDS:
        assert f" {name} " in outcome.out


def test_the_version_is_the_packages(ddsp):
    from importlib.metadata import version

    assert ddsp("--version").out == f"ddsp {version('ddspcore')}\n"


@pytest.mark.parametrize("arguments", [(), ("plugins",), ("recipes",)])
def test_a_group_without_a_command_shows_its_help(ddsp, arguments):
    outcome = ddsp(*arguments)
    assert outcome.code == 1
    assert "Usage: ddsp" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "what", "where"),
    [
        (["plugin"], 'no command "plugin"; did you mean "plugins"?', "ddsp"),
        (["plugins", "list", "--jsno"], "--jsno", "ddsp plugins list"),
        (["plugins", "show"], "NAME", "ddsp plugins show"),
        (["plugins", "list", "--plugin", "no.py"], "no.py", "ddsp plugins list"),
    ],
)
def test_a_usage_problem_is_one_line_and_exit_code_1(ddsp, arguments, what, where):
    outcome = ddsp(*arguments)
    assert (outcome.code, outcome.out) == (1, "")
    (line,) = outcome.err.splitlines()
    assert line.startswith("error: ")
    assert what in line
    assert line.endswith(f"(see {where} --help)")


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (errors.UserError("no files in a/b"), 1, "error: no files in a/b\n"),
        (errors.PluginError("plugin fm is broken"), 2, "error: plugin fm is broken\n"),
        (errors.TrainingStopped("loss is NaN"), 3, "error: loss is NaN\n"),
        (errors.Interrupted("saved at step 7"), 130, "error: saved at step 7\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (
            OSError(errno.ENOSPC, "No space left on device", "runs/x"),
            1,
            "error: No space left on device: runs/x\n",
        ),
        (
            NotADirectoryError(errno.ENOTDIR, "Not a directory", "notes.txt/x"),
            1,
            "error: Not a directory: notes.txt/x\n",
        ),
        (
            RecipeError([Problem("unknown key", hints=('did you mean "lr"?', "allowed: lr"))] * 2),
            1,
            'unknown key; did you mean "lr"?\n' * 2,
        ),
    ],
)
def test_what_a_user_can_mend_is_text_with_an_exit_code(ddsp, failing, error, code, text):
    failing(error)
    outcome = ddsp("fail")
    assert (outcome.code, outcome.out, outcome.err) == (code, "", text)


@pytest.mark.parametrize("error", [RuntimeError("a bug"), FileNotFoundError(2, "gone", "x")])
def test_a_bug_is_never_hidden(ddsp, failing, error):
    failing(error)
    with pytest.raises(type(error)):
        ddsp("fail")


@pytest.mark.parametrize("arguments", [["--help"], ["recipes", "list"], ["run", "--help"]])
def test_what_needs_no_torch_imports_none(arguments):
    script = (
        "import sys; from ddspcore.cli import main; code = main(sys.argv[1:]);"
        "sys.exit(code or any(name in sys.modules for name in ('torch', 'numpy', 'matplotlib')))"
    )
    outcome = run_python("-c", script, *arguments)
    assert outcome.returncode == 0, outcome.stderr


def fastest(*command):
    def once():
        started = time.perf_counter()
        run_python(*command)
        return time.perf_counter() - started

    return min(once() for _ in range(3))


@pytest.mark.slow
def test_starting_takes_a_fraction_of_importing_torch():
    allowed = 0.3 * fastest("-c", "import torch")
    assert fastest("-m", "ddspcore.cli", "--help") < allowed
    assert fastest("-m", "ddspcore.cli", "recipes", "list") < allowed


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["--help"], ["plugins"], ["recipes", "list"]])
def test_a_reader_that_leaves_is_no_error(arguments, unbuffered):
    reader, writer = os.pipe()
    os.close(reader)
    outcome = subprocess.run(
        [sys.executable, "-m", "ddspcore.cli", *arguments],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
    )
    os.close(writer)
    assert (outcome.returncode, outcome.stderr) == (1, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_completion_script(ddsp, shell):
    outcome = ddsp("completion", shell)
    assert outcome.code == 0
    assert f"_DDSP_COMPLETE={shell}_complete" in outcome.out


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("ddsp plug", "plain,plugins\n"),
        ("ddsp plugins do", "plain,doctor\n"),
        ("ddsp recipes show best", "file,best\nplain,best_low_loss\n"),
        ("ddsp run probe", "file,probe\nplain,probe_dry\nplain,probe_overfit\n"),
        ("ddsp data inspect my", "file,my\n"),
        ("ddsp nonsense x", "\n"),
    ],
)
def test_words_complete(words, completed):
    environment = {
        "_DDSP_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    outcome = run_python("-m", "ddspcore.cli", **environment)
    assert (outcome.stdout, outcome.stderr) == (completed, "")
