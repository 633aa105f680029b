"""Alembic's folder of the linkage unit's store."""
