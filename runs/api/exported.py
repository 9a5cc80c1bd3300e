"""What lies in files: exported networks and profiles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hardware_profiles.devices import locate
from hardware_profiles.profile import Profile
from search_space.errors import CheckpointError, reason_of
from search_space.schema import MalformedError, optional, parse_json, read_file, scalar, table, word

if TYPE_CHECKING:
    from supernet import Network

__all__ = ["Exported", "load_network", "load_profile"]


_PARITY = table(word, table(word, optional(scalar), most=1000), most=1000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """An exported network.

    Parameters
    ----------
    key
        The key of its architecture.
    path
        Its folder, with a model card ``README.md`` and the program ``bench.py``.
    """

    key: str
    path: Path

    @property
    def files(self) -> tuple[str, ...]:
        """The names of its files, which ``manifest.json`` lists with their hashes."""
        return tuple(sorted(p.relative_to(self.path).as_posix() for p in self.path.rglob("*") if p.is_file()))

    @property
    def parity(self) -> dict[str, dict[str, Any]]:
        """How far each file is from the network that was evaluated, and what was measured of it, by format."""
        path = self.path / "parity.json"
        try:
            found: dict[str, dict[str, Any]] = _PARITY(parse_json(read_file(path, most_bytes=2**24)))
        except (OSError, MalformedError) as error:
            raise CheckpointError(
                str(path), expected="what an export says of its files", got=reason_of(error), remedy="export it again"
            ) from error
        return found


def load_network(path: str | Path) -> Network:
    """Return an exported network as a PyTorch module in evaluation mode, for inference or further training.

    Parameters
    ----------
    path
        An exported folder that has the format ``safetensors``; its hashes are checked.

    Raises
    ------
    NasweaveError
        The folder is not such an export, or a file of it was changed.
    """
    from supernet.saving import load_network as load

    return load(Path(path)).eval()


def load_profile(name: str | Path) -> Profile:
    """Return a profile: of a file, or a shipped one by its name."""
    return Profile.load(locate(str(name), folder=Path("outputs/profiles")))
