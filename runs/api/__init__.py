"""What ``import nasweave`` offers: runs, spaces, devices, samplers and exported networks, without a command line."""
