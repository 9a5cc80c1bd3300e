"""The stages of a search in fidelities, which stand in for those of a search through a supernet."""
