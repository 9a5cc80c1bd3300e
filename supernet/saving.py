"""A network as files: ``model.safetensors`` with its weights and ``config.json`` with all that rebuilds it.

No pickle is read or written; the configuration carries a schema version and the hash of the weights.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from hardware_profiles.portable.exported_folder import MANIFEST, FolderError, check_files, read_manifest
from search_space import Architecture, Geometry
from search_space.architecture import architecture_of
from search_space.blocks import blocks_of, geometry_of
from search_space.errors import CheckpointError, NasweaveError, reason_of
from search_space.schema import one_of, parse_json, read_file, record, shown, text
from supernet.blocks import deployed
from supernet.catalogue import catalogue
from supernet.model import Network

__all__ = ["CONFIG", "SCHEMA_VERSION", "WEIGHTS", "load_network", "save_network"]

SCHEMA_VERSION = 1
WEIGHTS, CONFIG = "model.safetensors", "config.json"
_FORMAT = "nasweave.network"
_FIELDS = record(
    {
        "format": one_of(_FORMAT),
        "schema": one_of(SCHEMA_VERSION),
        "architecture": architecture_of,
        "geometry": geometry_of,
        "weights_sha256": text(longest=64),
    }
)
_MOST_CONFIG_BYTES, _MOST_WEIGHT_BYTES, _MOST_CONSTANTS = 2**24, 2**36, 2**32


def save_network(network: Network, folder: Path) -> None:
    """Write a network, trainable or deployed, into an existing folder."""
    weights = save_tensors({k: v.contiguous() for k, v in network.state_dict().items()}, metadata={"format": "pt"})
    (folder / WEIGHTS).write_bytes(weights)
    config = {
        "format": _FORMAT,
        "schema": SCHEMA_VERSION,
        "architecture": json.loads(network.architecture.to_json()),
        "geometry": json.loads(network.geometry.to_json()),
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n")


def load_network(folder: Path, *, simulate_precision: bool = True) -> Network:
    """Read what :func:`save_network` wrote, in evaluation mode; where a manifest lies beside, its hashes must hold.

    Raises
    ------
    CheckpointError
        For files that are missing, truncated, changed or of another schema.
    """
    where = str(folder)
    try:
        if (folder / MANIFEST).exists():
            check_files(folder, read_manifest(folder), (WEIGHTS, CONFIG))
        config = parse_json(read_file(folder / CONFIG, most_bytes=_MOST_CONFIG_BYTES))
        weights = read_file(folder / WEIGHTS, most_bytes=_MOST_WEIGHT_BYTES)
        if isinstance(config, dict) and (config.get("format"), config.get("schema")) != (_FORMAT, SCHEMA_VERSION):
            raise CheckpointError(
                where,
                expected=f"{_FORMAT} schema {SCHEMA_VERSION}",
                got=f"{shown(config.get('format'))} {shown(config.get('schema'))}",
                remedy="load it with the version that wrote it",
            )
        known = _FIELDS(config)
        if hashlib.sha256(weights).hexdigest() != known["weights_sha256"]:
            raise CheckpointError(
                where, expected="the weights that were saved", got="another hash", remedy="copy or export it again"
            )
        architecture, geometry = known["architecture"], known["geometry"]
        _check_size(architecture, geometry, most_weights=len(weights))
        network = Network(architecture, geometry, simulate_precision=simulate_precision)
        tensors = load_tensors(weights)
        if "body.stem.integers" in tensors:
            network = deployed(network)
        network.load_state_dict(tensors)
    except FolderError as error:
        raise CheckpointError(error.parameter, expected=error.expected, got=error.got, remedy=error.remedy) from error
    except CheckpointError:
        raise
    except (
        NasweaveError,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RuntimeError,
        SafetensorError,
    ) as error:
        raise CheckpointError(
            where, expected="an exported network", got=reason_of(error), remedy="copy or export it again"
        ) from error
    return network.eval()


def _check_size(architecture: Architecture, geometry: Geometry, *, most_weights: int) -> None:
    """Raise ``ValueError`` for a network that its sizes forbid, or of more weights than the file has bytes."""
    weights = constants = 0
    for block in blocks_of(architecture, geometry.task):
        spec = catalogue().spec(block.kind, block.key)
        problem = spec.check(geometry.shape(block))
        if problem is not None or (spec.needs_grid and geometry.task.grid is None):
            raise ValueError(f"{block.key}: {problem or 'the tokens form no grid'}")
        cost = geometry.cost(block, catalogue())
        weights, constants = weights + cost.params, constants + cost.constants
    if weights > most_weights or constants > _MOST_CONSTANTS:
        raise ValueError(f"a network of {weights} weights and {constants} constants in {most_weights} bytes")
