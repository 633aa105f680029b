"""Whether files can be linked with each other at all, before anything is searched."""

from collections.abc import Iterable, Mapping, Sequence

from linkage_core.agreement.clauses import Matching
from linkage_core.errors import InputFault
from linkage_core.linking.files import EncodedFile
from linkage_core.schema import LinkageSchema

Field = tuple[str, str]
"""What rows are compared by: `CLK` or `match key`, and its name."""


def check_comparable(files: Sequence[EncodedFile], schema: LinkageSchema, matching: Matching) -> None:
    """Raise `InputFault`, with every fault, unless each file can be linked with all others, maybe through others.

    Two files can if both have rows with one CLK, or with one match key of a pass. With a spine every file must share
    one with the spine. A single file must be one that may hold duplicates. The files fit the schema.
    """
    fields = {str(file.provider): _fields(file, matching) for file in sorted(files, key=lambda file: file.provider)}
    spine = matching.spine
    if spine is not None and spine not in fields:
        raise InputFault(f"matching.spine: there is no file of {spine}; upload it, or agree on another spine")
    if len(fields) == 1 and not fields.keys() & set(matching.sources_with_duplicates):
        (alone,) = fields
        raise InputFault(f"{alone} is the only file: add another, or name it in matching.sources_with_duplicates")
    linked = [spine] if spine is not None else _linked_with(next(iter(fields)), fields)
    met = _of_any(fields, linked)
    faults = tuple(
        f"{name} has rows with {_named(own)}, {', '.join(linked)} with {_named(met)}: fill in one file what another "
        f"has ({_behind(own | met, schema)}), or agree on a schema of what both have"
        for name, own in fields.items()
        if name not in linked and not own & met
    )
    if faults:
        raise InputFault("files without a common field cannot be linked", faults)


def _fields(file: EncodedFile, matching: Matching) -> frozenset[Field]:
    """Return what some row of the file has."""
    clks = [name for name, clk in file.clks.items() if clk.present.any()]
    keys = [name for name, key in file.match_keys.items() if name in matching.passes and key.present.any()]
    return frozenset([*(("CLK", str(name)) for name in clks), *(("match key", str(name)) for name in keys)])


def _linked_with(start: str, fields: Mapping[str, frozenset[Field]]) -> list[str]:
    """Return the file and all that share a field with it or with one that does, by name."""
    linked = {start}
    while new := {name for name in fields.keys() - linked if fields[name] & _of_any(fields, linked)}:
        linked |= new
    return sorted(linked)


def _of_any(fields: Mapping[str, frozenset[Field]], names: Iterable[str]) -> frozenset[Field]:
    return frozenset(field for name in names for field in fields[name])


def _named(fields: frozenset[Field]) -> str:
    return ", ".join(f"{kind} {name}" for kind, name in sorted(fields)) or "no CLK and no match key"


def _behind(fields: frozenset[Field], schema: LinkageSchema) -> str:
    """Return the quasi-identifiers behind each field; without a field, those of the whole schema."""
    sources = {variable.name: variable.of for variable in schema.variables}
    variables = {("CLK", clk.name): clk.features for clk in schema.clks}
    variables |= {("match key", key.name): key.variables for key in schema.match_keys}
    return "; ".join(
        f"{kind} {name}: {', '.join(dict.fromkeys(source for of in variables[kind, name] for source in sources[of]))}"
        for kind, name in sorted(fields or variables)
    )
