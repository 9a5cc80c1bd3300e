"""Launches, stores, searches, reports and exports: all side effects."""
