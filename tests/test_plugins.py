"""Discovery: every state, whatever a plugin does, and nothing of it leaks into the program."""

import random
import sys

import pytest
import torch

from ddspcore.plugins import discover, find


def named(name, **arguments):
    return {plugin.name: plugin for plugin in discover(**arguments)}[name]


def test_the_builtins_are_a_plugin_like_any_other():
    core = discover()[0]
    assert (core.name, core.package, core.target) == ("core", "ddspcore", "ddspcore.builtin")
    assert core.state == "ok"
    names: dict[str, set[str]] = {}
    for component in core.components:
        names.setdefault(component.kind, set()).add(component.name)
    assert names["source"] >= {"wav-folder"}
    assert names["feature"] >= {"f0", "loudness", "rms", "deltas", "swift-f0"}
    assert names["backbone"] >= {"transformer", "mlp", "gru"}
    assert names["head"] >= {"harmonic", "noise"}
    assert names["synth"] >= {"harmonic", "noise", "reverb"}
    assert names["loss"] >= {"mrstft", "loudness-linear", "loudness-db", "waveform-mse"}
    assert names["schedule"] >= {"constant", "linear", "exponential", "cosine", "ramp", "piecewise"}
    assert names["evaluator"] >= {"mss", "mel-lsd", "f0-error", "loudness-error", "energy-share"}
    assert core.observes == ("ddsp_run_end",)


def test_an_installed_plugin_is_found_with_its_package_and_components(site):
    site.add_loss("ddsp-loss-brightness", "bright-shape", version="2.3.0")
    plugin = named("brightness")
    assert (plugin.package, plugin.version, plugin.state) == ("ddsp-loss-brightness", "2.3.0", "ok")
    assert [(each.kind, each.name, each.doc) for each in plugin.components] == [
        ("loss", "bright-shape", "Compare shapes.")
    ]
    assert str(plugin) == "brightness (ddsp-loss-brightness 2.3.0)"


BROKEN = {
    "raises SystemExit": ("raise SystemExit(3)", "SystemExit: 3"),
    "exits without a code": ("import sys; sys.exit()", "SystemExit"),
    "has a syntax error": (
        "def f(:\n",
        "SyntaxError: invalid syntax (ddsp_loss_bad.py, line 1)",
    ),
    "misses a module": ("import fmtables", "ModuleNotFoundError: No module named 'fmtables'"),
    "raises what is no Exception": (
        "class Odd(BaseException): pass\nraise Odd('so')",
        "Odd: so",
    ),
    "has an unknown hook": (
        """
        from ddspcore import hookimpl
        @hookimpl
        def ddsp_loses(): return []
        """,
        "unknown hook ddsp_loses; did you mean ddsp_losses?",
    ),
    "asks an observer for too much": (
        """
        from ddspcore import hookimpl
        @hookimpl
        def ddsp_log(run, model): pass
        """,
        "Plugin 'ddsp_loss_bad' for hook 'ddsp_log' hookimpl definition: ddsp_log(run, model) "
        "Argument(s) {'model'} are declared in the hookimpl but can not be found in the hookspec",
    ),
    "wraps a hook": (
        """
        from ddspcore import hookimpl
        @hookimpl(wrapper=True)
        def ddsp_log(run, record): yield
        """,
        "ddsp_log is a wrapper; ddspcore calls hooks one by one",
    ),
    "raises in a hook": (
        """
        from ddspcore import hookimpl
        @hookimpl
        def ddsp_losses(): return [1 / 0]
        """,
        "ddsp_losses raised ZeroDivisionError: division by zero",
    ),
    "returns nothing": (
        """
        from ddspcore import hookimpl
        @hookimpl
        def ddsp_losses(): pass
        """,
        "ddsp_losses returned None, not a list of classes",
    ),
    "returns a class and no list": (
        """
        from ddspcore import hookimpl
        class Thing: pass
        @hookimpl
        def ddsp_losses(): return Thing
        """,
        "ddsp_losses returned Thing, not a list of classes",
    ),
    "returns a name": (
        """
        from ddspcore import hookimpl
        @hookimpl
        def ddsp_losses(): return "mel-shape"
        """,
        "ddsp_losses returned 'mel-shape', not a list of classes",
    ),
    "returns an unmarked class": (
        """
        from ddspcore import hookimpl
        class Thing: pass
        @hookimpl
        def ddsp_losses(): return [Thing]
        """,
        "ddsp_losses returned Thing, which is not marked with @loss",
    ),
    "returns a marked class's child": (
        """
        from torch import nn
        from ddspcore import hookimpl, loss
        @loss("thing")
        class Thing(nn.Module):
            "Compare."
            def forward(self, pred): return pred.mean()
        class Child(Thing): pass
        @hookimpl
        def ddsp_losses(): return [Child]
        """,
        "ddsp_losses returned Child, which is not marked with @loss",
    ),
    "returns the wrong kind": (
        """
        from torch import nn
        from ddspcore import hookimpl, loss
        @loss("thing")
        class Thing(nn.Module):
            "Compare."
            def forward(self, pred): return pred.mean()
        @hookimpl
        def ddsp_synths(): return [Thing]
        """,
        "ddsp_synths returned Thing, which is marked with @loss, not @synth",
    ),
    "has two of one name": (
        """
        from torch import nn
        from ddspcore import hookimpl, loss
        @loss("thing")
        class Thing(nn.Module):
            "Compare."
            def forward(self, pred): return pred.mean()
        @hookimpl
        def ddsp_losses(): return [Thing, Thing]
        """,
        'it has 2 loss components named "thing"',
    ),
    "breaks its kind's contract": (
        """
        from torch import nn
        from ddspcore import loss
        @loss("thing")
        class Thing(nn.Module):
            def forward(self, pred): return pred.mean()
        """,
        "DefinitionError: loss Thing: give it a docstring; its first line is shown to users",
    ),
}


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_plugin_is_a_value_with_a_reason(site, source, reason):
    site.add("ddsp-loss-bad", source)
    site.add_loss("ddsp-loss-good", "good")
    broken = named("bad")
    assert (broken.state, broken.reason) == ("broken", reason)
    assert broken.components == ()
    assert broken.module is None
    assert named("good").state == "ok"


