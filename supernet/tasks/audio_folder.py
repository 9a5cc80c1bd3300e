"""The user's own audio clips in folders, one a class: ``train/siren/1.wav``, ``train/bark/7.wav``, ...

Folders are read as those of ``image_folder``. A clip becomes a picture, its log-mel spectrogram: channels are averaged,
other sample rates brought to one, longer clips cut, shorter ones followed by silence, and the summary counts each. The
exported folder holds ``audio.py`` and ``audio.json``, which make a network's input of a WAV file with numpy alone.

Papers: Davis and Mermelstein 1980, Comparison of Parametric Representations for Monosyllabic Word Recognition; Gong et
al. 2021, AST: Audio Spectrogram Transformer (a spectrogram as a picture).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from search_space.spec import Scalar
from supernet.readers.files import find_folder
from supernet.readers.folders import Folders
from supernet.readers.ties import SPLITS
from supernet.tasks._audio import log_mel
from supernet.tasks._audio.reading import Clips, fitted, spectrograms
from supernet.tasks._base import Task, TaskData
from supernet.tasks._class_folders import class_files
from supernet.tasks._images import PATCH_SIZE, image_data
from supernet.tasks._options import Option

_SUFFIXES = (".wav", ".wave")


class AudioFolder(Task):
    """Classification of the clips in ``path``, relative to the working directory or to ``data_root``."""

    options: ClassVar[Mapping[str, Option]] = {
        "path": Option(default="", meaning="the folder"),
        "sample_rate": Option(
            default=0,
            meaning="samples a second that every clip is brought to; 0 is what most training clips have",
            high=1_000_000,
            why="no clip has more",
        ),
        "seconds": Option(
            default=0.0,
            meaning="length of a clip; longer ones are cut, and counted in the summary; 0 fits the longest training "
            "clip, up to 10",
            high=600,
            why="the models of longer clips take gigabytes",
        ),
        "mels": Option(
            default=64,
            meaning="bands of frequencies, even on the mel scale",
            low=1,
            high=512,
            why="more hold no frequency of their own",
        ),
        "hop_ms": Option(
            default=10.0,
            meaning="milliseconds from one window to the next; each is two and a half times as long",
            low=0.1,
            high=1000,
            why="a second hides what is heard in it",
        ),
        "patch_size": replace(
            PATCH_SIZE,
            default=16,
            meaning="side of the square of bands and windows that is one token; it divides `mels`",
            high=512,
            why="there are no more bands",
        ),
    }

    @classmethod
    def read(cls, data_root: Path, *, options: Mapping[str, Scalar]) -> TaskData:
        """Read every clip."""
        path = find_folder(str(options["path"]), data_root, kind="a folder of audio clips, one folder a class")
        listing = Folders(what="clip", suffixes=_SUFFIXES)
        found = class_files(path, listing)
        sizes = {name: Clips.of(found.files[name]) for name in SPLITS}
        patch = int(options["patch_size"])
        form = fitted(
            sizes["train"],
            rate=int(options["sample_rate"]),
            seconds=float(options["seconds"]),
            mels=int(options["mels"]),
            hop_ms=float(options["hop_ms"]),
            patch=patch,
        )
        train, validation, test = (
            (spectrograms(found.files[name], form), found.classes[name]) for name in ("train", "validation", "test")
        )
        whole = Clips(
            lengths=np.concatenate([part.lengths for part in sizes.values()]),
            rates=np.concatenate([part.rates for part in sizes.values()]),
            channels=np.concatenate([part.channels for part in sizes.values()]),
        )
        data = image_data(
            train,
            validation=validation,
            test=test,
            num_classes=len(found.names),
            patch_size=patch,
            before=[{"do": "log_mel", "settings": "audio.json", "reader": "audio.py", "values": "decibels"}],
            labels=found.names,
            splits_made=found.splits_made,
            notes=[*found.notes, *listing.notes, *whole.notes(form, patch=patch)],
            where=str(path),
        )
        assert data.train.offset is not None and data.train.scale is not None, "pictures are standardised"
        form = replace(form, offset=data.train.offset.item(), scale=data.train.scale.item())
        window, length = 1000 * form.window / form.rate, form.samples / form.rate
        facts = {
            "clips": f"{whole.seconds.min():.3g} to {whole.seconds.max():.3g} s; heard as {length:.3g} s at "
            f"{form.rate:,} Hz, in {form.frames:,} windows of {window:.3g} ms",
        }
        return replace(
            data,
            files={
                **data.files,
                "audio.json": form.to_json(),
                "audio.py": Path(log_mel.__file__).read_text(encoding="utf-8"),  # needs numpy alone
            },
            summary=replace(data.summary, facts={**data.summary.facts, **facts}),
        )


TASK = AudioFolder
