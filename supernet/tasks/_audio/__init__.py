"""Audio clips: their log-mel spectrograms, and the task of those in folders that are called like classes."""
