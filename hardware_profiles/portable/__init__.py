"""What leaves this machine: bundles for other devices and exported folders."""
