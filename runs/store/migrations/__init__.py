"""Migrations, one file each in ``versions/``, which Alembic runs in the order of their ``down_revision``.

A change of ``runs.store.tables`` needs a new file there; the test of migrations fails until both say the same.
"""
