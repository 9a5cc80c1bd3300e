"""Search algorithms over integer genes: no database, no console, no Optuna."""
