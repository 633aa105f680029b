"""What the linkage unit remembers: metadata in a database, encodings and tokens as sealed files beside it."""
