"""`python -m services.cli`: the same as the `symbolon` command."""

from services.cli.main import main

main()
