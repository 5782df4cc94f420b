"""docs/hooks.md: every hook has its heading, its test and a plugin that works."""

import inspect
import re
from pathlib import Path

import pytest

from ddspcore import hookspecs
from ddspcore.contracts import CONTRACTS, RECIPE_KEYS
from ddspcore.hooks import DECLARES
from ddspcore.observers import Observers
from ddspcore.plugins import discover
from ddspcore.scaffold import USAGE, Scaffold
from ddspcore.testing import AUDIO
from ddspcore.testing.cases import cases
from ddspcore.train.events import LogRecord, RunInfo, StageResult

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "hooks.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### `(\w+)[^\n]*\n(.*?)(?=^##|\Z)", PAGE, re.M | re.S))
HOOKS = [name for name in vars(hookspecs) if name.startswith("ddsp_")]
KIND_HOOKS = {kind: hook for hook, kind in DECLARES.items() if kind in USAGE}


def example(text: str) -> str:
    """Return the last block of Python in a part of the page."""
    return re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S)[-1]


@pytest.mark.parametrize("hook", HOOKS)
def test_it_has_a_heading_with_its_exact_signature(hook):
    signature = str(inspect.signature(getattr(hookspecs, hook)))
    plain = re.sub(r"collections\.abc\.|typing\.|'", "", signature)
    assert f"\n### `{hook}{plain}`\n" in PAGE


@pytest.mark.parametrize("hook", HOOKS)
def test_it_is_named_by_a_test(hook):
    files = (file for file in TESTS.rglob("test_*.py") if file != Path(__file__))
    assert any(re.search(rf"\b{hook}\b", file.read_text(encoding="utf-8")) for file in files)


@pytest.mark.parametrize("kind", USAGE)
def test_the_example_of_a_kind_is_what_new_writes(kind):
    code = example(SECTIONS[KIND_HOOKS[kind]])
    name = re.search(rf'^@{kind}\("(.+)"\)$', code, re.M)[1]
    scaffold = Scaffold(kind, name)
    assert code == scaffold.texts()[f"{scaffold.module}/__init__.py"]


@pytest.mark.parametrize("kind", CONTRACTS)
def test_all_of_a_contract_is_in_the_section_of_its_kind(kind):
    text, contract = SECTIONS[KIND_HOOKS[kind]], CONTRACTS[kind]
    for name in (*contract.constructor, *contract.methods, *contract.declares):
        assert re.search(rf"`{name}\b", text), name


def test_every_name_that_an_option_cannot_have_is_told():
    sentence = re.search(r"The names (.*?) belong to the recipe", PAGE, re.S)[1]
    assert tuple(re.findall(r"`(\w+)`", sentence)) == RECIPE_KEYS


def loaded(code: str, folder: Path) -> object:
    """Return what discovery makes of an example."""
    (folder / "example.py").write_text(code)
    found = discover(local=[folder / "example.py"])
    (plugin,) = (plugin for plugin in found if plugin.name == "example")
    assert (plugin.state, plugin.reason) == ("ok", "")
    return plugin


def test_the_component_that_shows_what_all_have_keeps_every_promise(tmp_path):
    plugin = loaded(example(PAGE.partition("\n## Components\n")[0]), tmp_path)
    verdicts = {case.id: case.verdict() for case in cases(plugin.module, AUDIO)}
    assert {verdict for verdict, _ in verdicts.values()} <= {"kept", "unproved"}, verdicts
    (component,) = plugin.components
    assert component.scheduled == ("gain",)


def test_the_observer_is_told_how_a_run_goes(tmp_path, capsys):
    observers = Observers([loaded(example(PAGE.partition("\n## Observers\n")[2]), tmp_path)])
    run = RunInfo(tmp_path, "r.toml", "Mine", "cpu", ("A",))
    stage = StageResult("A", tmp_path / "A", 10, "mss", 0.25, 8, 0.5, 1.0)
    assert observers.call("ddsp_run_start", run=run) == []
    assert observers.call("ddsp_log", run=run, record=LogRecord("A", 1, {"loss": 0.5})) == []
    assert observers.call("ddsp_stage_end", run=run, stage=stage) == []
    assert observers.call("ddsp_run_end", run=run, summary={}) == []
    assert (tmp_path / "losses.csv").read_text() == "stage,step,name,value\nA,1,loss,0.5\n"
    assert capsys.readouterr().out == f"A: mss 0.25 at step 8\nMine is in {tmp_path}\n"
