"""Observers are told what they ask for; what they raise is a value."""

from ddspcore import hookimpl
from ddspcore.observers import Observers
from ddspcore.plugins import Plugin, classify


class Watcher:
    """A plugin that is an object: it notes what it was told."""

    def __init__(self):
        self.seen = []

    @hookimpl
    def ddsp_log(self, record):
        self.seen.append(record)


class Faulty:
    @hookimpl
    def ddsp_log(self, run, record):
        raise ValueError("disk full\nand more")

    @hookimpl
    def ddsp_run_end(self):
        raise SystemExit(1)


def plugin(name, module):
    return classify(Plugin(name, "module", "package", "1", module=module))


def test_every_observer_is_called_with_what_it_asks_for_even_after_one_failed():
    watcher = Watcher()
    observers = Observers([plugin("faulty", Faulty()), plugin("watcher", watcher)])
    failures = observers.call("ddsp_log", run="run", record="record")
    assert watcher.seen == ["record"]
    assert [str(failure) for failure in failures] == [
        "observer faulty, ddsp_log: ValueError: disk full"
    ]
    assert failures[0].traceback.startswith("Traceback")
    assert "in ddsp_log" in failures[0].traceback


def test_an_observer_cannot_end_the_program():
    (failure,) = Observers([plugin("faulty", Faulty())]).call("ddsp_run_end", run=1, summary={})
    assert failure.reason == "SystemExit: 1"


def test_a_hook_that_nobody_implements_does_nothing():
    assert Observers([plugin("watcher", Watcher())]).call("ddsp_stage_end", run=1, stage=2) == []


def test_plugins_that_are_not_ok_are_not_told():
    watcher = Watcher()
    blocked = Plugin("watcher", "module", state="blocked", observes=("ddsp_log",), module=watcher)
    assert Observers([blocked]).call("ddsp_log", run=1, record=2) == []
    assert watcher.seen == []
