"""The user's own text: a table or .jsonl of texts with a class or a number each, or a .txt to model byte by byte.

Labelled texts may come with files of their own for validation and test; otherwise a tenth of the rows is set aside for
each, stratified by label under a fixed seed. A .txt is cut into 90 % train, 5 % validation and 5 % test, in order; it
needs a causal space (``space=text_causal``).

Papers: as of the tasks ``clinc150`` and ``gutenberg``, whose form this is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from search_space.errors import ConfigError
from search_space.spec import Scalar
from supernet.readers.dataset_folder import find_table
from supernet.readers.files import read_text
from supernet.readers.labelled import SUFFIXES, read_labelled
from supernet.tasks._answers import PREDICT, SEPARATOR, separator_of
from supernet.tasks._base import TaskData
from supernet.tasks._encoding import TEXT_OPTIONS
from supernet.tasks._files import read_splits
from supernet.tasks._language import CONTEXT, byte_data
from supernet.tasks._options import Option
from supernet.tasks._setting_aside import GROUPS, TIME, all_splits
from supernet.tasks._text import TextTask, text_data

_PLAIN = ".txt"


class Text(TextTask):
    """What ``path`` holds, relative to the working directory or to ``data_root``."""

    options: ClassVar[Mapping[str, Option]] = {
        "path": Option(default="", meaning="the file; its ending says what it is"),
        "validation_path": Option(default="", meaning="a file for validation; a tenth is set aside where it is empty"),
        "test_path": Option(default="", meaning="a file for the test; a tenth is set aside where it is empty"),
        "text": Option(default="text", meaning="name of the column or field of the texts"),
        "label": Option(
            default="label",
            meaning="name of the column or field of the labels; with `predict=labels` also columns of 0 and 1, as "
            "`a,b`",
        ),
        "predict": PREDICT,
        "label_separator": SEPARATOR,
        "groups": GROUPS,
        "time": TIME,
        **TEXT_OPTIONS,
        "context": replace(CONTEXT, meaning=f"of a .txt: {CONTEXT.meaning}"),
    }

    @classmethod
    def beside_checkpoint(cls, options: Mapping[str, Scalar | None], folder: Path) -> Mapping[str, Scalar | None]:
        """Take the vocabulary of the checkpoint for texts with a label; a .txt has bytes."""
        plain = str(options.get("path") or "").lower().endswith(_PLAIN)
        return options if plain else super().beside_checkpoint(options, folder)

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read and check the file, and those of validation and test where they are set."""
        kind = f"a file that ends in {', '.join(SUFFIXES)} or .txt"
        path = find_table(str(options["path"]), data_root, kind=kind)
        if path.suffix.lower() == _PLAIN:
            _check_plain(options)
            raw = read_text(path).encode()
            first, second = len(raw) * 90 // 100, len(raw) * 95 // 100
            return byte_data(
                raw[:first],
                validation=raw[first:second],
                test=raw[second:],
                context=int(options["context"]),
                where=str(path),
                splits_made="the first 90 %, the next 5 and the last 5",
            )
        predict = str(options["predict"])
        columns = {name: str(options[name]) for name in ("text", "label", "groups", "time")}
        columns["separator"] = separator_of(options)
        given, told = read_splits(options, data_root, kind=kind, read=lambda _, file: read_labelled(file, **columns))
        given["train"] = replace(given["train"], notes=(*given["train"].notes, *told))
        splits, splits_made = all_splits(
            given,
            predict=predict,
            where=str(path),
            remedy="add rows, or set task.options.validation_path and task.options.test_path",
        )
        return text_data(
            splits["train"],
            validation=splits["validation"],
            test=splits["test"],
            options=options,
            data_root=data_root,
            where=str(path),
            splits_made=splits_made,
            predict=predict,
        )


def _check_plain(options: Mapping[str, Scalar]) -> None:
    """Refuse what is said of pieces of words where there are bytes alone."""
    for name in ("tokenizer", "pieces", "trim_vocabulary", "groups", "time"):
        if options[name] != Text.options[name].default:
            raise ConfigError(
                f"task.options.{name}",
                expected=f"none of a {_PLAIN}, which is modelled byte by byte",
                got=str(options[name]),
                remedy="leave it out, or give texts with a label",
            )


TASK = Text
