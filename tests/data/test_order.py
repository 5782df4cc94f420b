from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddspcore.data.order import indices

sizes = {"batch": st.integers(1, 9), "count": st.integers(1, 30)}


@given(seed=st.integers(0, 2**32), steps=st.integers(1, 20), **sizes)
def test_every_item_comes_once_before_any_comes_again(seed, steps, batch, count):
    seen = [i for step in range(steps) for i in indices(seed, "A", step, batch, count)]
    for start in range(0, len(seen), count):
        epoch = seen[start : start + count]
        assert len(set(epoch)) == len(epoch)
        assert set(epoch) <= set(range(count))


@given(step=st.integers(0, 10**9), **sizes)
def test_a_step_asked_for_alone_is_the_step_reached_by_replaying(step, batch, count):
    replayed = [indices(1, "A", s, batch, count) for s in range(max(0, step - 5), step + 1)]
    assert indices(1, "A", step, batch, count) == replayed[-1]


def test_the_order_is_pinned():
    # A library's shuffle may change between versions; a run must not.
    assert indices(1, "A", 0, 8, 8) == [7, 4, 1, 2, 5, 3, 6, 0]
    assert indices(1, "A", 10**6, 4, 1000) == [507, 711, 434, 361]


def test_seeds_labels_and_epochs_have_orders_of_their_own():
    orders = {
        tuple(indices(seed, label, epoch, 50, 50))
        for seed in (1, 2)
        for label in ("A", "B")
        for epoch in (0, 1)
    }
    assert len(orders) == 8


def test_without_shuffling_items_come_in_the_order_of_the_source():
    taken = [indices(3, "A", step, 4, 10, shuffle=False) for step in range(3)]
    assert taken == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 0, 1]]


def test_every_item_is_equally_likely_to_come_first():
    firsts = Counter(indices(seed, "A", 0, 1, 4)[0] for seed in range(2000))
    assert all(abs(firsts[item] - 500) < 100 for item in range(4))


def test_nothing_cannot_be_drawn_from():
    with pytest.raises(ValueError, match="no items"):
        indices(1, "A", 0, 1, 0)
