"""A run that is opened with other versions than it was made with says so at once."""

import json
import re
import shutil
from pathlib import Path

import pytest

TOY = Path(__file__).with_name("toy.py")
RECIPE = """
backbone = { use = "linear" }
head = { use = "gaussian" }
[data]
use = "walks"
[metric]
use = "miss"
every = 2
[[evaluator]]
use = "miss"
[[stage]]
name = "A"
steps = 2
lr = 1e-2
  [[stage.loss]]
  use = "nll"
[[stage]]
name = "B"
steps = 2
lr = 1e-2
  [[stage.loss]]
  use = "nll"
"""
PLUGINS = ("--plugin", "toy.py", "--plugin", "idle.py")


@pytest.fixture
def made(ddsp, tmp_path, monkeypatch):
    """Return a run that was made with another torch and another content of its plugin."""
    monkeypatch.chdir(tmp_path)
    Path("toy.toml").write_text(RECIPE)
    Path("idle.py").write_text("")
    shutil.copy(TOY, "toy.py")
    done = ddsp("run", "toy.toml", "--run-dir", "runs/made", *PLUGINS)
    assert done.code == 0, done.err
    provenance = Path("runs/made/provenance.toml")
    text = re.sub(r'^torch = ".*"$', 'torch = "2.0.1"', provenance.read_text(), flags=re.M)
    provenance.write_text(text.replace(_sha256(text, "toy"), "0123456789abcdef" * 4))
    Path("idle.py").write_text("# what the run does not use may change\n")
    return Path("runs/made")


def _sha256(text, name):
    return re.search(rf'name = "{name}"$.*?^sha256 = "(\w+)"$', text, re.M | re.S)[1]


def masked(text):
    """Hide what depends on this machine: the versions here, and the lines where those are told."""
    text = re.sub(r"(torch was 2\.0\.1, is )\S+", r"\1HERE", text)
    text = re.sub(r"(, is \S+toy\.py \()\w+", r"\1HERE", text).replace(f"{Path.cwd()}/", "")
    return re.sub(r"(provenance|resolved)\.toml:\d+:", r"\1.toml:LINE:", text)


