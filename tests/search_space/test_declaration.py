"""A space is declared by a mapping, and says the mapping that declares it."""

from __future__ import annotations

import pytest

from runs.app.compose import compose
from search_space import declaration_of, space_from_mapping
from supernet import catalogue
from supernet.tasks import TASKS

CHOICES = {
    "vit_mixed": {},
    "vit_tiny": {"norm": {"kind": "rmsnorm", "eps": 1e-6, "position": "post"}, "ratio": [1.5, 2]},
    "vit_base": {"mixer": ["softmax"], "options": {}},
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_space_is_made_again_from_its_declaration(name):
    task = TASKS["digits"].load().shape
    declared = compose(overrides=[f"space={name}"]).space | CHOICES[name]
    space = space_from_mapping(declared, task=task, catalogue=catalogue())
    again = space_from_mapping(declaration_of(space), task=task, catalogue=catalogue())
    assert again.fingerprint == space.fingerprint and again.name == space.name
