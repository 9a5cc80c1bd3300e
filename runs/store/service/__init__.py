"""What a service keeps beside its runs: who may do what, what was asked for, and which process works on it."""
