from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ddspcore.data.fates import DataError
from ddspcore.data.splits import Extent, Stretch, chunks, split, split_by_name

CHUNK = 64


def files(*hops, content=None):
    return [Extent(f"{n}.wav", content or f"c{n}", h) for n, h in enumerate(hops)]


def hops_of(stretches, files):
    """Return every hop of content that the stretches touch; copies are the same content."""
    return {(files[s.item].content, hop) for s in stretches for hop in range(s.start, s.stop)}


extents = st.lists(
    st.builds(Extent, st.text("abc", min_size=1), st.sampled_from("uvwxyz"), st.just(0)),
    min_size=1,
    max_size=12,
    unique_by=lambda extent: extent.name,
).flatmap(
    lambda found: st.dictionaries(
        st.just("") | st.sampled_from("uvwxyz"), st.integers(16, 900), min_size=0
    ).map(lambda hops: [Extent(f.name, f.content, hops.get(f.content, 100)) for f in found])
)


@given(
    extents,
    st.floats(0, 0.99),
    st.integers(1, 80),
    st.integers(1, 80),
    st.integers(0, 9),
)
def test_no_chunk_of_one_side_shares_a_sample_with_one_of_the_other(
    found, fraction, chunk, stride, seed
):
    parts = split(found, fraction, chunk, seed)
    train, val = (
        [c for stretch in side for c in chunks(stretch, chunk, stride)]
        for side in (parts.train, parts.val)
    )
    assert train
    assert not hops_of(train, found) & hops_of(val, found)
    if parts.by == "time":
        first, last = min(c.start for c in val), max(c.stop for c in train)
        assert first - last >= chunk
    if len({f.content for f in found}) > 1 and fraction > 0:
        assert parts.by == "file"
        assert val


@given(extents, st.floats(0.01, 0.99), st.integers(0, 9))
def test_copies_of_one_content_stay_together(found, fraction, seed):
    parts = split(found, fraction, CHUNK, seed)
    if parts.by == "file":
        train, val = ({found[s.item].content for s in side} for side in (parts.train, parts.val))
        assert not train & val


@pytest.mark.parametrize(("count", "held"), [(2, 1), (5, 1), (10, 1), (20, 2), (40, 4)])
def test_a_tenth_of_the_files_is_held_out_and_at_least_one(count, held):
    parts = split(files(*[200] * count), 0.1, CHUNK, 0)
    assert (len(parts.val), len(parts.train)) == (held, count - held)


def test_one_file_is_always_trained_on():
    assert len(split(files(200, 200), 0.99, CHUNK, 0).train) == 1


@given(st.integers(2, 40), st.integers(0, 99))
def test_a_file_more_moves_at_most_one_other(count, seed):
    before = files(*[200] * count)
    after = [*before, Extent("new.wav", "new", 200)]
    held_before, held_after = (
        {found[s.item].name for s in split(found, 0.1, CHUNK, seed).val}
        for found in (before, after)
    )
    assert len((held_before ^ held_after) - {"new.wav"}) <= 1


def test_another_seed_holds_out_other_files():
    found = files(*[200] * 20)
    assert len({split(found, 0.1, CHUNK, seed).val for seed in range(5)}) > 1


def test_of_a_single_file_the_last_tenth_is_held_out_a_chunk_away():
    parts = split(files(3000), 0.1, CHUNK, 0)
    assert parts.by == "time"
    assert parts.val == (Stretch(0, 2700, 3000),)
    assert parts.train == (Stretch(0, 0, 2700 - CHUNK),)
    assert parts.gap == CHUNK


def test_what_is_held_out_of_a_single_file_is_at_least_a_chunk():
    parts = split(files(300), 0.1, CHUNK, 0)
    assert parts.val == (Stretch(0, 300 - CHUNK, 300),)


@pytest.mark.parametrize(
    ("hops", "reason"),
    [(20, "single chunk"), (CHUNK, "single chunk"), (3 * CHUNK - 1, "too short")],
)
def test_of_too_short_a_file_nothing_is_held_out_and_the_reason_is_said(hops, reason):
    parts = split(files(hops), 0.1, CHUNK, 0)
    assert (parts.by, parts.val) == ("none", ())
    assert reason in parts.reason
    assert split(files(3 * CHUNK), 0.1, CHUNK, 0).by == "time"


def test_nothing_is_held_out_where_nothing_is_asked_for():
    assert split(files(900, 900), 0.0, CHUNK, 0).val == ()


@pytest.mark.parametrize(
    ("patterns", "held"),
    [
        (["0.wav"], {"0.wav"}),
        (["0.wav", "?.wav"], {"0.wav", "1.wav"}),
        (["phrases/*"], {"phrases/a.wav", "phrases/more/b.wav"}),
        (["[c].wav"], {"[c].wav"}),
    ],
)
def test_files_are_held_out_by_name(patterns, held):
    names = ["0.wav", "1.wav", "[c].wav", "phrases/a.wav", "phrases/more/b.wav"]
    found = [Extent(name, name, 200) for name in names]
    parts = split_by_name(found, patterns)
    assert (parts.by, {found[s.item].name for s in parts.val}) == ("name", held)
    assert {found[s.item].name for s in parts.train} == {*names} - held


def test_a_copy_of_what_is_held_out_by_name_is_not_trained_on():
    found = [Extent("a.wav", "x", 200), Extent("b.wav", "y", 200), Extent("copy.wav", "x", 200)]
    assert split_by_name(found, ["a.wav"]).train == (Stretch(1, 0, 200),)


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        (["1.wave"], 'data.val: "1.wave" names no usable file; did you mean "1.wav"?'),
        (["0.wav", "solo/*"], 'data.val: "solo/*" names no usable file'),
        (["*"], "data.val names every usable file; nothing is left to train on"),
    ],
)
def test_names_that_cannot_be_held_out_are_said(patterns, said):
    with pytest.raises(DataError) as caught:
        split_by_name(files(200, 200), patterns)
    assert str(caught.value) == said


@given(st.integers(0, 500), st.integers(1, 500), st.integers(1, 80), st.integers(1, 80))
def test_chunks_cover_a_stretch_and_only_a_short_one_is_left(start, length, chunk, stride):
    stretch = Stretch(3, start, start + length)
    found = chunks(stretch, chunk, stride)
    assert all(c.item == 3 and c.hops == chunk for c in found)
    assert found[0].start == start
    assert all(0 < b.start - a.start <= stride for a, b in pairwise(found))
    if length >= chunk:
        assert found[-1].stop == stretch.stop
    else:
        assert len(found) == 1
    if stride <= chunk:
        assert {h for c in found for h in range(c.start, c.stop)} >= set(
            range(start, start + length)
        )


def test_the_last_chunk_is_not_taken_twice():
    assert [c.start for c in chunks(Stretch(0, 0, 128), 64, 32)] == [0, 32, 64]
    assert [c.start for c in chunks(Stretch(0, 0, 130), 64, 32)] == [0, 32, 64, 66]
