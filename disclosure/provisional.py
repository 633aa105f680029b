"""Which categories of time are not final: what a residence rule asks of them reaches beyond the days observed.

It depends on public dates only.

*At the end*: a stay that is open counts as going on and an absence that is open as lasting, so a later wave may turn a
resident into a visitor, or an emigrant into somebody who was briefly away. The final figure is a question of its own,
at a price of its own.

*At the beginning*: observation may begin in the middle of a trip or of a visit. Under the window rule, V days of a
window of W, who has been on one side of the border for the first V days is known to be a resident or none, whatever was
before; until then somebody who comes home looks like an immigrant, and a visitor who leaves like an emigrant. Only a
period that begins earlier makes these figures final.

Under signs of life a year without them is bridged by years within `gap_years` before and after; a stay that begins is
told by one year more before it, a stay that ends by one year more after.
"""

import datetime

from disclosure.query.questions import AtDates, DurationQuestion, FlowQuestion, QuantileQuestion, Question
from disclosure.query.rules import Registered, Signs, Window
from disclosure.terms import Terms
from linkage_core.agreement.clauses import Period

_Residence = AtDates | FlowQuestion | DurationQuestion | QuantileQuestion


def provisional_categories(question: Question, terms: Terms) -> frozenset[str]:
    """Return the dates or periods, as the first axis names them, whose figures are not final."""
    if not isinstance(question, _Residence):
        return frozenset()
    if isinstance(question, QuantileQuestion) and terms.statistics.variable(question.of) is not None:
        return frozenset()
    first, last = _final_days(question, terms.period)
    if isinstance(question, AtDates):
        return frozenset(date.isoformat() for date in question.dates if not first <= date <= last)
    return frozenset(period.label for period in question.periods if period.first < first or period.last > last)


def _final_days(question: _Residence, period: Period) -> tuple[datetime.date, datetime.date]:
    """Return the first and the last day whose figures are final."""
    match question.rule:
        case Registered(minimum_months=0):
            return datetime.date.min, datetime.date.max
        case Registered() as rule:
            return datetime.date.min, period.end - datetime.timedelta(rule.window_days)
        case Window() as rule:
            return period.start + datetime.timedelta(rule.days), period.end - datetime.timedelta(rule.of)
        case Signs() as rule:
            back, ahead = _years_asked(question, rule.gap_years)
            return datetime.date(period.start.year + back, 1, 1), datetime.date(period.end.year - ahead, 12, 31)


def _years_asked(question: _Residence, gap_years: int) -> tuple[int, int]:
    """Return how many years before, and after, a year's figures ask under signs of life."""
    if isinstance(question, AtDates):
        return gap_years, gap_years
    measure = question.measure
    return 0 if measure == "outflow" else gap_years + 1, 0 if measure in ("inflow", "return") else gap_years + 1
