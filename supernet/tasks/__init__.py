"""The tasks: one a file, found by its file name."""

from search_space.registry import Registry
from supernet.tasks._aim import Aim, aimed, balanced_rows, is_balanced
from supernet.tasks._base import Origin, Split, Task, TaskData
from supernet.tasks._options import Option

__all__ = ["TASKS", "Aim", "Option", "Origin", "Split", "Task", "TaskData", "aimed", "balanced_rows", "is_balanced"]

TASKS: Registry[type[Task]] = Registry("supernet.tasks", "TASK")
