"""A search of a second on a small data set, beside the simple models, on the same test split."""

from __future__ import annotations

import json

import pytest

from benchmarks import real_data
from benchmarks.real_data_sets import DATA_SETS, load
from tests.api.test_whole_run import TINY


def test_the_network_and_the_best_simple_model_are_judged_on_one_split(monkeypatch, capsys):
    small = {"search.fidelities.max_rounds": 2, "search.fidelities.initial": 2, "search.fidelities.rungs": [5, 10]}
    words = [f"{key}={json.dumps(value)}" for key, value in {**TINY, **small}.items()]
    monkeypatch.setattr("sys.argv", ["real_data", "--json", "--seconds=1", "--only", "tips", "--override", *words])
    real_data.main()
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert (row["examples"], row["test_examples"], row["metric"]) == (165, 61, "root mean squared error")
    assert 0.3 < row["network"] < 20 and 0.3 < row["simple"] < 3
    names = {row["simple_model"], *row["others"]}
    assert names == {"ridge regression", "gradient boosting of trees", "mean of training"}


@pytest.mark.parametrize("name", ["life expectancy", "winds"])
def test_the_data_sets_are_there(name):
    data = load(name, seed=0)
    assert len(DATA_SETS) == 12 and len(data.test) > 25
    if name == "life expectancy":
        assert not {*data.train.groups.tolist()} & {*data.validation.groups.tolist()}
        assert len(data.test) % 12 == 0, "all years of a country are in one split"
