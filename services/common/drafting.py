"""Drafting an agreement: the terms that people write (TOML) and the parties' public keys become one document.

Terms hold the agreement's clauses under their own names. Some things may be written shorter:

- `linkage = "people"` (or `"febrl4"`): a schema of `linkage_core.default_schema`;
- `[linkage]` with `extends = "people"`: what is listed there comes before what that schema lists, a national number's
  match key before names and birth date; `frequency_classes`, which it has none of, are added so too;
- `matching`: clauses that are left out come from `linkage_core.default_matching`;
- a code list's `codes = "iso-3166-alpha-3"`: every country's code, and `also = [...]` for further ones.

What belongs to the draft and not to the terms (parties, keys, lineage, version) is filled in.
"""

import copy
import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from linkage_core.agreement.amendments import check_amendment
from linkage_core.agreement.document import Agreement, parse_agreement
from linkage_core.errors import InputFault
from services.common.clock import RandomBytes
from services.common.identity import Realm
from services.common.keystore import PublicIdentity


def draft_agreement(
    terms: dict[str, Any],
    parties: Sequence[PublicIdentity],
    authority: str,
    random: RandomBytes,
    amends: Agreement | None = None,
) -> Agreement:
    """Return the agreement that these terms and parties make; raises `InputFault` with every fault.

    With `amends`, the lineage is kept and the version counts on; raises `Refused` with the clause where a service
    would not adopt the amendment, before anyone signs it.
    """
    document = copy.deepcopy(terms)
    entities: dict[str, str] = document.pop("legal_entities", {})
    faults = [f"legal_entities: no entity for {p.name}" for p in parties if p.name not in entities]
    faults += [f"legal_entities: no keys of {name}" for name in sorted(set(entities) - {p.name for p in parties})]
    realm = Realm(str(document.get("trust_domain")), str(document.get("id")))
    faults += [
        f"{p.name}: its keys were made for agreement {p.realm.agreement} in {p.realm.trust_domain}"
        for p in parties
        if p.realm != realm
    ]
    if faults:
        raise InputFault("the terms and the parties' keys do not fit together", tuple(faults))
    document["parties"] = [_party(p, entities[p.name]) for p in parties]
    document["certificate_authority"] = authority
    document["lineage"] = random(16).hex() if amends is None else amends.lineage
    document["version"] = 1 if amends is None else amends.version + 1
    document["supersedes"] = None if amends is None else amends.hash.hex()
    _expand_linkage(document)
    _expand_code_lists(document)
    agreement = parse_agreement(json.dumps(document, default=_text).encode())
    require_encodable(agreement)
    if amends is not None:
        check_amendment(amends, agreement)
    return agreement


def require_encodable(agreement: Agreement) -> None:
    """Raise one `InputFault` that lists why agents would refuse to encode the agreement's CLKs.

    Checked before anyone signs: agents would refuse it only after all the signatures.
    """
    from linkage_core.encoding.agreeable import require_agreeable

    require_agreeable(agreement.linkage.clks)


def _party(party: PublicIdentity, entity: str) -> dict[str, Any]:
    return {
        "name": party.name,
        "role": str(party.role),
        "legal_entity": entity,
        "spiffe_id": party.spiffe_id,
        "identity_key": party.identity_key.hex(),
        "wrap_key": party.wrap_key.hex() if party.wrap_key else None,
    }


def _expand_linkage(document: dict[str, Any]) -> None:
    from linkage_core.default_matching import default_matching
    from linkage_core.schema import LinkageSchema

    wanted = document.get("linkage")
    if isinstance(wanted, str):
        document["linkage"] = _default_schema(wanted)
    elif isinstance(wanted, dict) and "extends" in wanted:
        default = _default_schema(wanted.pop("extends"))
        if faults := [f"linkage.{name}" for name, value in wanted.items() if not isinstance(value, list)]:
            raise InputFault("linkage: what extends a default schema are further lines of its lists", tuple(faults))
        document["linkage"] = default | {name: lines + default.get(name, []) for name, lines in wanted.items()}
    try:
        schema = LinkageSchema.model_validate_json(json.dumps(document.get("linkage"), default=_text))
    except ValidationError:
        return  # parsing the whole document tells this fault together with all others
    given: dict[str, Any] = document.get("matching", {})
    sources = tuple(given.get("sources_with_duplicates", ()))
    matching = default_matching(schema, sources)
    document["matching"] = matching.model_dump(mode="json") | given


def _default_schema(name: object) -> dict[str, Any]:
    from linkage_core.default_schema import febrl4_schema, people_schema

    schemas = {"people": people_schema, "febrl4": febrl4_schema}
    if name not in schemas:
        raise InputFault(f"linkage: there is no default schema {name!r}", (f"known: {', '.join(schemas)}",))
    return schemas[str(name)]().model_dump(mode="json")


def _expand_code_lists(document: dict[str, Any]) -> None:
    for code_list in document.get("statistics", {}).get("code_lists", []):
        if code_list.get("codes") == "iso-3166-alpha-3":
            import pycountry

            also = code_list.pop("also", [])
            codes = sorted(country.alpha_3 for country in pycountry.countries)
            code_list["codes"] = codes + [code for code in also if code not in codes]


def _text(value: object) -> str:
    """TOML's dates and times as JSON has them."""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
