"""WAV files of 32-bit floats: nothing clipped, nothing rounded, no time stamp."""

import struct

from ddspcore.data.audio import Samples

IEEE_FLOAT = 3
SAMPLE_BYTES = 4


def encode_wav(signal: Samples, sample_rate: int) -> bytes:
    """Return a mono float32 WAV file; the same signal always gives the same bytes.

    libsndfile would add the time of writing, and renders could no longer be compared by their
    bytes. Raises ValueError for more than 4 GiB, which the format cannot hold.

    Shape: [n].
    """
    return wav_head(len(signal), sample_rate) + wav_body(signal)


def wav_head(count: int, sample_rate: int) -> bytes:
    """Return what stands before so many samples; ValueError if the format cannot hold them.

    Source: Microsoft, "New multimedia data types and data techniques" (1994).
    """
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
    chunks = _chunk(b"fmt ", form) + _chunk(b"fact", struct.pack("<I", count))
    data = count * SAMPLE_BYTES
    size = len(b"WAVE") + len(chunks) + 8 + data
    if size >= 2**32:
        raise ValueError(f"a WAV file cannot hold {size} bytes")
    head = b"RIFF" + struct.pack("<I", size) + b"WAVE" + chunks
    return head + b"data" + struct.pack("<I", data)


def wav_body(signal: Samples) -> bytes:
    """Return samples as they stand in the file. Shape: [n]."""
    return signal.astype("<f4").tobytes()


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content
