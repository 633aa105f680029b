"""How likely a candidate pair is one person: Fellegi–Sunter weights and false-match rates without truth; see `run`."""
