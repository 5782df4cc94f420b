"""From hidden frames to the controls of a synth."""

from collections.abc import Mapping

import attrs
import torch
from torch import Tensor, nn

from ddspcore import Context, Control, head, option
from ddspcore.dsp.amplitude_maps import Amplitudes
from ddspcore.dsp.scales import inverse_exp_sigmoid
from ddspcore.kernels import amplitudes, exp_sigmoid


@head("harmonic")
class Harmonic(nn.Module):
    """Amplitude and spectral distribution of a harmonic tone.

    Both are exp-sigmoids of a linear map; the distribution is then divided by its sum. A new head
    gives a quiet sawtooth: 0.015 (-36 dB), shares that fall as 1/k. At 0.4, the value at zero, and
    with even shares, training would begin by unlearning a loud buzz.

    Source: Engel et al., DDSP (ICLR 2020), section 3.
    """

    @attrs.frozen
    class Options:
        """Options of the harmonic head."""

        partials: int = option(64, ge=1, help="harmonics, the fundamental included")
        initial_bias: float = option(-2.0, help="what amplitude starts from; -2 gives 0.015")

    def __init__(self, opt: Options, ctx: Context, width: int):
        super().__init__()
        sawtooth = [inverse_exp_sigmoid(1.0 / k) for k in range(1, opt.partials + 1)]
        self.amplitude = still_linear(width, [opt.initial_bias])
        self.distribution = still_linear(width, sawtooth)

    @staticmethod
    def provides(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare the amplitude and the distribution of the harmonics."""
        return (
            Control("harmonic_amplitude", unit="linear", lo=0.0, hi=2.0),
            Control("harmonic_distribution", unit="simplex", channels=opt.partials, lo=0.0, hi=1.0),
        )

    def forward(self, hidden: Tensor) -> Mapping[str, Tensor]:
        """Return both controls. Shape: hidden [B,N,width] -> [B,N,1] and [B,N,partials]."""
        shares = exp_sigmoid(self.distribution(hidden))
        return {
            "harmonic_amplitude": exp_sigmoid(self.amplitude(hidden)),
            "harmonic_distribution": shares / shares.sum(-1, keepdim=True),
        }

    def initial_state(self, batch: int, device: torch.device) -> Amplitudes:
        """Return both maps as one."""
        return together(self.distribution, self.amplitude)

    def step(self, hidden: Tensor, state: Amplitudes) -> tuple[Mapping[str, Tensor], Amplitudes]:
        """Return both controls of few frames, from one map."""
        said = state.of(hidden)
        shares = said[..., :-1]
        shares /= shares.sum(-1, keepdim=True)
        return {"harmonic_amplitude": said[..., -1:], "harmonic_distribution": shares}, state


@head("noise")
class Noise(nn.Module):
    """Magnitudes of a noise filter, in even bands from 0 to Nyquist.

    Source: Engel et al., DDSP (ICLR 2020), section 3 and appendix B.5: 65 bands, bias -5.
    """

    @attrs.frozen
    class Options:
        """Options of the noise head."""

        bands: int = option(65, ge=2, help="points of the frequency response")
        initial_bias: float = option(-5.0, help="what the bands start from; -5 gives 2e-5")

    def __init__(self, opt: Options, ctx: Context, width: int):
        super().__init__()
        self.magnitudes = still_linear(width, [opt.initial_bias] * opt.bands)

    @staticmethod
    def provides(opt: Options, ctx: Context) -> tuple[Control, ...]:
        """Declare the magnitudes."""
        return (Control("noise_magnitudes", unit="linear", channels=opt.bands, lo=0.0, hi=2.0),)

    def forward(self, hidden: Tensor) -> Mapping[str, Tensor]:
        """Return the magnitudes. Shape: hidden [B,N,width] -> [B,N,bands]."""
        return {"noise_magnitudes": exp_sigmoid(self.magnitudes(hidden))}

    def initial_state(self, batch: int, device: torch.device) -> Amplitudes:
        """Return the map."""
        return together(self.magnitudes)

    def step(self, hidden: Tensor, state: Amplitudes) -> tuple[Mapping[str, Tensor], Amplitudes]:
        """Return the magnitudes of few frames."""
        return {"noise_magnitudes": state.of(hidden)}, state


def still_linear(width: int, bias: list[float]) -> nn.Linear:
    """Return a linear map that starts close to `bias`, whatever it is shown."""
    layer = nn.Linear(width, len(bias))
    nn.init.normal_(layer.weight, std=0.1 / width**0.5)
    layer.bias.data = torch.tensor(bias)
    return layer


def together(*maps: nn.Linear) -> Amplitudes:
    """Return the amplitudes of maps as those of one, with their weights as they are now."""
    bias, weight = (torch.cat([getattr(m, of) for m in maps]) for of in ("bias", "weight"))
    return amplitudes(bias.detach(), weight.detach().mT)
