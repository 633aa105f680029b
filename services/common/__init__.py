"""What every process shares: identity and access, transport, keys, sealed storage, configuration, logs, audit."""
