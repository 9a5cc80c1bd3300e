"""What is checked and told before a run does anything long: what its folder was begun with, its memory, its time."""
