"""The `symbolon` command: a group for each role, and the demo.

Groups load on demand: asking for help must not import data frames, kernels or noise.
"""

import os
import warnings

import typer

from services.cli import agent, agreement, analysis, keys, linkage_unit, query
from services.cli.demo import demo
from services.cli.generate import generate
from services.cli.outcome import run

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Link the records that several agencies hold about the same people, so that no party sees both who a person "
    "is and what is recorded about them.",
    epilog="Start with `symbolon demo`, then the README. Exit codes: 0 done, 2 bad input, 3 refused, 4 try again "
    "later, 5 tampered with.",
)
app.add_typer(keys.app, name="keys")
app.add_typer(agreement.app, name="agreement")
app.add_typer(agent.app, name="agent")
app.add_typer(linkage_unit.app, name="linkage-unit")
app.add_typer(analysis.app, name="analysis")
app.add_typer(query.app, name="query")
app.command()(generate)
app.command()(demo)


def main() -> None:
    """Entry point of the console script."""
    os.umask(0o077)  # what a command writes is for its own account: stores, logs, answers
    # anonlink imports pkg_resources, which warns users of what only a maintainer can change
    warnings.filterwarnings("ignore", "pkg_resources is deprecated", UserWarning)
    run(app)
