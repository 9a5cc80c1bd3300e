"""Tables: the separator is found, no row vanishes, and what each column is, is told."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from search_space.errors import DataError
from supernet.readers.labelled import read_labelled
from supernet.readers.series.steps import read_series
from supernet.readers.tables import names_of, read_table

ROWS = [(f"text {i}, with {'more ' * (i % 3)}words", f"label {i % 2}") for i in range(8)]


def write(path, content):
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    return path


def quoted(rows, separator=","):
    return "".join(separator.join('"{}"'.format(cell.replace('"', '""')) for cell in row) + "\n" for row in rows)


@pytest.mark.parametrize("separator, name", [(",", ""), (";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_the_separator_is_found(tmp_path, separator, name):
    path = write(tmp_path / "a.csv", quoted([("text", "label"), *ROWS], separator))
    found = read_labelled(path, text="text", label="label")
    assert list(zip(found.texts, found.labels, strict=True)) == ROWS
    assert found.notes == ((f"cells are separated by {name}",) if name else ())
    numbers = write(tmp_path / "b.csv", separator.join("ab") + "\n" + f"1.5{separator}2\n" * 5)
    assert read_series(numbers).values.tolist() == [[1.5, 2]] * 5


def test_decimal_commas_are_read_where_semicolons_part_cells(tmp_path):
    path = write(tmp_path / "a.csv", "a;b;c\n" + "1,5;2;-3,25e1\n7;;0,5\n" * 3)
    np.testing.assert_array_equal(read_series(path).values[:2], [[1.5, 2, -32.5], [7, np.nan, 0.5]])
    with pytest.raises(DataError, match=r"line 2, column a: expected a number, got '1\.234,5'"):
        read_series(write(path, "a;b\n1.234,5;2\n"))


@pytest.mark.parametrize(
    "broken, got",
    [
        ('"never closed,label 0\n', "(a quote that is never closed|.*expected after)"),
        ('"closed" and more,x\n', ".*expected after"),
    ],
)
def test_rows_after_a_broken_quote_do_not_vanish(tmp_path, broken, got):
    path = write(tmp_path / "a.csv", quoted([("text", "label"), *ROWS]) + broken + quoted(ROWS))
    with pytest.raises(DataError, match=rf"a\.csv: line 10: expected quotes around whole cells.*got {got}"):
        read_table(path)


def test_a_quote_that_is_never_closed_is_named_with_its_line(tmp_path):
    path = write(tmp_path / "a.csv", 'text,label\na,x\n\nb,y\n"open,x\nc,y\nd,x\n')
    with pytest.raises(DataError, match=r"a\.csv: line 5: expected quotes .*got a quote that is never closed"):
        read_table(path)


def test_fields_may_be_as_long_as_texts_are_and_the_limit_of_python_stays(tmp_path):
    before = csv.field_size_limit()
    long = "word " * 100_000
    path = write(tmp_path / "a.csv", quoted([("text", "label"), (long, "x"), ("b", "y")]))
    assert read_labelled(path, text="text", label="label").texts[0] == long
    assert csv.field_size_limit() == before


def test_a_name_that_stands_twice_is_refused(tmp_path):
    path = write(tmp_path / "a.csv", "text,label,label\na,x,y\n")
    with pytest.raises(
        DataError, match="the header: expected columns of different names, got 2 that are called 'label'"
    ):
        read_labelled(path, text="text", label="label")
    assert read_labelled(write(path, "label,n,n,text\nx,1,2,a\n"), text="text", label="label").labels == ["x"]
    with pytest.raises(DataError, match="got 2 that are called 'a'"):
        read_series(write(path, "a,b,a\n1,2,3\n"))
    path = write(tmp_path / "a.jsonl", '{"text": "a", "label": "x", "label": "y"}\n')
    with pytest.raises(DataError, match=r"line 1: expected columns of different names"):
        read_labelled(path, text="text", label="label")


def lines(*rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def test_lines_of_json_end_at_line_feeds_alone(tmp_path):
    texts = ["a\u2028b", "c\u0085d", "e\x0cf", "g\u2029h"]
    path = write(tmp_path / "a.jsonl", lines(*({"text": t, "label": i % 2} for i, t in enumerate(texts))))
    found = read_labelled(path, text="text", label="label")
    assert found.texts == texts and found.labels == ["0", "1", "0", "1"]


def test_what_lacks_a_label_or_a_text_is_left_out_and_counted(tmp_path):
    rows = [{"text": "a", "label": None}, {"text": None, "label": "x"}, {"text": " ", "label": "x"}]
    half = json.dumps({"text": "half \ud83d", "label": "y"})
    path = write(tmp_path / "a.jsonl", lines(*rows, {"text": "b", "label": "x"}) + half)
    found = read_labelled(path, text="text", label="label")
    assert (found.texts, found.labels) == (["b", "half ?"], ["x", "y"])
    assert found.notes == (
        "a.jsonl: left out, without a text: 2 rows",
        "a.jsonl: left out, without a label: 1 row",
        "a.jsonl: halves of characters became question marks: 1 text",
    )
    path = write(tmp_path / "a.csv", "text,label\nalone\n,x\nb,\nc,y\n")
    assert [n.rpartition(": ")[2] for n in read_labelled(path, text="text", label="label").notes] == ["1 row", "2 rows"]


@pytest.mark.parametrize(
    "content, message",
    [
        ('{"text": ' + "[" * 100_000 + "]" * 100_000 + ', "label": 1}', "line 1: .*got one that is nested too deep"),
        ('{"text": "a", "label": ["x"]}', "line 1, label: expected one text or number, got a list"),
        ('{"text": {"a": 1}, "label": "x"}', "line 1, text: expected one text or number, got an object"),
        ('{"text": "a", "label": "\\ud800"}', r"expected labels in one line .*got '\\ud800'"),
        ('{"text": "a", "label": "x\\ny"}', r"expected labels in one line .*got 'x\\ny'"),
        ('{"text": "a", "label": "' + "x" * 500 + '"}', r"at most 200 signs .*got 'x+ \.\.\.' of 500 signs"),
        ('{"text": "a", "label": ' + "1" * 5000 + "}", "line 1: expected a JSON object"),
        ("null", "line 1: expected a JSON object, got NoneType"),
    ],
)
def test_lines_of_json_that_are_no_example_are_one_line(tmp_path, content, message):
    with pytest.raises(DataError, match=message) as caught:
        read_labelled(write(tmp_path / "a.jsonl", content + "\n"), text="text", label="label")
    assert str(caught.value).isprintable() and len(str(caught.value)) < 600


def numbers(path, first, *, header="t,a,b", rows=12):
    return write(path, header + "\n" + "".join(f"{first(i)},{i % 5}.5,{i % 3}\n" for i in range(rows)))


@pytest.mark.parametrize(
    "name, first",
    [
        ("t", lambda i: f"2020-01-{i + 1:02} 00:00"),
        ("t", lambda i: f"week {i}"),
        ("day", lambda i: 20200125 + i if i < 7 else 20200201 + i - 7),
        ("x", lambda i: 20200125 + i if i < 7 else 20200201 + i - 7),
        ("x", lambda i: 1_600_000_000 + 60 * i + i % 2),
        ("x", lambda i: 0.25 * i + 3),
        ("", lambda i: i),
        ("Unnamed: 0", lambda i: i * i),
        ("Year", lambda i: 1959 + i // 4),
    ],
)
def test_a_column_that_tells_the_time_is_recognised_and_said(tmp_path, name, first):
    found = read_series(numbers(tmp_path / "a.csv", first, header=f"{name},a,b"))
    assert found.names == ("a", "b") and found.targets == (0, 1)
    assert found.time == f"{name or 'the first column'} ({first(0)} to {first(11)})"


def test_years_and_quarters_are_both_told(tmp_path):
    content = "year,quarter,gdp,cpi\n" + "".join(f"{1959 + i // 4},{1 + i % 4},{i % 7},{i % 5}\n" for i in range(20))
    found = read_series(write(tmp_path / "a.csv", content))
    assert found.names == ("gdp", "cpi") and found.time == "year (1959 to 1963), quarter (1 to 4)"
    wanted = read_series(tmp_path / "a.csv", target=["quarter", "gdp"])
    assert wanted.names == ("quarter", "gdp") and wanted.time == "year (1959 to 1963)"
    assert wanted.notes == ("columns that are neither target nor covariate are left out: cpi",)


@pytest.mark.parametrize(
    "first", [lambda i: i % 4, lambda i: "" if i == 3 else i * 1.5, lambda i: 100 + (i * i) % 9, lambda i: -(i**2)]
)
def test_a_first_column_of_other_numbers_is_a_series(tmp_path, first):
    found = read_series(numbers(tmp_path / "a.csv", first, header="x,a,b"))
    assert found.names == ("x", "a", "b") and found.time == ""


def test_targets_and_covariates_are_named(tmp_path):
    path = write(
        tmp_path / "a.csv", 'date,"x, y",b,c,d\n' + "".join(f"d{i},{i % 3},{i % 4},{i % 5},words\n" for i in range(9))
    )
    found = read_series(path, target=names_of('"x, y"'), covariates=names_of("c , b"))
    assert found.names == ("x, y", "b", "c") and found.targets == (0,)
    assert found.notes == ("columns that are neither target nor covariate are left out: d",)
    with pytest.raises(DataError, match=r"expected columns z, got date, x, y, b, c, d; correct task\.options\.target"):
        read_series(path, target=["z"])
    with pytest.raises(DataError, match=r"line 2, column d: expected a number, got 'words'; .*task\.options\.target"):
        read_series(path)
    with pytest.raises(DataError, match=r"covariates: expected columns that are not in .*target too, got b;"):
        read_series(path, target=["b", "c"], covariates=["b"])
    with pytest.raises(DataError, match=r"and 9 rows, none of these columns to forecast"):
        read_series(path, covariates=["x, y", "b", "c", "d"])


def test_a_header_of_numbers_is_told(tmp_path):
    rows = "".join(f"2020-01-{day:02},{day % 3}.5,{day % 7}.25\n" for day in range(10, 20))
    assert read_series(write(tmp_path / "a.csv", rows)).notes == (
        "the first line is taken for names, though they are numbers: 2020-01-10, 1.5, 3.25",
    )
    assert not read_series(write(tmp_path / "b.csv", "date,a,1\n" + rows)).notes


@pytest.mark.parametrize("cell", ["1_000", "0x10", "inf", "1e300", "3e38", "1 000", "3 %", "9" * 400])
def test_cells_that_are_no_numbers_of_a_possible_size_are_named(tmp_path, cell):
    path = write(tmp_path / "a.csv", "a,b\n1,2\n" + f"{cell},2\n" + "4,9\n")
    with pytest.raises(DataError, match=r"a\.csv: line 3, column a: expected a number"):
        read_series(path)


def test_a_last_separator_an_empty_column_and_an_order_are_noticed(tmp_path):
    content = "date,a,b,\n2020-03-01,1,,\n2020-02-01,3,,\n2020-01-01,2,,\n"
    found = read_series(write(tmp_path / "a.csv", content))
    assert found.names == ("a",) and found.values[:, 0].tolist() == [1, 3, 2]
    assert found.notes == (
        "empty columns are left out: b",
        "rows are not in the order of the column date: the splits follow the rows",
    )


def test_a_line_break_in_names_of_columns_is_a_space():
    assert names_of("a\nb,c\r") == ("a b", "c")
