"""The stages of a run and the plan that orders them."""
