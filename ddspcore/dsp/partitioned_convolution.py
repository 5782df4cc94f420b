"""Long convolution of a stream: a block in, a block out, without delay."""

import torch
import torch.nn.functional as F
from attrs import frozen
from torch import Tensor


@frozen
class Past:
    """What a convolution keeps: the last block, and the spectra of as many as the filter hears.

    Shape: block [B,block]; spectra [B,parts,block+1], the latest first.
    """

    block: Tensor
    spectra: Tensor


def partition(ir: Tensor, block: int) -> Tensor:
    """Cut an impulse response into blocks and return the spectrum of each, zero-padded to two.

    Shape: ir [L] -> [parts,block+1] complex.
    """
    parts = F.pad(ir, (0, -len(ir) % block)).view(-1, block)
    spectra: Tensor = torch.fft.rfft(parts, n=2 * block)
    return spectra


def silence(batch: int, parts: Tensor) -> Past:
    """Return what a convolution with these parts keeps before its first block."""
    block = parts.shape[-1] - 1
    spectra = parts.new_zeros(batch, *parts.shape)
    return Past(spectra.real.new_zeros(batch, block), spectra)


def convolve(block: Tensor, parts: Tensor, past: Past) -> tuple[Tensor, Past]:
    """Convolve the next block causally, and return what to keep.

    Each block is transformed once, together with the one before it; part p of the filter meets the
    spectrum of p blocks ago. Shape: block [B,block] -> [B,block].

    Source: W. G. Gardner, Efficient Convolution without Input-Output Delay (1995), of which this is
    the uniform case: overlap-save with equal parts.
    """
    spectrum = torch.fft.rfft(torch.cat([past.block, block], dim=-1))
    spectra = torch.cat([spectrum[:, None], past.spectra[:, :-1]], dim=1)
    heard = torch.fft.irfft((spectra * parts).sum(1), n=2 * block.shape[-1])
    return heard[:, block.shape[-1] :], Past(block, spectra)
