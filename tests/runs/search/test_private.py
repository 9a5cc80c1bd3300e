"""What is used of Optuna beside its public interface: a version without it fails here, and says where to look."""

from __future__ import annotations

import ast
from pathlib import Path

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState
from sqlalchemy import event

import runs
from runs.objectives import Budget
from runs.search.optuna import private

CLUE = f"Optuna {optuna.__version__} changed what it does not promise: look at runs/search/optuna/private.py"
CHOICES = {f"p{i}": optuna.distributions.CategoricalDistribution([0, 1, 2]) for i in range(8)}


@pytest.fixture
def study() -> Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))


def test_a_trial_of_a_study_can_be_finished(study: Study) -> None:
    study.ask()
    (frozen,) = study.get_trials(states=[TrialState.RUNNING])
    trial = private.running_trial(study, frozen)
    trial.set_user_attr("reason", "none")
    study.tell(trial, 1.0)
    assert isinstance(trial, Trial) and study.trials[0].value == 1.0, CLUE
    assert study.trials[0].user_attrs == {"reason": "none"}, CLUE


def test_what_was_enqueued_is_known(study: Study) -> None:
    study.enqueue_trial({"p0": 2})
    (waiting,) = study.get_trials(states=[TrialState.WAITING])
    assert private.enqueued_params(waiting) == {"p0": 2}, CLUE
    study.ask(dict(CHOICES))
    assert private.enqueued_params(study.trials[0]) == {"p0": 2}, CLUE


def test_constraints_have_names_and_stay(study: Study) -> None:
    trial = study.ask()
    private.set_constraints(trial, {"latency_ms": 0.5})
    private.set_constraints(trial, {"latency_ms": 0.7, "flops": -0.1})
    study.tell(trial, 1.0)
    given = private.complete_trial(
        values=[1.0], params={"p0": 1}, distributions={"p0": CHOICES["p0"]}, constraints={"flops": 0.2}, user_attrs={}
    )
    study.add_trial(given)
    assert [private.constraints_of(t) for t in study.trials] == [{"latency_ms": 0.5, "flops": -0.1}, {"flops": 0.2}], (
        CLUE
    )


def test_samplers_of_optuna_heed_constraints() -> None:
    """The feasible half is looked at most of the time although the other one has the better values."""

    def feasible(constrained: bool) -> int:
        options = private.constraint_options(Budget(limits={"flops": 1.0})) if constrained else {}
        study = optuna.create_study(sampler=optuna.samplers.NSGAIISampler(seed=0, population_size=10, **options))

        def objective(trial: optuna.Trial) -> float:
            x = sum(trial.suggest_float(f"x{i}", -1.0, 1.0) for i in range(6))
            if constrained:
                private.set_constraints(trial, {"flops": x})
            return -x

        study.optimize(objective, n_trials=100)
        return sum(sum(t.params.values()) <= 0 for t in study.trials[-50:])

    assert feasible(True) >= 25 and feasible(False) <= 5, CLUE


def test_the_parameters_of_a_trial_are_one_transaction(tmp_path: Path) -> None:
    """Those of a second trial, for the names of the first are new; from Optuna 4.7 on."""
    if not hasattr(RDBStorage, "_set_trial_param"):
        assert optuna.__version__.startswith(("4.5.", "4.6.")), CLUE
        pytest.skip(f"Optuna {optuna.__version__} writes each parameter by itself")
    storage = private.database_storage(f"sqlite:///{tmp_path}/a.db", engine_kwargs={})
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))
    study.tell(study.ask(dict(CHOICES)), 1.0)
    inserted: list[int] = []

    def note(connection: object, cursor: object, statement: str, parameters: list[object], *rest: object) -> None:
        if "INTO trial_params" in statement:
            inserted.append(len(parameters) if rest[-1] else 1)

    event.listen(storage.engine, "before_cursor_execute", note)
    trial = study.ask(dict(CHOICES))
    study.tell(trial, 1.0)
    storage.engine.dispose()
    assert len(inserted) == 1 and sum(inserted) in (1, len(CHOICES)), CLUE
    stored: FrozenTrial = study.trials[1]
    assert stored.params == trial.params and len(stored.params) == len(CHOICES), CLUE


PRIVATE = {"_trial_id", "_storage", "_study_id", "set_study_system_attr", "_set_trial_param", "system_attrs"}


def test_no_other_module_uses_what_is_private() -> None:
    root = Path(next(iter(runs.__path__)))
    users = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in PRIVATE
    }
    assert users == {"search/optuna/private.py"}


def test_one_room_knows_the_storages() -> None:
    root = Path(next(iter(runs.__path__)))
    users = {
        path.relative_to(root).parent.as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("optuna.storages")
    }
    assert users == {"search/optuna"}
