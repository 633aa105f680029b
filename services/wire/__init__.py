"""The protocol on the wire: generated code (`v1`), its messages as values (`messages`), the way between (`convert`)."""
