"""Deliberately wrong components: each is caught by the promise it breaks; no promise is idle."""

import importlib.util
from collections import Counter
from pathlib import Path

import pytest

from ddspcore.component import component_of
from ddspcore.testing.cases import cases
from ddspcore.testing.promises import PROMISES
from ddspcore.testing.setting import AUDIO

FOLDER = Path(__file__).with_name("mutants")
AT_LEAST = 5


def load(path):
    spec = importlib.util.spec_from_file_location(f"mutants_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MODULES = [load(path) for path in sorted(FOLDER.glob("*.py"))]
MUTANTS = [
    (module, cls)
    for module in MODULES
    for cls in vars(module).values()
    if isinstance(cls, type) and "breaks" in vars(cls)
]


@pytest.mark.parametrize(
    ("module", "mutant"), MUTANTS, ids=[component_of(m).name for _, m in MUTANTS]
)
def test_every_mutant_is_caught_by_the_promise_it_breaks(module, mutant):
    component = component_of(mutant)
    asked = [
        case
        for case in cases(module, AUDIO)
        if case.subject.component is component and case.promise.name == mutant.breaks
    ]
    assert len(asked) == 1, f"{mutant.breaks} is not asked of a {component.kind}"
    verdict, why = asked[0].verdict()
    assert verdict == "broken"
    assert "raises" not in why, "a promise says what is wrong in a sentence"


def test_every_promise_catches_a_mutant():
    caught = {mutant.breaks for _, mutant in MUTANTS}
    promised = {promise.name for promises in PROMISES.values() for promise in promises}
    assert promised <= caught
    assert caught <= promised


def test_every_kind_has_mutants_enough():
    count = Counter(component_of(mutant).kind for _, mutant in MUTANTS)
    assert count.keys() == PROMISES.keys()
    assert min(count.values()) >= AT_LEAST
