"""Hidden frames that no network makes: to see what a synth and a loss can do by themselves."""

from collections.abc import Mapping

import attrs
import torch
from torch import Tensor, nn

from ddspcore import Context, Control, backbone, option
from ddspcore.errors import UserError


@backbone("free")
class Free(nn.Module):
    """No network: every frame of every item has hidden channels of its own, which are learnt.

    Hears nothing, so it knows nothing of items that it was not trained on. All channels start at
    zero, where heads say what they start from. A head adds a linear map of its own, random and
    with few rows: frozen (`freeze = ["head"]`) and with some four times as many channels as heads
    have values, it lets the channels reach every value about equally easily (the singular values
    of such a map lie within a factor of three). Trained beside the channels, it would be shared by
    all frames, and each of its steps would move what the others have found.
    """

    @attrs.frozen
    class Options:
        """How many hidden frames there are."""

        width: int = option(256, ge=1, help="channels; about four times what all heads say")
        clips: int = option(1, ge=1, help="how many items there are to train on")
        seconds: float = option(2.0, gt=0.0, unit="s", help="how long the longest item is")
        along: str = option("f0_hz", help="which feature says how many frames a batch has")

    def __init__(self, opt: Options, ctx: Context, inputs: tuple[Control, ...]):
        super().__init__()
        self.along = opt.along
        frames = round(opt.seconds * ctx.rate("frame")) + 1
        self.hidden = nn.Parameter(torch.zeros(opt.clips, frames, opt.width))

    @staticmethod
    def needs(opt: Options, ctx: Context) -> tuple[str, ...]:
        """Name the number of the item, and the feature that is as long as the batch."""
        return ("item", opt.along)

    @staticmethod
    def width(opt: Options, ctx: Context) -> int:
        """Return the channels of the hidden frames."""
        return opt.width

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the items' hidden frames. Shape: item [B] -> [B,N,width].

        Raises UserError if there are more items or frames than it has.
        """
        item, frames = features["item"].flatten(), features[self.along].shape[1]
        items, longest = self.hidden.shape[:2]
        if frames > longest:
            raise UserError(
                f"backbone free has {longest} frames, but an item has {frames}; raise its seconds"
            )
        # Elsewhere, looking at a number would stall the device.
        if item.device.type == "cpu" and int(item.max()) >= items:
            raise UserError(
                f"backbone free has no item {int(item.max())}; set its clips to how many there are"
            )
        return self.hidden[item, :frames]
