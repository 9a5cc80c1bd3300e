"""The tasks: one a file, found by its file name."""

from search_space.registry import Registry
from supernet.tasks._base import Split, Task, TaskData
from supernet.tasks._options import Option

__all__ = ["TASKS", "Option", "Split", "Task", "TaskData"]

TASKS: Registry[type[Task]] = Registry("supernet.tasks", "TASK")
