"""The closed query language: a question is data, never code. `parsing` shows it whole.

`questions` holds one model per kind of measure, `rules` who is a resident, `periods` the axis of time.
"""
