"""Generated from `protos/symbolon/v1` by `make wire`; never edited by hand."""