def test_nothing_is_said_where_nothing_differs(ddsp, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("toy.toml").write_text(RECIPE)
    shutil.copy(TOY, "toy.py")
    words = ("--plugin", "toy.py", "--exact")
    assert ddsp("run", "toy.toml", "--run-dir", "run", *words).code == 0
    assert ddsp("eval", "run", *words).err == ""
    again = ddsp("run", "run/resolved.toml", "--run-dir", "again", *words)
    assert (again.code, again.err) == (0, "")
    assert "warning" not in again.out


def test_the_place_is_that_of_the_version(ddsp, made):
    warnings = ddsp("eval", made, *PLUGINS).err.splitlines()
    lines = (made / "provenance.toml").read_text().splitlines()
    for warning, told in zip(warnings, ('"2.0.1"', f'"{"0123456789abcdef" * 4}"'), strict=True):
        _, line, column = re.match(r"warning: (.*?):(\d+):(\d+): ", warning).groups()
        assert lines[int(line) - 1][int(column) - 1 :] == told


def test_measuring_it_warns_first(ddsp, made, golden):
    done = ddsp("eval", made, *PLUGINS, "--json")
    assert done.code == 0
    assert json.loads(done.out)["evaluation"]
    golden("versions-warned", masked(done.err))


@pytest.mark.parametrize("target", [".", "A/last.safetensors"])
def test_a_probe_of_gradients_warns_as_well(ddsp, made, target):
    done = ddsp("probe", "gradients", made / target, "--out", "probe", *PLUGINS)
    assert done.code == 0, done.err
    assert "torch was 2.0.1" in masked(done.err)
    assert "plugin toy was" in ddsp("probe", "gradients", made / target).err


@pytest.mark.parametrize("command", ["eval", "render"])
def test_to_be_exact_is_to_refuse_it(ddsp, made, golden, command):
    words = ("--split", "val") if command == "render" else ()
    done = ddsp(command, made, *words, *PLUGINS, "--exact")
    assert (done.code, done.out) == (1, "")
    golden("versions-refused", masked(done.err))


def test_a_plugin_that_is_gone_is_missed_before_the_recipe_needs_it(ddsp, made, golden):
    done = ddsp("eval", made)
    assert done.code == 1
    golden("versions-gone", masked(done.err))


def test_a_plugin_of_another_version(ddsp, made, site, golden):
    shutil.copy("toy.py", site.folder / "toy_package.py")
    site.add("toy-package", Path("toy.py").read_text(), name="toy", version="1.1")
    text = (made / "provenance.toml").read_text()
    old = f'package = ""\nversion = ""\ntarget = "{Path("toy.py").resolve()}"'
    assert old in text
    text = text.replace(old, 'package = "toy-package"\nversion = "1.0"\ntarget = "toy_package"')
    (made / "provenance.toml").write_text(text.replace(f'sha256 = "{_sha256(text, "toy")}"\n', ""))
    done = ddsp("eval", made)
    assert done.code == 0
    golden("versions-of-a-package", masked(done.err))


def test_a_plugin_whose_name_another_has_now_is_found_by_its_package(ddsp, made, site):
    """Both go by their packages' names while they share one."""
    shutil.copy("toy.py", site.folder / "toy_package.py")
    site.add("toy-package", Path("toy.py").read_text(), name="toy", version="1.0")
    done = ddsp("run", "toy.toml", "--run-dir", "runs/packaged")
    assert done.code == 0, done.err
    site.add_loss("toy-thief", "nothing", name="toy")
    assert "plugin toy was" not in ddsp("eval", "runs/packaged").err
    provenance = Path("runs/packaged/provenance.toml")
    provenance.write_text(provenance.read_text().replace('version = "1.0"', 'version = "0.9"'))
    said = "plugin toy was toy-package 0.9, is toy-package 1.0"
    assert said in ddsp("eval", "runs/packaged").err


def test_continuing_it_warns_before_the_first_step(ddsp, made):
    _reopen(made)
    done = ddsp("run", "toy.toml", "--run-dir", made, *PLUGINS)
    assert done.code == 0
    said = masked(done.out)
    assert said.index("torch was 2.0.1") < said.index("B      2/2")


def test_continuing_it_exactly_is_refused_and_changes_nothing(ddsp, made, golden):
    _reopen(made)
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    done = ddsp("run", "toy.toml", "--run-dir", made, *PLUGINS, "--exact")
    assert done.code == 1
    golden("versions-refused", masked(done.err))
    assert before == {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    assert ddsp("run", "toy.toml", "--run-dir", made, *PLUGINS).code == 0


def _reopen(run):
    """Make it a run that was killed in its second stage."""
    shutil.rmtree(run / "B")
    status = run / "status.json"
    status.write_text(status.read_text().replace('"finished"', '"running"'))


def test_its_resolved_recipe_pins_them(ddsp, made):
    for words, code in ((("--exact",), 1), ((), 0)):
        done = ddsp("run", made / "resolved.toml", "--run-dir", "again", *PLUGINS, *words)
        assert done.code == code
        assert "torch was 2.0.1" in done.out + done.err
        assert Path("again").exists() == (code == 0)


def test_to_start_from_its_weights_warns_too(ddsp, made):
    start = f"stage.A.init={json.dumps(str(made.resolve() / 'A' / 'best.safetensors'))}"
    for words, code in ((("--exact",), 1), ((), 0)):
        done = ddsp("run", "toy.toml", "--set", start, "--run-dir", "other", *PLUGINS, *words)
        assert done.code == code
        assert "torch was 2.0.1" in done.out + done.err
        assert Path("other").exists() == (code == 0)


def test_a_stage_of_it_is_copied_with_a_warning_or_trained_anew(ddsp, made):
    more = ("--set", "stage.B.steps=3", *PLUGINS)
    warned = ddsp("run", "toy.toml", "--run-dir", "runs/warned", *more)
    assert warned.out.index("torch was 2.0.1") < warned.out.index("stage A: already trained")
    shutil.rmtree("runs/warned")
    exact = ddsp("run", "toy.toml", "--run-dir", "runs/exact", *more, "--exact")
    assert exact.code == 0
    assert "already trained" not in exact.out


def test_what_is_not_whole_is_said(ddsp, made):
    (made / "provenance.toml").write_text("[")
    done = ddsp("eval", made, *PLUGINS)
    assert done.code == 1
    assert "provenance.toml: cannot be read: " in done.err
