import threading
import time

import pytest

from ddspcore.data import parallel
from ddspcore.data.parallel import each


def ignore(done, thing):
    pass


def test_results_keep_their_order_whoever_is_done_first():
    def slow_first(number):
        time.sleep(0.02 if number == 0 else 0)
        return number * number

    assert each(slow_first, [0, 1, 2, 3], ignore) == [0, 1, 4, 9]


def test_several_are_worked_on_at_once(monkeypatch):
    monkeypatch.setattr(parallel, "_processors", lambda: 3)
    meeting = threading.Barrier(3, timeout=10)
    assert sorted(each(lambda _: meeting.wait(), "abc", ignore)) == [0, 1, 2]


def test_progress_counts_up_to_all():
    told = []
    each(str, [7, 8], lambda done, thing: told.append((done, thing)))
    assert [done for done, _ in told] == [0, 1, 2]
    assert {thing for _, thing in told} == {None, 7, 8}


def test_a_failure_is_raised_and_what_waits_never_begins(monkeypatch):
    monkeypatch.setattr(parallel, "_processors", lambda: 1)
    begun = []

    def work(number):
        begun.append(number)
        time.sleep(0.01)
        raise ValueError(str(number))

    with pytest.raises(ValueError, match="0"):
        each(work, range(100), ignore)
    assert len(begun) < 10


def test_an_interrupt_stops_it_too(monkeypatch):
    monkeypatch.setattr(parallel, "_processors", lambda: 1)
    begun = []

    def interrupt(done, thing):
        if done == 1:
            raise KeyboardInterrupt

    def work(number):
        begun.append(number)
        time.sleep(0.01)

    with pytest.raises(KeyboardInterrupt):
        each(work, range(100), interrupt)
    assert len(begun) < 10


def test_nothing_is_nothing():
    assert each(str, [], ignore) == []
