import torch

from ddspcore.data.fates import Fate
from ddspcore.data.items import Item
from ddspcore.data.picking import most_voiced
from ddspcore.data.splits import Stretch

HOP, CHUNK = 16, 4


def item(voiced, levels):
    """Return an item of one hop for each level, voiced on the given frames."""
    hops = len(levels)
    audio = torch.tensor(levels).repeat_interleave(HOP)[None]
    voicing = torch.zeros(1, max(hops, CHUNK) + 1, 1)
    voicing[0, list(voiced), 0] = 1.0
    return Item(Fate("x.wav", "kept"), "key", audio, 1.0, features={"voicing": voicing})


def test_the_most_voiced_chunk_wins_before_a_louder_one():
    found = most_voiced([item(range(7, 12), [0.9] * 6 + [0.1] * 6)], CHUNK, HOP)
    assert found == Stretch(0, 7, 11)


def test_of_equally_voiced_chunks_the_loudest_wins():
    levels = [0.1, 0.1, 0.1, 0.2, 0.5, 0.5, 0.5, 0.5, 0.1, 0.1]
    assert most_voiced([item(range(11), levels)], CHUNK, HOP) == Stretch(0, 4, 8)


def test_of_equal_chunks_the_first_wins():
    found = most_voiced([item(range(9), [0.3] * 8), item(range(9), [0.3] * 8)], CHUNK, HOP)
    assert found == Stretch(0, 0, 4)


def test_the_chunk_may_lie_in_any_file():
    quiet, voiced = item([], [0.9] * 8), item(range(3, 9), [0.1] * 8)
    assert most_voiced([quiet, voiced], CHUNK, HOP).item == 1


def test_of_equally_voiced_files_the_louder_one_wins():
    soft, loud = item(range(9), [0.2] * 8), item(range(9), [0.3] * 8)
    assert most_voiced([soft, loud], CHUNK, HOP).item == 1


def test_a_file_shorter_than_a_chunk_is_one_chunk():
    assert most_voiced([item([0], [0.5, 0.5])], CHUNK, HOP) == Stretch(0, 0, 4)
