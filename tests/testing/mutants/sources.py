"""Sources that each break one promise."""

import threading

import torch

from ddspcore import Control, hookimpl, source


class Numbers:
    """What the mutants have in common: items of one control."""

    def __init__(self):
        generator = torch.Generator().manual_seed(1)
        self.items = torch.rand(6, 5, 2, generator=generator)

    @staticmethod
    def provides(opt, ctx):
        """Declare the numbers."""
        return (Control("place", channels=2),)

    @staticmethod
    def target(opt, ctx):
        """Name the numbers."""
        return "place"

    def count(self, split):
        return 4 if split == "train" else 2

    def of(self, split, indices):
        offset = 0 if split == "train" else 4
        return self.items[[offset + index for index in indices]]


@source("empty")
class Empty(Numbers):
    """Has nothing to train on."""

    breaks = "has_something_to_train_on"

    def count(self, split):
        return 0

    def batch(self, split, indices):
        return {"place": self.of(split, indices)}


@source("leaking")
class Leaking(Numbers):
    """Holds out what it trains on."""

    breaks = "holds_out_other_items"

    def batch(self, split, indices):
        return {"place": self.of("train", indices)}


@source("misshapen")
class Misshapen(Numbers):
    """Puts channels where frames belong."""

    breaks = "returns_what_it_declares"

    def batch(self, split, indices):
        return {"place": self.of(split, indices).mT}


@source("precise")
class Precise(Numbers):
    """Returns float64."""

    breaks = "returns_what_it_declares"

    def batch(self, split, indices):
        return {"place": self.of(split, indices).double()}


@source("advancing")
class Advancing(Numbers):
    """Goes on from where it was, whatever it is asked for."""

    breaks = "answers_by_split_and_indices_alone"

    def __init__(self):
        super().__init__()
        self.at = 0

    def batch(self, split, indices):
        self.at += 1
        return {"place": self.of(split, indices) + self.at}


@source("thread-shy")
class ThreadShy(Numbers):
    """Knows only the thread that it was made in."""

    breaks = "answers_by_split_and_indices_alone"

    def __init__(self):
        super().__init__()
        self.mine = threading.local()
        self.mine.gain = 1.0

    def batch(self, split, indices):
        return {"place": self.of(split, indices) * getattr(self.mine, "gain", 0.0)}


@source("sociable")
class Sociable(Numbers):
    """Centres a batch around what happens to be in it."""

    breaks = "answers_for_each_item_alone"

    def batch(self, split, indices):
        items = self.of(split, indices)
        return {"place": items - items.mean(0) if len(indices) > 1 else items}


@source("generous")
class Generous(Numbers):
    """Gives its own memory away."""

    breaks = "keeps_its_items_to_itself"

    def batch(self, split, indices):
        if len(indices) > 1:
            return {"place": self.of(split, indices)}
        place = indices[0] + (0 if split == "train" else 4)
        return {"place": self.items[place : place + 1]}


@source("augmenting")
class Augmenting(Numbers):
    """Augments by torch's global generator, put back to a seed every time."""

    breaks = "draws_from_no_global_generator"

    def batch(self, split, indices):
        torch.manual_seed(indices[0])
        return {"place": self.of(split, indices) + torch.rand(())}


@hookimpl
def ddsp_sources():
    return [value for value in globals().values() if hasattr(value, "breaks")]
