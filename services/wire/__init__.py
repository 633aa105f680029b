"""The protocol on the wire: generated code (`v1`), its messages as values (`messages`), and the way between (`convert`)."""
