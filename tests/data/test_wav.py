import io

import numpy as np
import pytest
import soundfile

from ddspcore.data.wav import encode_wav


@pytest.mark.parametrize("samples", [0, 1, 777])
def test_libsndfile_reads_every_sample_back(samples: int) -> None:
    signal = (3 * np.random.default_rng(0).standard_normal(samples)).astype(np.float32)
    file = soundfile.SoundFile(io.BytesIO(encode_wav(signal, 44100)))
    assert (file.format, file.subtype, file.channels) == ("WAV", "FLOAT", 1)
    assert (file.samplerate, file.frames) == (44100, samples)
    np.testing.assert_array_equal(file.read(dtype="float32"), signal)
