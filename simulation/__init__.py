"""An invented country: the files that three of its agencies would hold, and the truth behind them.

Nothing here knows of the linkage system: the package makes files, which a provider agent then reads like any others.
`simulation.country` tells the story; `simulation.agencies` documents the columns of every file.
"""