def test_the_traceback_begins_in_the_plugin(site):
    site.add("ddsp-loss-bad", "def fail():\n    raise ValueError('no')\nfail()\n")
    lines = named("bad").traceback.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "ddsp_loss_bad.py" in lines[1]
    assert lines[-1] == "ValueError: no"


def test_an_interrupt_during_an_import_is_no_plugin_problem(site):
    site.add("ddsp-loss-slow", "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        discover()


def test_a_module_without_hooks_is_ok_and_says_that_it_provides_nothing(site):
    site.add("ddsp-empty", "")
    plugin = named("empty")
    assert (plugin.state, plugin.reason) == ("ok", "provides nothing: it has no hooks")


def test_a_forgotten_mark_is_named(site):
    site.add("ddsp-forgot", "def ddsp_losses(): return []")
    assert named("forgot").reason == "provides nothing: mark ddsp_losses with @hookimpl"


def test_a_hook_of_a_newer_release_can_be_optional(site):
    source = """
    from ddspcore import hookimpl
    @hookimpl(optionalhook=True)
    def ddsp_something_new(): return []
    """
    site.add("ddsp-newer", source)
    assert named("newer").state == "ok"


def test_a_hook_that_is_reserved_may_return_nothing_yet(site):
    source = """
    from ddspcore import hookimpl
    @hookimpl
    def ddsp_exporters(): return []
    """
    site.add("ddsp-early", source)
    assert (named("early").state, named("early").reason) == ("ok", "")


def test_another_api_version_is_never_imported(site, tmp_path):
    sentinel = tmp_path / "imported"
    source = f"open({str(sentinel)!r}, 'w')"
    site.add("ddsp-loss-warp", source, group="ddspcore.v2")
    plugin = named("warp")
    assert plugin.state == "incompatible"
    assert plugin.reason == "built for plugin API 2, this ddspcore speaks 1"
    assert not sentinel.exists()


def test_a_plugin_for_two_api_versions_is_taken_by_ours(site):
    module = site.add_loss("ddsp-loss-both", "both")
    points = site.folder / f"{module}-0.1.0.dist-info" / "entry_points.txt"
    points.write_text(f"[ddspcore.v1]\nboth = {module}\n[ddspcore.v2]\nboth = nowhere\n")
    assert named("both").state == "ok"


@pytest.mark.parametrize("block", ["warp", "ddsp-loss-warp"])
def test_a_blocked_plugin_is_never_imported(site, tmp_path, monkeypatch, block):
    sentinel = tmp_path / "imported"
    site.add("ddsp-loss-warp", f"open({str(sentinel)!r}, 'w')")
    assert named("warp", block=[block]).state == "blocked"
    monkeypatch.setenv("DDSP_BLOCK", f"other, {block}")
    assert named("warp").state == "blocked"
    assert named("warp").reason == "--block or DDSP_BLOCK names it"
    assert not sentinel.exists()


def test_what_a_plugin_prints_goes_to_stderr(site, capsys):
    source = """
    import sys
    from ddspcore import hookimpl
    print("at import")
    @hookimpl
    def ddsp_losses():
        print("in a hook")
        return []
    """
    site.add("ddsp-loud", source)
    assert named("loud").state == "ok"
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "at import\nin a hook\n"


def test_an_import_leaves_dtype_threads_and_generators_alone(site):
    source = """
    import random, numpy, torch
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(torch.get_num_threads() + 1)
    torch.set_grad_enabled(False)
    torch.manual_seed(1); torch.rand(3); random.seed(1); numpy.random.seed(1)
    raise RuntimeError("after the damage")
    """
    site.add("ddsp-rude", source)
    import numpy as np

    before = (
        torch.get_num_threads(),
        torch.get_rng_state(),
        random.getstate(),
        np.random.get_state(),
    )
    assert named("rude").reason == "RuntimeError: after the damage"
    assert named("rude").note == (
        "at import it changes the default dtype, the number of threads and grad mode for "
        "everybody, which was put back"
    )
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
    assert torch.get_num_threads() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])
    assert random.getstate() == before[2]
    np.testing.assert_equal(np.random.get_state(), before[3])


