"""What is checked before a run does anything long: what its folder was begun with, what a runtime executes."""
