"""Which categories of time a later wave may still change: a residence rule's window is open at the end of observation.

It depends on public dates only. A stay that is open counts as going on and an absence that is open as lasting, so in
these cells a later wave may turn a resident into a visitor, or an emigrant into somebody who was briefly away. The
final figure is a question of its own, at a price of its own.
"""

import datetime

from disclosure.query.questions import AtDates, DurationQuestion, FlowQuestion, QuantileQuestion, Question
from disclosure.terms import Terms


def provisional_categories(question: Question, terms: Terms) -> frozenset[str]:
    """Return the dates or periods, as the first axis names them, whose figures are not final."""
    if not isinstance(question, AtDates | FlowQuestion | DurationQuestion | QuantileQuestion):
        return frozenset()
    if not question.rule.window_days:
        return frozenset()
    if isinstance(question, QuantileQuestion) and terms.statistics.variable(question.of) is not None:
        return frozenset()
    final = terms.period.end - datetime.timedelta(days=question.rule.window_days)
    if isinstance(question, AtDates):
        return frozenset(date.isoformat() for date in question.dates if date > final)
    return frozenset(period.label for period in question.periods if period.last > final)
