"""What recurrent mixers are made of: short convolutions, scans over the sequence, chunks of tokens."""
