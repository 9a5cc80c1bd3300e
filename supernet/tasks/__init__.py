"""The tasks: one a file, found by its file name."""

from search_space.registry import Registry
from supernet.tasks._aim import Aim, aimed, balanced_rows, is_balanced
from supernet.tasks._base import Origin, Split, Task, TaskData
from supernet.tasks._options import Option
from supernet.tasks._token_labels import words_of
from supernet.tasks._vectors import EmbeddingData

__all__ = [
    "TASKS",
    "Aim",
    "EmbeddingData",
    "Option",
    "Origin",
    "Split",
    "Task",
    "TaskData",
    "aimed",
    "balanced_rows",
    "is_balanced",
    "words_of",
]

TASKS: Registry[type[Task]] = Registry("supernet.tasks", "TASK")
