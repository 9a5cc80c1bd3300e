"""A job of a service, in a process of its own: from the document of a run to a verb, alive until it is told to stop."""
