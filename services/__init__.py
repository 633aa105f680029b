"""The processes: transport, storage, configuration, logs and commands around the floors below."""
