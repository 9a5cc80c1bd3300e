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
from search_space.errors import CheckpointError, NasweaveError, reason_of
from supernet.blocks import deployed
from supernet.model import Network

__all__ = ["CONFIG", "SCHEMA_VERSION", "WEIGHTS", "load_network", "save_network"]

SCHEMA_VERSION = 1
WEIGHTS, CONFIG = "model.safetensors", "config.json"


def save_network(network: Network, folder: Path) -> None:
    """Write a network, trainable or deployed, into an existing folder."""
    weights = save_tensors({k: v.contiguous() for k, v in network.state_dict().items()}, metadata={"format": "pt"})
    (folder / WEIGHTS).write_bytes(weights)
    config = {
        "format": "nasweave.network",
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
        config = json.loads((folder / CONFIG).read_text())
        weights = (folder / WEIGHTS).read_bytes()
        if config.get("format") != "nasweave.network" or config.get("schema") != SCHEMA_VERSION:
            found = f"{config.get('format')} {config.get('schema')}"
            raise CheckpointError(
                where,
                expected=f"nasweave.network schema {SCHEMA_VERSION}",
                got=found,
                remedy="load it with the version that wrote it",
            )
        if hashlib.sha256(weights).hexdigest() != config["weights_sha256"]:
            raise CheckpointError(
                where, expected="the weights that were saved", got="another hash", remedy="copy or export it again"
            )
        architecture = Architecture.from_json(json.dumps(config["architecture"]))
        geometry = Geometry.from_json(json.dumps(config["geometry"]))
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
