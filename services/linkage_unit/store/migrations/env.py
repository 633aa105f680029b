"""Runs migrations on the connection that `services.common.database.open_database` hands over."""

from alembic import context

from services.linkage_unit.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
