"""What a user may ask of a service: typed, bounded, and never an override string or a path."""
