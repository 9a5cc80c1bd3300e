"""Precision formats of a sub-block: how its linear weights and their inputs are stored and multiplied.

The float precision (``fp32``, ``bf16``, ``fp16``) is one choice for the whole network; a sub-block is either ``float``
or one of the integer formats below. The formats are data: ``supernet.precision`` simulates them, runtimes execute
them.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FLOAT", "FLOAT_BYTES", "FORMATS", "PrecisionFormat"]

FLOAT = "float"
FLOAT_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}


@dataclass(frozen=True, kw_only=True, slots=True)
class PrecisionFormat:
    """How the linear layers of a sub-block store weights and read inputs.

    Parameters
    ----------
    weight_bits, activation_bits
        Bits of a weight, and of an input (``None``: float).
    block_size
        Inputs per scale of the weight; ``None`` is one scale a channel.
    activation_group
        Features of one token that share a scale; ``None`` is one scale an example.
    calibrated
        Whether inputs are symmetric in a range that was found beforehand, on examples of the training split.
    sparse
        Whether of each four inputs in a row an output reads the two of the largest weights (2:4 sparsity).
    """

    weight_bits: int
    activation_bits: int | None
    block_size: int | None
    activation_group: int | None = None
    calibrated: bool = False
    sparse: bool = False

    @property
    def stored_bits(self) -> float:
        """Bits of the file for each weight, scales aside; two kept weights of four have two bits of position each."""
        return self.weight_bits / 2 + 1 if self.sparse else self.weight_bits

    def weight_bytes(self, in_features: int, out_features: int) -> int:
        """Bytes of the stored weight of one linear layer, scales included; its bias stays float.

        With one scale a channel and inputs quantised while running each output has a zero point beside its scale.
        """
        if self.block_size is None:
            return out_features * (self._row_bytes(in_features) + 4 + (not self.calibrated))
        blocks = -(-in_features // self.block_size)
        return out_features * blocks * (self.block_size * self.weight_bits // 8 + 4)

    def _row_bytes(self, in_features: int) -> int:
        if not self.sparse:
            return -(-in_features * self.weight_bits // 8)
        groups = -(-in_features // 4)
        return groups * 2 * self.weight_bits // 8 + -(-groups // 2)


FORMATS = {
    "w8a8": PrecisionFormat(weight_bits=8, activation_bits=8, block_size=None),
    "w8a8_2of4": PrecisionFormat(weight_bits=8, activation_bits=8, block_size=None, sparse=True),
    "w8a8s": PrecisionFormat(weight_bits=8, activation_bits=8, block_size=None, calibrated=True),
    "w8a8g32": PrecisionFormat(weight_bits=8, activation_bits=8, block_size=32, activation_group=32),
    "w8": PrecisionFormat(weight_bits=8, activation_bits=None, block_size=32),
    "w4a8": PrecisionFormat(weight_bits=4, activation_bits=8, block_size=32, activation_group=32),
    "w4a8c": PrecisionFormat(weight_bits=4, activation_bits=8, block_size=None),
    "w4": PrecisionFormat(weight_bits=4, activation_bits=None, block_size=32),
}
