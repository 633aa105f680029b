"""Protobuf <-> values: the only importer of the generated message classes.

`signed` handles the envelope and every message that travels inside it; `calls` the requests and answers of the
services. A malformed message raises `linkage_core.errors.InputFault` with its field, never its content.
"""