def test_the_same_distribution_twice_on_the_path_is_one_plugin(site, tmp_path, monkeypatch):
    site.add_loss("ddsp-loss-twin", "first")
    second = type(site)(tmp_path / "second")
    second.folder.mkdir()
    second.add_loss("ddsp-loss-twin", "second")
    monkeypatch.setattr(sys, "path", [*sys.path, str(second.folder)])
    twins = [plugin for plugin in discover() if plugin.package == "ddsp-loss-twin"]
    assert [plugin.components[0].name for plugin in twins] == ["first"]


def test_two_plugins_of_one_id_go_by_their_packages(site):
    site.add_loss("ddsp-loss-one", "one", name="extras")
    site.add_loss("ddsp-loss-two", "two", name="extras")
    found = {plugin.name: plugin for plugin in discover()}
    assert "extras" not in found
    assert found["ddsp-loss-one"].components[0].name == "one"
    assert found["ddsp-loss-two"].note == (
        'another plugin is named "extras" too; this one goes by its package\'s name'
    )
    assert {plugin.state for plugin in find(block=["extras"])[1:]} == {"blocked"}


def test_an_id_is_given_back_when_its_rival_is_blocked(site):
    site.add_loss("ddsp-loss-one", "one", name="extras")
    site.add_loss("ddsp-loss-two", "two", name="extras")
    found = {plugin.name: plugin.state for plugin in find(block=["ddsp-loss-two"])}
    assert found == {"core": "ok", "extras": "ok", "ddsp-loss-two": "blocked"}


def test_a_default_device_is_put_back(site):
    site.add("ddsp-far", "import torch; torch.set_default_device('meta')")
    assert named("far").note.startswith("at import it changes the default device for everybody")
    assert torch.zeros(1).device.type == "cpu"


def test_nobody_else_is_core(site):
    site.add_loss("ddsp-loss-usurper", "mss", name="core")
    found = {plugin.name: plugin for plugin in discover()}
    assert found["core"].package == "ddspcore"
    assert found["ddsp-loss-usurper"].note.startswith('the name "core" is reserved')
    assert found["ddsp-loss-usurper"].state == "ok"


def test_unreadable_metadata_breaks_only_its_own_plugin(site):
    module = site.add_loss("ddsp-loss-torn", "torn")
    points = site.folder / f"{module}-0.1.0.dist-info" / "entry_points.txt"
    points.write_text("[ddspcore.v1]\ntorn\n")
    plugin = named("ddsp-loss-torn")
    assert plugin.state == "broken"
    assert plugin.reason.startswith("its entry_points.txt cannot be read: ")


def test_what_is_left_of_a_package_is_a_row_too(site):
    module = site.add_loss("ddsp-loss-torn", "torn")
    (site.folder / f"{module}-0.1.0.dist-info" / "METADATA").unlink()
    (site.folder / f"{module}.py").unlink()
    plugin = named("torn")
    assert (plugin.package, plugin.state) == ("unknown", "broken")


def test_finding_imports_nothing(site):
    site.add("ddsp-loss-bad", "raise SystemExit")
    assert {plugin.name: plugin.state for plugin in find()} == {"core": "ok", "bad": "ok"}


def test_a_local_file_is_a_plugin_named_by_its_stem(site, tmp_path):
    file = tmp_path / "my_loss.py"
    module = site.add_loss("unused", "mine")
    file.write_text((site.folder / f"{module}.py").read_text())
    plugin = named("my_loss", local=[file, file])
    assert (plugin.package, plugin.version, plugin.target) == (None, None, str(file))
    assert plugin.components[0].name == "mine"
    file.write_text("1 / 0")
    assert named("my_loss", local=[file]).reason == "ZeroDivisionError: division by zero"


def test_a_local_file_keeps_its_name_before_an_installed_plugin(site, tmp_path):
    site.add_loss("ddsp-loss-melshape", "mel-shape")
    file = tmp_path / "melshape.py"
    file.write_text("")
    found = {plugin.name: plugin for plugin in discover(local=[file])}
    assert found["melshape"].target == str(file)
    assert found["ddsp-loss-melshape"].state == "ok"


def test_a_local_file_cannot_be_core_nor_share_its_stem(tmp_path):
    (tmp_path / "a").mkdir()
    files = [tmp_path / "core.py", tmp_path / "same.py", tmp_path / "a" / "same.py"]
    for file in files:
        file.write_text("")
    reasons = [plugin.reason for plugin in discover(local=files) if plugin.state == "broken"]
    assert reasons == [
        'the name "core" is reserved for the built-ins; rename the file',
        'another plugin is named "same" too',
    ]
