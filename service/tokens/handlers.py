"""/v1/me/tokens."""

import secrets
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath, JSONBody

from service.answers import Cursor, Limit, Page, created, decode_cursor, found, page
from service.identity import device
from service.requests import SPANS_ALL, Req, Tx
from service.sqlfile import queries_beside
from service.tokens.structs import CreateToken, NewToken, Token

_bind = queries_beside(__file__)
LIST_TOKENS = _bind("list_tokens", Token)
GET_TOKEN = _bind("get_token", Token)
CREATE_TOKEN = _bind("create_token", Token)
DELETE_TOKEN = _bind("delete_token", UUID)
EXPORT_TOKENS = _bind("export_tokens", str)


@get("/v1/me/tokens", operation_id="list_tokens")
async def list_tokens(tx: Tx, limit: Limit = 100, cursor: Cursor = None) -> Page[Token]:
    """One's own device tokens, oldest first."""
    rows = await tx.all(LIST_TOKENS, decode_cursor("tokens", cursor, UUID), limit + 1)
    return page(rows, limit, lambda token: token.id, "tokens")


# It spans all because a token may be bound to any source that the caller was granted.
@post("/v1/me/tokens", operation_id="create_token", opt=SPANS_ALL)
async def create_token(request: Req, tx: Tx, data: JSONBody[CreateToken]) -> Response[NewToken | Token]:
    """Make a device token. The `token` itself is in this one answer alone, not in a repeated call's 200."""
    secret = f"hl_{secrets.token_urlsafe(32)}"
    digest = device(secret).token_hash
    is_new, token = await tx.create(CREATE_TOKEN, *msgspec.structs.astuple(data), digest)
    shown: NewToken | Token = NewToken(**msgspec.structs.asdict(token), token=secret) if is_new else token
    return created(request, is_new, shown, f"/v1/me/tokens/{token.id}")


@get("/v1/me/tokens/{token_id:uuid}", operation_id="get_token")
async def get_token(request: Req, tx: Tx, token_id: FromPath[UUID]) -> Response[Token]:
    """One of one's own device tokens."""
    return found(request, await tx.one(GET_TOKEN, token_id))


@delete("/v1/me/tokens/{token_id:uuid}", operation_id="delete_token")
async def delete_token(tx: Tx, token_id: FromPath[UUID]) -> None:
    """Take a device token away: its next request is 401."""
    await tx.change(DELETE_TOKEN, token_id, tx.if_match)


HANDLERS = [list_tokens, create_token, get_token, delete_token]
EXPORTS = [EXPORT_TOKENS]
