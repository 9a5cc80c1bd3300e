"""Timing of blocks and networks: order, drift, disturbances, energy and memory."""
