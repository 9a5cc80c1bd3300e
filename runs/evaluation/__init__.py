"""The quality of networks: evaluated, looked up, or pruned early."""
