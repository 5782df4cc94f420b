"""What a plugin's author meets: cases with names, exemptions with reasons that go stale loudly."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = '''
from torch import nn
from ddspcore import hookimpl, loss


@loss("quiet")
class Quiet(nn.Module):
    """Likes it half as loud."""

    def forward(self, pred, target):
        return (pred - 0.5 * target).square().mean()


@hookimpl
def ddsp_losses():
    return [Quiet]
'''
BROKEN = "loss-quiet-is_smallest_at_identity"
KEPT = "loss-quiet-is_one_number"


def run(folder: Path, call: str) -> subprocess.CompletedProcess[str]:
    """Run an author's test file in a folder of its own."""
    (folder / "quiet.py").write_text(PLUGIN)
    test = f"import quiet\nfrom ddspcore.testing import conformance\n\ntest_conformance = {call}\n"
    (folder / "test_quiet.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:xdist"]
    env = {**os.environ, "PYTHONPATH": str(folder), "PYTEST_ADDOPTS": ""}
    command += ["-rA", "test_quiet.py"]
    return subprocess.run(command, check=False, cwd=folder, env=env, capture_output=True, text=True)


@pytest.mark.slow
def test_a_broken_promise_is_one_case_that_fails_with_a_sentence(tmp_path):
    ran = run(tmp_path, "conformance(quiet)")
    assert "1 failed" in ran.stdout
    assert f"[{BROKEN}]" in ran.stdout
    assert "loss quiet: half the target scores 0, the target itself" in ran.stdout
    assert f"PASSED test_quiet.py::test_conformance[{KEPT}]" in ran.stdout


@pytest.mark.slow
def test_an_exemption_with_a_reason_is_an_expected_failure(tmp_path):
    ran = run(tmp_path, f'conformance(quiet, exempt={{"{BROKEN}": "it is a taste"}})')
    assert ran.returncode == 0
    assert "1 xfailed" in ran.stdout


@pytest.mark.slow
def test_an_exemption_that_is_not_needed_fails(tmp_path):
    exempt = {BROKEN: "it is a taste", KEPT: "it was two once"}
    ran = run(tmp_path, f"conformance(quiet, exempt={exempt})")
    assert ran.returncode == 1
    assert f"[XPASS(strict)] {exempt[KEPT]}" in ran.stdout


@pytest.mark.parametrize(
    ("exempt", "message"),
    [
        ({"loss-quiet-is_round": "why not"}, "there is no case loss-quiet-is_round"),
        ({BROKEN: " "}, f"say why {BROKEN} cannot be kept"),
    ],
)
def test_an_exemption_needs_a_case_and_a_reason(exempt, message, tmp_path, monkeypatch):
    from ddspcore.testing import conformance

    (tmp_path / "quiet.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    import quiet

    with pytest.raises(ValueError, match=message):
        conformance(quiet, exempt=exempt)


LISTENER = '''
from torch import nn
from ddspcore import Control, feature, hookimpl


@feature("crest")
class Crest(nn.Module):
    """The largest sample of an item, whose need is a bare name."""

    @staticmethod
    def needs(opt, ctx):
        return ("audio",)

    @staticmethod
    def provides(opt, ctx):
        return (Control("crest", axis="clip", lo=0.0),)

    def forward(self, batch):
        return {"crest": batch["audio"].abs().amax(-1, keepdim=True)}


@hookimpl
def ddsp_features():
    return [Crest]
'''


def test_a_need_by_a_bare_name_is_served_what_a_source_provides(tmp_path, monkeypatch):
    from ddspcore.testing import AUDIO
    from ddspcore.testing.cases import cases

    (tmp_path / "listener.py").write_text(LISTENER)
    monkeypatch.syspath_prepend(tmp_path)
    import listener

    found = {case.id: case.verdict() for case in cases(listener, AUDIO)}
    assert "feature-crest-returns_what_it_declares" in found
    assert {verdict for verdict, _ in found.values()} == {"kept"}, found
