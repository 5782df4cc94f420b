"""`ddsp plugins` stays right whatever is installed."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from textwrap import dedent

import pytest

BAD = {
    "ddsp-loss-exit": "raise SystemExit(3)",
    "ddsp-loss-syntax": "def f(:\n",
    "ddsp-loss-loud": "print('hello from a plugin')",
}


@pytest.fixture
def zoo(site, tmp_path):
    """Install one plugin of every sort, as issue reports bring them."""
    for package, source in BAD.items():
        site.add(package, source)
    sentinel = tmp_path / "imported"
    site.add("ddsp-loss-warp", f"open({str(sentinel)!r}, 'w')", group="ddspcore.v2")
    site.add_loss("ddsp-loss-usurper", "mss", name="core")
    site.add_loss("ddsp-loss-extras", "mel-shape", version="2.3.0")
    site.add_loss("ddsp-loss-melshape", "mel-shape")
    yield site
    assert not sentinel.exists()


def test_the_list_shows_every_state_and_exits_0(ddsp, zoo, golden):
    outcome = ddsp("plugins", "list", "--block", "ddspcore")
    assert outcome.code == 0
    assert outcome.err == "hello from a plugin\n"
    golden("plugins-list", outcome.out.replace(f"ddspcore {version('ddspcore')}", "ddspcore 0.1.0"))


def test_the_list_for_programs_has_these_keys(ddsp, zoo):
    outcome = ddsp("plugins", "list", "--json")
    assert outcome.code == 0
    rows = {row["name"]: row for row in json.loads(outcome.out)}
    assert next(iter(rows)) == "core"
    assert rows["core"]["state"] == "ok"
    assert "mss" in rows["core"]["provides"]["evaluator"]
    assert rows["extras"] == {
        "name": "extras",
        "package": "ddsp-loss-extras",
        "version": "2.3.0",
        "state": "ok",
        "reason": "",
        "provides": {"loss": ["extras:mel-shape"]},
    }
    assert rows["warp"]["state"] == "incompatible"
    assert rows["exit"]["reason"] == "SystemExit: 3"
    assert rows["ddsp-loss-usurper"]["provides"] == {"loss": ["mss"]}


def test_blocking_a_rival_makes_its_name_plain_again(ddsp, zoo):
    rows = json.loads(ddsp("plugins", "list", "--json", "--block", "extras").out)
    provides = {row["name"]: row["provides"] for row in rows}
    assert provides["melshape"] == {"loss": ["mel-shape"]}
    assert provides["extras"] == {}


def test_strictness_turns_broken_into_exit_code_2(ddsp, zoo, monkeypatch):
    text = (
        "error: plugin exit (ddsp-loss-exit 0.1.0) is broken: SystemExit: 3; "
        "plugin syntax (ddsp-loss-syntax 0.1.0) is broken: "
        "SyntaxError: invalid syntax (ddsp_loss_syntax.py, line 1)"
    )
    outcome = ddsp("plugins", "list", "--strict-plugins")
    assert outcome.code == 2
    assert outcome.err.splitlines()[-1] == text
    monkeypatch.setenv("DDSP_STRICT", "1")
    assert ddsp("components").code == 2
    assert ddsp("components", "--block", "exit", "--block", "syntax").code == 0


def test_one_plugin_is_shown_with_its_components(ddsp, zoo):
    outcome = ddsp("plugins", "show", "extras")
    assert outcome.out == dedent("""\
        plugin   extras
        package  ddsp-loss-extras 2.3.0
        loads    ddsp_loss_extras
        state    ok

        kind  name              what it is
        loss  extras:mel-shape  Compare shapes.
        """)
    row = json.loads(ddsp("plugins", "show", "exit", "--json").out)
    assert row["traceback"].endswith("SystemExit: 3\n")


def test_an_unknown_plugin_is_met_with_a_suggestion(ddsp, site):
    site.add_loss("ddsp-loss-extras", "mel-shape")
    outcome = ddsp("plugins", "show", "extra")
    assert outcome.code == 1
    assert outcome.err == (
        'error: unknown plugin "extra"; did you mean "extras"?; installed: core, extras\n'
    )


def test_the_doctor_has_the_traceback_and_what_to_do(ddsp, zoo):
    outcome = ddsp("plugins", "doctor", "syntax")
    assert outcome.code == 2
    assert outcome.out == dedent(f"""\
        plugin syntax (ddsp-loss-syntax 0.1.0) is broken: SyntaxError: invalid syntax \
(ddsp_loss_syntax.py, line 1)

          File "{zoo.folder / "ddsp_loss_syntax.py"}", line 1
            def f(:
                  ^
        SyntaxError: invalid syntax

        What to do: until it is mended, keep it from being imported: --block syntax

        """)
    assert ddsp("plugins", "doctor").out.count("What to do") == 3


def test_the_doctor_finds_the_healthy_healthy(ddsp, site):
    assert ddsp("plugins", "doctor", "core").out == "plugin core is ok\n"
    assert ddsp("plugins", "doctor").out == "all plugins are ok\n"


def test_a_local_file_is_listed_like_any_plugin(ddsp, site, tmp_path):
    module = site.add_loss("unused", "mine")
    file = tmp_path / "my_loss.py"
    file.write_text((site.folder / f"{module}.py").read_text())
    outcome = ddsp("plugins", "list", "--plugin", file, "--block", "core,unused")
    assert "my_loss  local file" in outcome.out


def test_the_list_survives_a_process_of_its_own(zoo):
    environment = {"PYTHONPATH": str(zoo.folder), "DDSP_BLOCK": "melshape"}
    outcome = subprocess.run(
        [sys.executable, "-m", "ddspcore.cli", "plugins", "list", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | environment,
    )
    assert outcome.returncode == 0
    assert outcome.stderr == "hello from a plugin\n"
    states = {row["name"]: row["state"] for row in json.loads(outcome.stdout)}
    expected = {
        "core": "ok",
        "ddsp-loss-usurper": "ok",
        "exit": "broken",
        "extras": "ok",
        "loud": "ok",
        "melshape": "blocked",
        "syntax": "broken",
        "warp": "incompatible",
    }
    assert expected.items() <= states.items()
