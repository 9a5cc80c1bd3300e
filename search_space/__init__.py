"""Search spaces of transformers: which networks exist, free of torch."""

from search_space.architecture import Architecture, Layer
from search_space.blocks import Block, Geometry, blocks_of
from search_space.declaration import declaration_of, space_from_mapping
from search_space.features import features
from search_space.norm import Norm
from search_space.registry import Registry
from search_space.space import Genes, SearchSpace
from search_space.spec import BlockShape, BlockSpec, Catalogue, Cost, LinearShape, Scalar, TaskShape

__all__ = [
    "Architecture",
    "Block",
    "BlockShape",
    "BlockSpec",
    "Catalogue",
    "Cost",
    "Genes",
    "Geometry",
    "Layer",
    "LinearShape",
    "Norm",
    "Registry",
    "Scalar",
    "SearchSpace",
    "TaskShape",
    "blocks_of",
    "declaration_of",
    "features",
    "space_from_mapping",
]
