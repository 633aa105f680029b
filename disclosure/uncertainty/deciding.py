"""Whose rows decide a table: who counts, and in which category."""

from collections.abc import Iterable

from disclosure.query.questions import (
    DurationQuestion,
    EventsQuestion,
    FlowQuestion,
    ItinerariesQuestion,
    OverlapQuestion,
    PersonsQuestion,
    QuantileQuestion,
    Question,
    StockQuestion,
    SyntheticQuestion,
    VariableQuestion,
)
from disclosure.query.rules import Registered, Rule, Signs, Window
from disclosure.terms import Terms


def counting_providers(question: Question, terms: Terms) -> tuple[str, ...]:
    """Return the providers of the files whose rows decide who counts; of an overlap, in the order of its sources."""
    match question:
        case OverlapQuestion():
            return tuple(terms.source_table(name).provider for name in question.sources)
        case StockQuestion(rule=Window()):
            return tuple(sorted({table.provider for table in terms.payload}))  # who never crossed is anybody's to tell
        case StockQuestion() | SyntheticQuestion() | FlowQuestion() | DurationQuestion():
            return _of_rule(question.rule, terms)
        case QuantileQuestion():
            variable = terms.statistics.variable(question.of)
            return _of_rule(question.rule, terms) if variable is None else (variable.column.provider,)
        case VariableQuestion():
            return (terms.variable(question.of).column.provider,)
        case PersonsQuestion() | EventsQuestion():
            return (terms.source_table(question.of).provider,)
        case ItinerariesQuestion():
            return _of_rule(question.rule, terms)
        case _:
            return tuple(sorted({source.provider for source in terms.dimension(question.of).sources}))


def filling_providers(question: Question, terms: Terms) -> dict[str, frozenset[str]]:
    """Return the providers that fill in each dimension of the table or its comparisons; durations are nobody's."""
    names = dict.fromkeys((*question.dimensions, *(item.dimension for item in question.where)))
    found = {name: frozenset(source.provider for source in terms.dimension(name).sources) for name in names}
    return {name: providers for name, providers in found.items() if providers}


def deciding_providers(question: Question, terms: Terms) -> tuple[str, ...]:
    """Return all of them, sorted by name."""
    filling = filling_providers(question, terms).values()
    return tuple(sorted({*counting_providers(question, terms), *(name for names in filling for name in names)}))


def uncountable_links(question: Question, terms: Terms) -> str:
    """Return why nobody can be counted whom a missed link would move, or nothing.

    Declared rates are those of pairs of files. Among three, a person whose link between two is missed may still be
    linked through the third, and no rate tells how often.
    """
    providers = deciding_providers(question, terms)
    if question.by_cell_key:
        return "a table by cell-key perturbation has no noise, and nothing is measured beside it"
    if question.measure == "net":
        return "in a net flow persons count with a sign: ask for inflow and outflow"
    if not terms.unmatched_rows_kept:
        return "rows without a link are dropped, so that nobody knows what they would add"
    if len(providers) != 2:
        return f"it needs a table that two files decide together; rows of {', '.join(providers)} decide this one"
    return held_twice(terms, counting_providers(question, terms))


def held_twice(terms: Terms, providers: Iterable[str]) -> str:
    """Return which of these files may hold a person twice, as a reason, or nothing."""
    found = sorted(set(providers) & set(terms.sources_with_duplicates))
    return f"{' and '.join(found)} may hold a person twice, and rates are of rows" if found else ""


def _of_rule(rule: Rule, terms: Terms) -> tuple[str, ...]:
    match rule:
        case Registered():
            return (terms.statistics.residence.provider,)
        case Signs():
            return tuple(sorted({terms.source_table(name).provider for name in rule.sources}))
        case _:
            crossings = terms.statistics.crossings
            return () if crossings is None else (crossings.table.provider,)
