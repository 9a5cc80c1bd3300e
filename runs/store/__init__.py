"""What a run leaves behind: runs, stages, measurements, candidates and exports in SQLite or PostgreSQL.

Only this package opens database sessions; everything it returns is a frozen dataclass.
"""

from runs.store.records import STAGES, Candidate, Export, Run, Stage
from runs.store.repository import Store

__all__ = ["STAGES", "Candidate", "Export", "Run", "Stage", "Store"]
