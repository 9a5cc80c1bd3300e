"""Weight-sharing supernets of transformers, their training and the extraction of subnets."""

from supernet.catalogue import catalogue
from supernet.example import example_input
from supernet.extract import block_module, extract
from supernet.model import Network, Supernet

__all__ = ["Network", "Supernet", "block_module", "catalogue", "example_input", "extract"]
