"""/v1/sources/{source_id}/validators."""

from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody

from service.answers import Cursor, From, Limit, Page, To, created, decode_cursor, found, page, refuse_range
from service.requests import Req, Tx
from service.sqlfile import queries_beside
from service.validators.structs import (
    ChangeValidator,
    CreateValidator,
    History,
    HistoryCheck,
    Validator,
    Violation,
    Violations,
)

_bind = queries_beside(__file__)
SEE_RULES = _bind("see_rules", UUID)
LIST_VALIDATORS = _bind("list_validators", Validator)
GET_VALIDATOR = _bind("get_validator", Validator)
CREATE_VALIDATOR = _bind("create_validator", Validator)
CHANGE_VALIDATOR = _bind("change_validator", Validator)
DELETE_VALIDATOR = _bind("delete_validator", UUID)
CHECK_HISTORY = _bind("check_history", History)
EXPORT_VALIDATORS = _bind("export_validators", str)

SHOWN = 1000
"""How many violations a check shows."""


@get("/v1/sources/{source_id:uuid}/validators", operation_id="list_validators")
async def list_validators(
    tx: Tx, source_id: FromPath[UUID], limit: Limit = 100, cursor: Cursor = None
) -> Page[Validator]:
    """The rules of a source, for whoever was granted it."""
    last = decode_cursor("validators", cursor, UUID)
    await tx.change(SEE_RULES, source_id)
    rows = await tx.all(LIST_VALIDATORS, source_id, last, limit + 1)
    return page(rows, limit, lambda validator: validator.id, "validators")


@post("/v1/sources/{source_id:uuid}/validators", operation_id="create_validator")
async def create_validator(
    request: Req, tx: Tx, source_id: FromPath[UUID], data: JSONBody[CreateValidator]
) -> Response[Validator]:
    """Make a rule, which holds for what is logged and corrected from now on."""
    is_new, validator = await tx.create(
        CREATE_VALIDATOR,
        source_id,
        data.id,
        data.min_value,
        data.max_value,
        data.non_decreasing,
        data.max_rate,
        data.action,
    )
    return created(request, is_new, validator, f"/v1/sources/{source_id}/validators/{validator.id}")


@get("/v1/sources/{source_id:uuid}/validators/{validator_id:uuid}", operation_id="get_validator")
async def get_validator(
    request: Req, tx: Tx, source_id: FromPath[UUID], validator_id: FromPath[UUID]
) -> Response[Validator]:
    """One rule."""
    return found(request, await tx.one(GET_VALIDATOR, source_id, validator_id))


@patch("/v1/sources/{source_id:uuid}/validators/{validator_id:uuid}", operation_id="change_validator")
async def change_validator(
    request: Req, tx: Tx, source_id: FromPath[UUID], validator_id: FromPath[UUID], data: JSONBody[ChangeValidator]
) -> Response[Validator]:
    """Change what was sent; what is stored already is not judged again."""
    fields = msgspec.to_builtins(data)
    return found(request, await tx.change(CHANGE_VALIDATOR, source_id, validator_id, tx.if_match, fields))


@delete("/v1/sources/{source_id:uuid}/validators/{validator_id:uuid}", operation_id="delete_validator")
async def delete_validator(tx: Tx, source_id: FromPath[UUID], validator_id: FromPath[UUID]) -> None:
    """Remove a rule; what it flagged stays questionable."""
    await tx.change(DELETE_VALIDATOR, source_id, validator_id, tx.if_match)


@post("/v1/sources/{source_id:uuid}/validators/check", operation_id="check_validator", status_code=200)
async def check_validator(
    tx: Tx, source_id: FromPath[UUID], data: JSONBody[CreateValidator], since: From = None, until: To = None
) -> HistoryCheck:
    """What rules would say of the stored readings; nothing is stored."""
    refuse_range(since, until)
    await tx.change(SEE_RULES, source_id)
    said = await tx.one(
        CHECK_HISTORY,
        source_id,
        data.min_value,
        data.max_value,
        data.non_decreasing,
        data.max_rate,
        since,
        until,
        SHOWN,
    )
    violations = Violations(said.min_value, said.max_value, said.non_decreasing, said.max_rate)
    columns = zip(said.ids, said.timestamps, said.vals, said.rules, said.details, strict=True)
    results = [Violation(*each) for each in columns]
    return HistoryCheck(said.checked, violations, results, sum(msgspec.structs.astuple(violations)) > len(results))


HANDLERS = [
    list_validators,
    create_validator,
    get_validator,
    change_validator,
    delete_validator,
    check_validator,
]
EXPORTS = [EXPORT_VALIDATORS]
