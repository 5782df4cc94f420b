"""Hidden frames that are parameters: each item's own, and nobody else's."""

import pytest
import torch

from ddspcore import Context
from ddspcore.builtin.free import Free
from ddspcore.errors import UserError
from ddspcore.wiring import ITEM

CTX = Context({"sample": 16_000.0, "frame": 62.5})


def free(**options):
    return Free(Free.Options(**({"width": 3, "clips": 4, "seconds": 0.16} | options)), CTX, ())


def features(*items, frames=11):
    return {"item": torch.tensor(items), "f0_hz": torch.full((len(items), frames, 1), 220.0)}


def test_it_starts_from_nothing_so_that_heads_start_from_their_own():
    assert not free()(features(0, 3)).any()


def test_every_item_has_frames_of_its_own():
    backbone = free()
    backbone(features(2, frames=5)).sum().backward()
    wanted = torch.zeros(4, 11, 3)
    wanted[2, :5] = 1.0
    assert torch.equal(backbone.hidden.grad, wanted)


def test_items_come_in_any_order_and_twice():
    backbone = free()
    torch.nn.init.normal_(backbone.hidden)
    hidden = backbone(features(3, 0, 3))
    assert torch.equal(hidden, backbone.hidden[[3, 0, 3]])


@pytest.mark.parametrize("item", [torch.tensor([1]), torch.tensor([[1]])])
def test_a_number_is_one_with_or_without_a_channel(item):
    assert free()({**features(0), "item": item}).shape == (1, 11, 3)


def test_it_needs_the_number_of_the_item_and_a_length():
    assert Free.needs(Free.Options(along="loudness_db"), CTX) == (ITEM.name, "loudness_db")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (features(0, frames=12), "has 11 frames, but an item has 12; raise its seconds"),
        (features(4), "has no item 4; set its clips to how many there are"),
    ],
)
def test_what_it_has_no_frames_for_is_said(given, message):
    with pytest.raises(UserError, match=message):
        free()(given)
