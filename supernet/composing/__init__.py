"""What graphs of networks, blocks and steps of decoders are put together from, and how they are exported ahead."""
