"""What the end points of one server share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fastapi import Request

from hardware_profiles.devices import shipped
from runs.service.document.names import is_device
from runs.service.server.bundles import Bundles
from runs.service.server.checking import Checker
from runs.service.server.feed import Feed
from runs.service.server.uploads import Uploads
from runs.service.settings import ServerSettings
from runs.service.work import log_file
from runs.store.database import Database
from runs.store.service.datasets import Datasets
from runs.store.service.jobs import Jobs
from runs.store.service.notices import Notices
from runs.store.service.results import Results
from runs.store.service.runners import Runners
from runs.store.service.submissions import Submissions
from runs.store.service.tokens import Tokens

__all__ = ["Service", "service_of"]


@dataclass(frozen=True, kw_only=True)
class Service:
    """One server: its settings and the tables it reads and writes."""

    settings: ServerSettings
    database: Database
    submissions: Submissions
    jobs: Jobs
    notices: Notices
    runners: Runners
    tokens: Tokens
    datasets: Datasets
    results: Results
    feed: Feed
    checker: Checker
    uploads: Uploads
    bundles: Bundles

    @classmethod
    def open(cls, settings: ServerSettings) -> Service:
        """Open the database, bringing its tables to this version; raises ``StoreError`` where it cannot be used."""
        database = Database.open(settings.url)
        submissions, results, datasets = Submissions(database), Results(database), Datasets(database)
        return cls(
            settings=settings,
            database=database,
            submissions=submissions,
            jobs=Jobs(database),
            notices=Notices(database),
            runners=Runners(database),
            tokens=Tokens(database),
            datasets=datasets,
            results=results,
            feed=Feed(submissions, results),
            checker=Checker(),
            uploads=Uploads(settings, datasets),
            bundles=Bundles(settings.folder),
        )

    def close(self) -> None:
        """End what was opened."""
        self.checker.close()
        self.bundles.close()
        self.database.close()

    def devices(self) -> dict[str, Path]:
        """Return the headers of the profiles that a run may name: shipped ones, and those that runs have measured."""
        measured = {path.stem: path for path in sorted((self.settings.folder / "profiles").glob("*.json"))}
        return {name: path for name, path in {**shipped(), **measured}.items() if is_device(name)}

    def log(self, key: str) -> Path:
        """Return the file to which the jobs of a run write what they say."""
        return log_file(self.settings.folder, key)

    def folder(self, relative: str) -> Path:
        """Return the folder of a run."""
        return self.settings.folder / relative


def service_of(request: Request) -> Service:
    """Return what the server of a request shares."""
    service: Service = request.app.state.service
    return service
