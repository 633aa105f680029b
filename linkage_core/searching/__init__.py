"""Which pairs of records are compared: all of them or those that tables propose, as tasks that any engine runs."""
