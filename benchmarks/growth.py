"""How time grows with batch, length, harmonics and sample rate."""

from collections.abc import Iterator, Sequence
from functools import partial

from attrs import evolve

from benchmarks import bank, loss, step
from benchmarks.recipes import SHORT, TRANSFORMER
from benchmarks.setup import Setup
from benchmarks.timing import Case
from ddspcore.recipe.schema import default_hop

SECONDS: Sequence[float] = (0.5, 1.0, 2.0, 4.0, 8.0)
BATCHES: Sequence[int] = (1, 2, 4, 8)
HARMONICS: Sequence[int] = (16, 32, 64, 128, 256)
RATES: Sequence[int] = (16_000, 24_000, 48_000)
SUBJECT = "growth"


def cases(setup: Setup) -> Iterator[Case]:
    """Yield bank, loss and step along each axis, starting from a small size."""
    few = slice(2 if setup.quick else None)
    tones = bank.Size(batch=2, samples=16_384, harmonics=64)
    clips = loss.Size(batch=2, samples=16_384)
    steps = evolve(SHORT, batch=2)
    make_bank = partial(bank.case, setup, work=bank.BOTH, everybody=False)
    make_loss = partial(loss.case, setup, everybody=False)
    make_step = partial(step.case, setup, backbones=(TRANSFORMER,))
    for make, size in ((make_bank, tones), (make_loss, clips), (make_step, steps)):
        for batch in BATCHES[few]:
            yield _along("batch", batch, make(size=evolve(size, batch=batch)))
        for seconds in SECONDS[few]:
            hops = round(seconds * 16_000 / 256)
            yield _along("seconds", seconds, make(size=evolve(size, samples=hops * 256)))
    for harmonics in HARMONICS[few]:
        yield _along("harmonics", harmonics, make_bank(size=evolve(tones, harmonics=harmonics)))
        yield _along("harmonics", harmonics, make_step(size=evolve(steps, harmonics=harmonics)))
    for rate in RATES[few]:
        hop = default_hop(rate)
        samples = rate // hop * hop
        windows = tuple(window * rate // 16_000 for window in SHORT.windows)
        same_tones = evolve(tones, hop=hop, samples=samples, sample_rate=rate)
        same_steps = evolve(steps, hop=hop, samples=samples, sample_rate=rate, windows=windows)
        same_clips = evolve(clips, samples=samples, windows=windows)
        yield _along("sample rate", rate, make_bank(size=same_tones))
        yield _along("sample rate", rate, make_loss(size=same_clips))
        yield _along("sample rate", rate, make_step(size=same_steps))


def _along(axis: str, value: float, case: Case) -> Case:
    """Return a case as a point of a curve."""
    return evolve(
        case,
        subject=f"{SUBJECT} of {case.subject}",
        work=f"with {axis}",
        size=f"{value:g}",
        facts={**case.facts, "x": float(value)},
    )
