"""Names: core wins, a sole owner needs no prefix, two owners are an error only when asked."""

import pytest
from torch import nn

from ddspcore.catalog import Catalog, Entry, LookupProblem
from ddspcore.component import component_of, loss, synth
from ddspcore.plugins import Plugin


def make_loss(name):
    @loss(name)
    class Loss(nn.Module):
        """Compare."""

        def forward(self, pred):
            return pred.mean()

    return component_of(Loss)


def make_synth(name):
    @synth(name)
    class Synth(nn.Module):
        """Sound."""

        @staticmethod
        def needs(opt, ctx):
            return ()

        @staticmethod
        def provides(opt, ctx):
            return None

        def forward(self, controls):
            return controls["a"]

    return component_of(Synth)


MSS, HARMONIC = make_loss("mss"), make_synth("harmonic")
CORE = Plugin("core", "ddspcore.builtin", "ddspcore", "1.0.0", components=(MSS, HARMONIC))
EXTRAS = Plugin(
    "extras",
    "ddsp_loss_extras",
    "ddsp-loss-extras",
    "2.3.0",
    components=tuple(map(make_loss, ("mel-shape", "mss", "sisdr"))),
)
MELSHAPE = Plugin(
    "melshape",
    "ddsp_loss_melshape",
    "ddsp-loss-melshape",
    "0.1.0",
    components=(make_loss("mel-shape"),),
)
FM = Plugin("fm", "ddsp_synth_fm", "ddsp-synth-fm", "0.2.1", "broken", "ValueError: no")
WARP = Plugin("warp", "warp", "ddsp-loss-warp", "0.9.0", "incompatible", "built for plugin API 2")
CATALOG = Catalog((EXTRAS, FM, CORE, MELSHAPE, WARP))


def problem(kind, name, catalog=CATALOG):
    with pytest.raises(LookupProblem) as error:
        catalog.find(kind, name)
    return [error.value.message, *error.value.hints]


def test_core_keeps_its_bare_names():
    assert CATALOG.find("loss", "mss") == Entry("core", MSS)
    assert CATALOG.find("loss", "extras:mss").qualified == "extras:mss"


def test_the_only_owner_needs_no_prefix():
    assert CATALOG.find("loss", "sisdr").plugin == "extras"
    assert CATALOG.find("loss", "extras:sisdr") == CATALOG.find("loss", "sisdr")


def test_two_owners_are_an_error_only_when_asked():
    assert problem("loss", "mel-shape") == [
        'ambiguous loss "mel-shape"',
        'write "extras:mel-shape" or "melshape:mel-shape"',
    ]
    assert CATALOG.find("loss", "melshape:mel-shape").plugin == "melshape"


def test_an_id_that_two_ask_for_belongs_to_neither():
    rivals = [
        Plugin(name, "x", package=name, asked="shape", components=(MSS,)) for name in ("one", "two")
    ]
    assert problem("loss", "shape:mss", Catalog(rivals)) == [
        '2 plugins are named "shape"',
        "write one or two",
        "or keep one from being imported: --block",
    ]


def test_a_plugin_is_known_by_its_package_too():
    catalog = Catalog([Plugin("shape", "x", package="ddsp-loss-shape", components=(MSS,))])
    assert catalog.find("loss", "ddsp-loss-shape:mss").qualified == "shape:mss"


def test_what_is_shown_is_what_can_be_written():
    shown = [CATALOG.display_name(entry) for entry in CATALOG.entries("loss")]
    assert shown == ["mss", "extras:mel-shape", "extras:mss", "sisdr", "melshape:mel-shape"]
    for entry in CATALOG.entries():
        assert CATALOG.find(entry.component.kind, CATALOG.display_name(entry)) == entry
        assert CATALOG.find(entry.component.kind, entry.qualified) == entry


def test_without_the_rival_the_name_is_plain_again():
    catalog = Catalog((CORE, MELSHAPE))
    assert [catalog.display_name(entry) for entry in catalog.entries("loss")] == [
        "mss",
        "mel-shape",
    ]


def test_an_unknown_name_is_met_with_what_is_close_and_what_there_is():
    assert problem("loss", "Mel_Shpae") == [
        'unknown loss "Mel_Shpae"',
        'did you mean "extras:mel-shape"?',
        'did you mean "melshape:mel-shape"?',
        "plugin fm (ddsp-synth-fm 0.2.1) is broken and may provide it: ValueError: no; "
        "ddsp plugins doctor fm",
        "plugin warp (ddsp-loss-warp 0.9.0) is incompatible and may provide it: "
        "built for plugin API 2; ddsp plugins doctor warp",
        "installed: extras:mel-shape, extras:mss, melshape:mel-shape, mss, sisdr",
    ]


def test_a_name_of_another_kind_is_recognised():
    assert problem("loss", "harmonic", Catalog([CORE])) == [
        'unknown loss "harmonic"',
        '"harmonic" exists as synth',
        "installed: mss",
    ]


def test_nothing_installed_says_so():
    assert problem("head", "harmonic", Catalog()) == [
        'unknown head "harmonic"',
        "installed: none",
    ]


def test_an_unknown_name_of_a_plugin_stays_with_that_plugin():
    assert problem("loss", "extras:sisd") == [
        'unknown loss "extras:sisd"',
        'did you mean "extras:sisdr"?',
        "installed: extras:mel-shape, extras:mss, extras:sisdr",
    ]


def test_an_unknown_plugin_is_met_with_the_plugins():
    assert problem("loss", "extra:mss") == [
        'unknown plugin "extra"',
        'did you mean "extras"?',
        "installed: core, extras, fm, melshape, warp",
    ]


def test_a_broken_plugin_is_an_error_when_it_is_named():
    assert problem("synth", "fm:index") == [
        "plugin fm (ddsp-synth-fm 0.2.1) is broken: ValueError: no",
        "ddsp plugins doctor fm",
    ]


def test_entries_come_by_kind_with_the_builtins_first():
    order = [(entry.component.kind, entry.plugin) for entry in CATALOG.entries()]
    assert order == [
        ("synth", "core"),
        ("loss", "core"),
        ("loss", "extras"),
        ("loss", "extras"),
        ("loss", "extras"),
        ("loss", "melshape"),
    ]
