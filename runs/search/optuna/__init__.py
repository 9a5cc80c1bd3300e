"""The only room that touches Optuna: samplers of studies, the study, its storage."""
