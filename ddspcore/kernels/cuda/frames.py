"""Launches of the programs that cut frames and add them up."""

import triton
from torch import Tensor

from ddspcore.kernels.cuda.programs import frames as programs

SAMPLES = 1024
"""Samples of one program."""


def cut(
    x: Tensor,
    weights: Tensor | None,
    count: int,
    window: int,
    hop: int,
    *,
    before: int,
    reflected: bool,
) -> Tensor:
    """Return frames of a signal times weights; frame n begins `before` ahead of sample n * hop.

    The signal is reflected at its ends, or continued with zeros.

    Shape: x [B,T], weights [window] -> [B,count,window].
    """
    cut_out = x.new_empty(len(x), count, window)
    programs.cut_frames[(triton.cdiv(count * window, SAMPLES), len(x))](
        x,
        weights,
        cut_out,
        x.shape[1],
        count,
        before,
        REFLECTED=reflected,
        WINDOW=window,
        HOP=hop,
        BLOCK=SAMPLES,
    )
    return cut_out


def add(
    frames: Tensor,
    weights: Tensor | None,
    signal: Tensor,
    hop: int,
    *,
    before: int,
    reflected: bool,
    added: bool,
) -> None:
    """Write the adjoint of `cut` to a signal, or add it to what is there.

    Shape: frames [B,count,window], weights [window], signal [B,T].
    """
    _, count, window = frames.shape
    programs.add_frames[(triton.cdiv(signal.shape[1], SAMPLES), len(signal))](
        frames,
        weights,
        signal,
        signal.shape[1],
        count,
        before,
        REFLECTED=reflected,
        ADDED=added,
        WINDOW=window,
        HOP=hop,
        BLOCK=SAMPLES,
    )
