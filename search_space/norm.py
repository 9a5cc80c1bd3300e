"""The norms of a network: what they compute, and where they stand beside the residual.

Papers: Ba et al. 2016 (layer normalisation); Zhang & Sennrich 2019 (root mean square); Xiong et al. 2020 (the place).
"""

from __future__ import annotations

from dataclasses import dataclass

from search_space.errors import SpaceError

__all__ = ["KINDS", "POSITIONS", "Norm"]

KINDS = ("layernorm", "rmsnorm")
POSITIONS = ("pre", "post")


@dataclass(frozen=True, kw_only=True, slots=True)
class Norm:
    """One choice for all norms over the features of a token.

    Parameters
    ----------
    kind
        ``layernorm``, or ``rmsnorm``, which subtracts no mean and has no shift.
    eps
        Added to the variance or the mean square.
    position
        ``pre`` for ``x + f(norm(x))``, ``post`` for ``norm(x + f(x))``.

    Raises
    ------
    SpaceError
        For anything else.
    """

    kind: str = "layernorm"
    eps: float = 1e-5
    position: str = "pre"

    def __post_init__(self) -> None:
        number = isinstance(self.eps, int | float) and not isinstance(self.eps, bool)
        for name, legal, expected in (
            ("kind", self.kind in KINDS, f"one of {', '.join(KINDS)}"),
            ("eps", number and 0 < self.eps < 1, "a number between 0 and 1"),
            ("position", self.position in POSITIONS, f"one of {', '.join(POSITIONS)}"),
        ):
            if not legal:
                raise SpaceError(
                    f"space.norm.{name}",
                    expected=expected,
                    got=repr(getattr(self, name)),
                    remedy="correct the space's declaration",
                )

    @property
    def vectors(self) -> int:
        """Number of parameters a feature: a scale, and a shift where there is one."""
        return 2 if self.kind == "layernorm" else 1

    @property
    def alive(self) -> int:
        """Values a feature that the norm holds at once besides its input."""
        return 1 if self.kind == "layernorm" else 2
