"""What a run leaves behind: runs, stages, measurements, evaluations, candidates and exports in SQLite or PostgreSQL.

Only this package opens database sessions; everything it returns is a frozen dataclass.
"""

from runs.store.claims import Claims
from runs.store.evaluations import Evaluations
from runs.store.export_detail import ExportDetail, WeightOrigin
from runs.store.records import STAGES, Candidate, Claim, ClaimCounts, Export, Run, Stage
from runs.store.repository import AnotherRunError, Store

__all__ = [
    "STAGES",
    "AnotherRunError",
    "Candidate",
    "Claim",
    "ClaimCounts",
    "Claims",
    "Evaluations",
    "Export",
    "ExportDetail",
    "Run",
    "Stage",
    "Store",
    "WeightOrigin",
]
