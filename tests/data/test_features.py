import importlib
import sys
from importlib import metadata

import pytest
import torch
from torch import nn

from ddspcore import Control
from ddspcore.data.features import FeatureNode, run_features, summarise
from ddspcore.errors import PluginError

LENGTHS = {"sample": 512, "frame": 3}
ITEM = {"audio": torch.linspace(-1, 1, 512)[None]}
F0 = Control("f0_hz", unit="hz")
VOICING = Control("voicing", unit="probability")


class Returns(nn.Module):
    """A feature that returns what it was given."""

    def __init__(self, values):
        super().__init__()
        self.values = values

    def forward(self, batch):
        return self.values


class Doubles(nn.Module):
    """A feature that needs an earlier one."""

    def forward(self, batch):
        assert not self.training
        return {"double": 2 * batch["level"]}


class Scales(nn.Module):
    """A feature with parameters."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, batch):
        return {"x": self.layer(torch.ones(1, 3, 1))}


def node(module, *provides):
    return FeatureNode("mine", module, "key", provides)


def frames(*values):
    return torch.tensor(values, dtype=torch.float64).view(1, -1, 1)


def test_a_feature_sees_what_earlier_ones_made():
    nodes = (node(Returns({"level": frames(1, 2, 3)}), Control("level")),)
    nodes += (node(Doubles(), Control("double")),)
    made = run_features(nodes, ITEM, LENGTHS)
    assert set(made) == {"level", "double"}
    assert made["double"].flatten().tolist() == [2, 4, 6]
    assert made["double"].dtype == torch.float32


def test_features_run_without_gradients_and_leave_the_item_alone():
    item = dict(ITEM)
    scaled = nn.Linear(1, 1)
    made = run_features([node(Scales(scaled), Control("x"))], item, LENGTHS)
    assert not made["x"].requires_grad
    assert item.keys() == ITEM.keys()


@pytest.mark.parametrize(
    ("control", "value", "message"),
    [
        (Control("x"), None, "returns nothing"),
        (Control("x"), torch.zeros(1, 4, 1), r"here \[1, 3, 1\], but returns \[1, 4, 1\]"),
        (Control("x", channels=2), torch.zeros(1, 3, 1), r"here \[1, 3, 2\]"),
        (Control("x", axis="sample"), torch.zeros(1, 511), r"here \[1, 512\]"),
        (Control("x", axis="clip", channels=2), torch.zeros(1, 3), r"here \[1, 2\]"),
        (Control("x", axis="latent", channels=2), torch.zeros(1, 9, 3), r"here \[1, 9, 2\]"),
    ],
)
def test_a_feature_that_breaks_its_word_is_named(control, value, message):
    values = {} if value is None else {"x": value}
    with pytest.raises(PluginError, match=f"feature mine declares.*{message}"):
        run_features([node(Returns(values), control)], ITEM, LENGTHS)


def test_an_axis_that_the_source_does_not_know_may_have_any_length():
    control = Control("x", axis="latent", channels=2)
    made = run_features([node(Returns({"x": torch.zeros(1, 9, 2)}), control)], ITEM, LENGTHS)
    assert made["x"].shape == (1, 9, 2)


def test_the_range_of_a_pitch_is_that_of_its_voiced_frames():
    features = {"f0_hz": frames(50, 220, 440, 900), "voicing": frames(0, 1, 1, 0)}
    summary = summarise(features, [node(Returns({}), F0, VOICING)])
    assert summary["f0_hz"] == {"min": 220, "median": 220, "max": 440}
    assert summary["voicing"] == {"min": 0, "median": 0, "max": 1, "share": 0.5}


def test_the_range_of_a_pitch_that_is_never_voiced_is_that_of_all_frames():
    features = {"f0_hz": frames(50, 60), "voicing": frames(0, 0)}
    assert summarise(features, [node(Returns({}), F0, VOICING)])["f0_hz"]["max"] == 60


def test_only_single_channels_per_frame_are_summarised():
    features = {"mel": torch.zeros(1, 3, 8), "level": frames(1, 2, 3)}
    provides = (Control("mel", channels=8), Control("level"))
    assert set(summarise(features, [node(Returns({}), *provides)])) == {"level"}


def test_a_feature_is_known_by_its_options_its_records_and_its_code(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    identities = []
    for key, control, body in (
        ("a", VOICING, "return {}"),
        ("b", VOICING, "return {}"),
        ("a", F0, "return {}"),
        ("a", VOICING, "return dict()"),
    ):
        (tmp_path / "mine.py").write_text(
            "from torch import nn\n\nclass Mine(nn.Module):\n"
            f"    def forward(self, batch):\n        {body}\n"
        )
        module = importlib.import_module("mine").Mine()
        identities.append(FeatureNode("mine", module, key, (control,)).identity)
        del sys.modules["mine"]
    assert len({tuple(each) for each in identities}) == 4


def test_a_packaged_feature_is_known_by_its_version():
    layer = FeatureNode("mine", nn.Linear(1, 1), "key", ())
    assert metadata.version("torch") in layer.identity
