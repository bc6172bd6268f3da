"""/v1/users, for admins; to everybody else it is not there."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, patch, post
from litestar.params import FromPath, JSONBody, QueryParameter

from service.accounts.passwords import HASHER, temporary_password
from service.accounts.signing_in import FRESH
from service.accounts.structs import User
from service.answers import Cursor, Limit, Page, created, decode_cursor, found, page
from service.requests import LASTS, Db, Req, Tx, signed_in
from service.sqlfile import queries_beside
from service.users.structs import ChangeUser, CreateUser, NewUser, Role

ADMIN_STALE = "An admin is made within ten minutes of signing in; sign in again."
ROLE_STALE = "A role is changed within ten minutes of signing in; sign in again."
DELETE_STALE = "An account is deleted within ten minutes of signing in; sign in again."
RESET_STALE = "A password is reset within ten minutes of signing in; sign in again."

_bind = queries_beside(__file__)
DEMAND_ADMIN = _bind("demand_admin", type(None))
LIST_USERS = _bind("list_users", User)
GET_USER = _bind("get_user", User)
CREATE_USER = _bind("create_user", User)
CHANGE_USER = _bind("change_user", User)
DELETE_USER = _bind("delete_user", UUID)
RESET_PASSWORD = _bind("reset_password", User)

RoleFilter = Annotated[Role | None, QueryParameter(description="Only accounts of this role.")]
IsActive = Annotated[bool | None, QueryParameter(description="Only accounts that are active, or that are not.")]
Q = Annotated[
    str | None,
    QueryParameter(min_length=1, max_length=254, description="What the e-mail or a name holds, whatever its case."),
]


@get("/v1/users", operation_id="list_users")
async def list_users(
    tx: Tx,
    q: Q = None,
    role: RoleFilter = None,
    is_active: IsActive = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[User]:
    """All accounts, oldest first."""
    rows = await tx.all(LIST_USERS, role, is_active, q, decode_cursor("users", cursor, UUID), limit + 1)
    return page(rows, limit, lambda user: user.id, "users")


@post("/v1/users", operation_id="create_user")
async def create_user(request: Req, db: Db, data: JSONBody[CreateUser]) -> Response[NewUser]:
    """Make an account for somebody. The `temporary_password` is in this one answer alone."""
    caller = signed_in(request)
    async with db.transaction(caller, [], read_only=True) as tx:
        await tx.run(DEMAND_ADMIN)
    password = temporary_password()
    password_hash = await HASHER.hash(password)
    async with db.transaction(caller, []) as tx:
        _, user = await tx.create(
            CREATE_USER, data.email, data.display_name, data.role, password_hash, FRESH, refused=ADMIN_STALE
        )
    return created(request, True, _with(password, user), f"/v1/users/{user.id}")


@get("/v1/users/{user_id:uuid}", operation_id="get_user")
async def get_user(request: Req, tx: Tx, user_id: FromPath[UUID]) -> Response[User]:
    """One account."""
    return found(request, await tx.one(GET_USER, user_id))


@patch("/v1/users/{user_id:uuid}", operation_id="change_user")
async def change_user(request: Req, tx: Tx, user_id: FromPath[UUID], data: JSONBody[ChangeUser]) -> Response[User]:
    """Change what was sent. An account that is deactivated is signed out everywhere, for good."""
    fields = msgspec.to_builtins(data)
    return found(request, await tx.change(CHANGE_USER, user_id, tx.if_match, fields, FRESH, refused=ROLE_STALE))


@delete("/v1/users/{user_id:uuid}", operation_id="delete_user", opt=LASTS)
async def delete_user(tx: Tx, user_id: FromPath[UUID]) -> None:
    """Delete an account and what it alone administers; what others administer too stays theirs."""
    await tx.change(DELETE_USER, user_id, tx.if_match, FRESH, refused=DELETE_STALE)


@post("/v1/users/{user_id:uuid}/password-reset", operation_id="reset_password", status_code=200)
async def reset_password(request: Req, db: Db, user_id: FromPath[UUID]) -> Response[NewUser]:
    """Give an account a temporary password, which is in this one answer alone, and sign it out everywhere."""
    caller = signed_in(request)
    async with db.transaction(caller, [], read_only=True) as tx:
        await tx.one(GET_USER, user_id)
    password = temporary_password()
    password_hash = await HASHER.hash(password)
    async with db.transaction(caller, []) as tx:
        user = await tx.change(RESET_PASSWORD, user_id, password_hash, FRESH, refused=RESET_STALE)
    return found(request, _with(password, user))


def _with(password: str, user: User) -> NewUser:
    return NewUser(**msgspec.structs.asdict(user), temporary_password=password)


HANDLERS = [list_users, create_user, get_user, change_user, delete_user, reset_password]
