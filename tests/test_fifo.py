import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ddspcore.fifo import Fifo

CPU = torch.device("cpu")


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=60), st.integers(1, 3))
def test_what_is_read_is_what_was_written_in_order(doings, batch):
    fifo, written, read = Fifo(batch, 64, CPU), 0, 0
    for writes, count in doings:
        if writes and len(fifo) + count <= 64:
            numbers = torch.arange(written, written + count).float()
            fifo.write(numbers.expand(batch, -1))
            written += count
        elif not writes and count <= len(fifo):
            numbers = torch.arange(read, read + count).float()
            assert fifo.read(count).equal(numbers.expand(batch, -1))
            read += count
        assert len(fifo) == written - read


def test_it_neither_overflows_nor_invents():
    fifo = Fifo(1, 10, CPU)
    fifo.write(torch.ones(1, 7))
    with pytest.raises(ValueError, match="no room for 4 samples: 7 of 10 wait"):
        fifo.write(torch.ones(1, 4))
    with pytest.raises(ValueError, match="7 samples wait, not 8"):
        fifo.read(8)
    assert fifo.read(7).sum() == 7


def test_its_memory_is_there_from_the_start():
    fifo = Fifo(2, 100, CPU)
    before = fifo.read(0).untyped_storage().data_ptr()
    for _ in range(50):
        fifo.write(torch.zeros(2, 90))
        assert fifo.read(90).untyped_storage().data_ptr() == before
