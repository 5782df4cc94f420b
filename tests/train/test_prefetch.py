"""What is made ahead comes in order, its errors come to whoever takes it, and the thread ends."""

import threading

import pytest

from ddspcore.train.prefetch import Prefetch


def test_what_is_taken_is_what_was_asked_for():
    made = []

    def make(place):
        made.append(place)
        return place * place

    with Prefetch(make, ahead=2) as prefetch:
        assert [prefetch.take(place) for place in range(5)] == [0, 1, 4, 9, 16]
        assert [prefetch.take(place) for place in (40, 41)] == [1600, 1681]
        assert prefetch.take(3) == 9
    assert made[:5] == [0, 1, 2, 3, 4]


def test_the_next_places_are_made_while_the_caller_works():
    ready = threading.Event()

    def make(place):
        if place == 2:
            ready.set()
        return place

    with Prefetch(make, ahead=2) as prefetch:
        prefetch.take(0)
        assert ready.wait(timeout=30)


def test_an_error_comes_with_its_place_and_not_before():
    def make(place):
        if place == 1:
            raise ZeroDivisionError("oh")
        return place

    with Prefetch(make, ahead=2) as prefetch:
        assert prefetch.take(0) == 0
        with pytest.raises(ZeroDivisionError, match="oh"):
            prefetch.take(1)
        assert prefetch.take(2) == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_the_thread_ends_however_the_caller_does(error):
    before = threading.active_count()

    def fail():
        with Prefetch(lambda place: place, ahead=2) as prefetch:
            prefetch.take(0)
            raise error

    with pytest.raises(error):
        fail()
    assert threading.active_count() == before
