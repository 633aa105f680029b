"""Alembic's scripts for the analysis service's metadata store."""
