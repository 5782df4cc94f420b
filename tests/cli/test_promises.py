"""`ddsp plugins check` asks a plugin's components for what their kinds promise."""

import json

import pytest

CURVES = """
from attrs import frozen
from ddspcore import hookimpl, option, schedule

@schedule("fall")
@frozen
class Fall:
    '''A fall by steps.'''
    start: float = option(1.0, help="where it begins")
    floor: float = option({floor}, help="how far it falls")

    def __call__(self, step, total):
        return max(self.floor, self.start {sign} step)

    @staticmethod
    def example():
        return Fall()

@hookimpl
def ddsp_schedules():
    return [Fall]
"""
TABLES = """
from pathlib import Path
from attrs import frozen
from torch import nn
from ddspcore import feature, hookimpl, option

@feature("table")
class Table(nn.Module):
    '''What a file says.'''
    @frozen
    class Options:
        file: Path = option(help="the file")
        size: int = option(3, ge=1, help="of what it says")

    def forward(self, batch):
        return {}

    @staticmethod
    def needs(opt, ctx):
        return ()

    @staticmethod
    def provides(opt, ctx):
        return ()

@hookimpl
def ddsp_features():
    return [Table]
"""
KEPT = CURVES.format(floor=0.0, sign="-")
BROKEN = CURVES.format(floor=0.0, sign="+ 9e999 *")


@pytest.fixture
def check(ddsp, tmp_path, monkeypatch):
    """Return a function that checks a local file."""
    monkeypatch.chdir(tmp_path)

    def run(source, *words):
        (tmp_path / "mine.py").write_text(source)
        return ddsp("plugins", "check", "mine", "--plugin", "mine.py", *words)

    return run


def test_what_is_kept_is_a_table(check, golden, tmp_path):
    outcome = check(KEPT)
    assert (outcome.code, outcome.err) == (0, "")
    golden("plugins-check-kept", outcome.out.replace(str(tmp_path), "."))


def test_what_is_broken_is_a_sentence_and_exit_code_2(check, golden, tmp_path):
    outcome = check(BROKEN)
    assert outcome.code == 2
    golden("plugins-check-broken", (outcome.out + outcome.err).replace(str(tmp_path), "."))


def test_programs_are_told_the_same(check):
    outcome = check(BROKEN, "--json")
    assert outcome.code == 2
    rows = json.loads(outcome.out)
    assert {row["verdict"] for row in rows} == {"kept", "broken"}
    assert {(row["kind"], row["component"]) for row in rows} == {("schedule", "fall")}
    assert [row["why"] for row in rows if row["verdict"] == "broken"] == [
        "step 1 of 100 gives inf",
        "it starts at 0, not 1",
    ]


def test_a_plugin_without_components_promises_nothing(check):
    outcome = check("from ddspcore import hookimpl\n@hookimpl\ndef ddsp_log(record): pass\n")
    assert outcome.out == "plugin mine: no components, so nothing is promised\n"
    assert outcome.code == 0


REFUSED = {
    "without-an-option": (TABLES,),
    "no-such-component": (TABLES, "--set", "tabel.file=a"),
    "no-such-option": (TABLES, "--set", "table.fiel=a"),
    "no-component-named": (TABLES, "--set", "file=a"),
    "out-of-range": (TABLES, "--set", "table.file=a", "--set", "table.size=0"),
    "not-loaded": ("1 / 0",),
}


@pytest.mark.parametrize("given", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_checked_is_said(check, golden, tmp_path, given, request):
    outcome = check(*given)
    assert (outcome.code, outcome.out) == (2 if given[0] == "1 / 0" else 1, "")
    name = f"plugins-check-{request.node.callspec.id}"
    golden(name, outcome.err.replace(str(tmp_path), "."))
