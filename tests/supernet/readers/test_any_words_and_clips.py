"""Whatever columns of words, a WAV file or the folder of a data set hold: data, or one line that can be read."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import wavfile

from supernet.readers.conll import read_conll
from supernet.readers.labelled import read_labelled
from supernet.tasks import TASKS
from supernet.tasks._audio.log_mel import LogMel
from supernet.tasks._audio.reading import spectrograms
from tests.supernet.readers.test_any_input import answered, damaged, few, nested

FORM = LogMel(rate=8000, samples=440, window=200, hop=80, mels=4)
cells = st.text(st.characters(codec="utf-8"), max_size=5) | st.sampled_from(["O", "B-x", "-DOCSTART-", "1-2", "#"])


@few
@given(lines=st.lists(st.lists(cells, max_size=3), max_size=12), joint=st.sampled_from([" ", "\t"]))
def test_any_columns_are_words_or_one_line(lines, joint, tmp_path):
    for name, word in (("a.conll", 1), ("a.conllu", 2)):
        (tmp_path / name).write_text("\n".join(map(joint.join, lines)), encoding="utf-8", newline="")
        found = answered(lambda name=name, word=word: read_conll(tmp_path / name, word=word, label=0))
        if found is not None:
            assert all(len(words) == len(tags) > 0 for words, tags in zip(found.words, found.tags, strict=True))
        options = {"path": str(tmp_path / name), "word": word, "vocabulary": 270}
        answered(lambda options=options: TASKS["token_labels"].load(options=options))


def wav() -> bytes:
    file = io.BytesIO()
    wavfile.write(file, 8000, np.arange(300, dtype=np.int16)[:, None].repeat(2, 1))
    return file.getvalue()


@few
@given(st.binary(max_size=80).map(lambda tail: wav()[:44] + tail) | damaged(wav()))
def test_any_clip_is_a_spectrogram_or_one_line(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    found = answered(lambda: spectrograms([tmp_path / "a.wav"], FORM))
    assert found is None or (found.shape == (1, 1, 4, 4) and np.isfinite(found).all())


@few
@given(state=nested, info=nested, splits=nested)
def test_any_description_of_a_data_set_is_texts_or_one_line(tmp_path, state, info, splits):
    table = pa.table({"text": ["a", "b"], "label": [0, 1]})
    with pa.ipc.new_stream(tmp_path / "data.arrow", table.schema) as writer:
        writer.write_table(table)
    files = {"_data_files": [{"filename": "data.arrow"}]}
    features = {"features": {"label": {"_type": "ClassLabel", "names": info}, "text": info}}
    for told_state, told_info in ((state, {}), ({"_data_files": state}, {}), (files, info), (files, features)):
        (tmp_path / "state.json").write_text(json.dumps(told_state))
        (tmp_path / "dataset_info.json").write_text(json.dumps(told_info))
        answered(lambda: read_labelled(tmp_path, text="text", label="label"))
    (tmp_path / "dataset_dict.json").write_text(json.dumps({"splits": splits}))
    answered(lambda: TASKS["text"].load(options={"path": str(tmp_path), "vocabulary": 270}))
    (tmp_path / "dataset_dict.json").unlink()
