import io

import numpy as np
import pytest
import soundfile

from ddspcore.data.wav import encode_wav, wav_head


@pytest.mark.parametrize("samples", [0, 1, 777])
def test_libsndfile_reads_every_sample_back(samples: int) -> None:
    signal = (3 * np.random.default_rng(0).standard_normal(samples)).astype(np.float32)
    file = soundfile.SoundFile(io.BytesIO(encode_wav(signal, 44100)))
    assert (file.format, file.subtype, file.channels) == ("WAV", "FLOAT", 1)
    assert (file.samplerate, file.frames) == (44100, samples)
    np.testing.assert_array_equal(file.read(dtype="float32"), signal)


def test_what_the_format_cannot_hold_is_refused() -> None:
    assert len(wav_head(2**30 - 20, 44100)) == 58
    with pytest.raises(ValueError, match="cannot hold 4294967"):
        wav_head(2**30, 44100)
