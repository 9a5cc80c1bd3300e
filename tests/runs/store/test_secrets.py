"""No spelling of a password survives in a text that leaves the program."""

from __future__ import annotations

import pytest

from runs.store.engine import parse_url
from runs.store.secrets import has_secret, redacted, redacted_url
from search_space.errors import StoreError

URLS = [
    "postgresql://me:MARKED@host/db",
    "postgresql+psycopg://me:MARKED@host:5432/db?sslmode=require",
    "postgresql:/me:MARKED@host/db",
    "postgresql:me:MARKED@host/db",
    "postgresql:///me:MARKED@host/db",
    "postgres://:MARKED@host/db",
    "postgresql://me:MARKED#x@host/db",
    "postgresql://me:#MARKED@host/db",
    "postgresql://me:a@MARKED@host/db",
    "postgresql://me:a/MARKED?b@host/db",
    "postgresql://me:a:MARKED@host/db",
    "postgresql://me:a b MARKED@host/db",
    "postgresql://me:MARKED'quoted\"@host/db",
    "postgresql://me:MARKED%23%40@host/db",
    "postgresql://me:MARKED%40host/db",
    "postgresql://me:MARKED",
    "postgresql://host/db?user=me&password=MARKED",
    "postgresql://host/db?password=MARKED#x",
    "postgresql://host/db?password=a&MARKED&sslmode=require",
    "postgresql://host/db?PASSWORD=MARKED",
    "postgresql://host/db?pass%77ord=MARKED",
    "postgresql://host/db?sslpassword=MARKED&sslkey=key.pem",
    "postgresql://me:MARKED@host/db?sslpassword=MARKED",
    "postgresql://host/db;password=MARKED",
    "sqlite:///outputs/file.db?password=MARKED",
    "mysql://me:MARKED@host/db",
    "me:MARKED@host/db",
]


@pytest.mark.parametrize("url", URLS)
def test_a_password_is_blotted_out_in_every_spelling(url):
    assert has_secret(url) and "MARKED" not in redacted_url(url)
    assert "MARKED" not in redacted(f'cannot open "{url}": bad', url=url)


def test_a_known_password_is_blotted_out_wherever_it_stands():
    url = "postgresql://me:MARK%23ED@host/db?sslpassword=OTHER"
    assert redacted("no role for MARK#ED, MARK%23ED or OTHER", url=url) == "no role for ***, *** or ***"


@pytest.mark.parametrize(
    "url", [u for u in URLS if " " not in u and "'" not in u and u.startswith(("postgres", "sqlite"))]
)
def test_it_is_found_in_a_text_without_knowing_the_url(url):
    assert "MARKED" not in redacted(f"nasweave run store={url} name=x; repeat it")


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///outputs/nasweave.db",
        "postgresql://me@host:5432/db",
        "postgresql:///db?host=/run/postgresql&passfile=/home/me/.pgpass",
        "postgresql://host/db?sslkey=key.pem&connect_timeout=3",
    ],
)
def test_what_holds_no_password_stays_as_it_is(url):
    assert not has_secret(url) and redacted(url, url=url) == url


def test_ordinary_texts_stay_as_they_are():
    text = "budget.latency_ms@phone: expected devices.phone=a.json, see https://example.org/a?b=c#d and C:/x"
    assert redacted(text, url="sqlite:///outputs/nasweave.db") == text


@pytest.mark.parametrize("password", ["a@MARKED", "MARKED@b", "a@b@MARKED"])
def test_a_password_that_a_driver_would_read_in_part_is_refused_without_naming_it(password):
    with pytest.raises(StoreError) as error:
        parse_url(f"postgresql://me:{password}@host/db")
    assert "MARKED" not in str(error.value) and "percent" in str(error.value)
