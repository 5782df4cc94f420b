"""WAV files of 32-bit floats: nothing clipped, nothing rounded, no time stamp."""

import struct

import numpy as np

from ddspcore.data.audio import Samples

IEEE_FLOAT = 3
SAMPLE_BYTES = 4


def encode_wav(signal: Samples, sample_rate: int) -> bytes:
    """Return a mono float32 WAV file; the same signal always gives the same bytes.

    libsndfile would add the time of writing, and renders could no longer be compared by their
    bytes. Raises ValueError for more than 4 GiB, which the format cannot hold.

    Shape: [n]. Source: Microsoft, "New multimedia data types and data techniques" (1994).
    """
    data = signal.astype("<f4").tobytes()
    form = struct.pack(
        "<HHIIHHH",
        IEEE_FLOAT,
        1,
        sample_rate,
        sample_rate * SAMPLE_BYTES,
        SAMPLE_BYTES,
        8 * SAMPLE_BYTES,
        0,
    )
    count = struct.pack("<I", np.size(signal))
    body = b"WAVE" + _chunk(b"fmt ", form) + _chunk(b"fact", count) + _chunk(b"data", data)
    return _chunk(b"RIFF", body)


def _chunk(name: bytes, content: bytes) -> bytes:
    if len(content) >= 2**32:
        raise ValueError(f"a WAV file cannot hold {len(content)} bytes")
    return name + struct.pack("<I", len(content)) + content
