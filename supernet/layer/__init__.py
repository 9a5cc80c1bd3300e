"""A layer: two residual sub-blocks, each with all the variants that it may choose from."""

from supernet.layer.residual import ChannelBlock, MixerBlock
from supernet.layer.variants import Variants, apart_options

__all__ = ["ChannelBlock", "MixerBlock", "Variants", "apart_options"]
