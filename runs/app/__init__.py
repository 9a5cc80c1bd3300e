"""The command line: verbs over Hydra, configuration, what a machine can do."""
