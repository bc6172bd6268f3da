"""/v1/homes/{home_id}/members."""

from uuid import UUID

from litestar import Response, delete, get, post, put
from litestar.params import FromPath, JSONBody

from service.answers import Cursor, Limit, Page, decode_cursor, page
from service.members.structs import ChangeMember, InviteMember, Member
from service.requests import Tx
from service.sqlfile import queries_beside

_bind = queries_beside(__file__)
LOCK_HOME = _bind("lock_home", type(None))
ADMINISTER_HOME = _bind("administer_home", UUID)
LIST_MEMBERS = _bind("list_members", Member)
GET_MEMBER = _bind("get_member", Member)
INVITE_MEMBER = _bind("invite_member", Member)
CHANGE_MEMBER = _bind("change_member", Member)
REMOVE_MEMBER = _bind("remove_member", UUID)
EXPORT_MEMBERS = _bind("export_members", str)


@get("/v1/homes/{home_id:uuid}/members", operation_id="list_members")
async def list_members(tx: Tx, home_id: FromPath[UUID], limit: Limit = 100, cursor: Cursor = None) -> Page[Member]:
    """Who belongs to a home; for its admins. A guest whose time is over is not listed."""
    last = decode_cursor("members", cursor, UUID)
    await tx.change(ADMINISTER_HOME, home_id)
    rows = await tx.all(LIST_MEMBERS, home_id, last, limit + 1)
    return page(rows, limit, lambda member: member.user_id, "members")


@post("/v1/homes/{home_id:uuid}/members", operation_id="invite_member")
async def invite_member(tx: Tx, home_id: FromPath[UUID], data: JSONBody[InviteMember]) -> Response[Member]:
    """Take somebody into a home, for good or as a guest; 409 if they belong to it otherwise, which PUT changes."""
    is_new, member = await tx.create(
        INVITE_MEMBER, home_id, data.user_id, data.email, data.access_level, data.expires_at,
        taken="This person already belongs to this home, at another level or until another time; PUT changes that.",
    )  # fmt: skip
    location = {"Location": f"/v1/homes/{home_id}/members/{member.user_id}"}
    return Response(member, status_code=201 if is_new else 200, headers=location if is_new else None)


@get("/v1/homes/{home_id:uuid}/members/{user_id:uuid}", operation_id="get_member")
async def get_member(tx: Tx, home_id: FromPath[UUID], user_id: FromPath[UUID]) -> Member:
    """One who belongs to a home; for its admins, and for themselves."""
    return await tx.change(GET_MEMBER, home_id, user_id)


@put("/v1/homes/{home_id:uuid}/members/{user_id:uuid}", operation_id="change_member")
async def change_member(
    tx: Tx, home_id: FromPath[UUID], user_id: FromPath[UUID], data: JSONBody[ChangeMember]
) -> Member:
    """Change what a member may do and until when; the last admin stays one."""
    await tx.run(LOCK_HOME, home_id)
    return await tx.change(CHANGE_MEMBER, home_id, user_id, data.access_level, data.expires_at)


@delete("/v1/homes/{home_id:uuid}/members/{user_id:uuid}", operation_id="remove_member")
async def remove_member(tx: Tx, home_id: FromPath[UUID], user_id: FromPath[UUID]) -> None:
    """Remove a member, or leave oneself; the last admin stays."""
    await tx.run(LOCK_HOME, home_id)
    await tx.change(REMOVE_MEMBER, home_id, user_id)


HANDLERS = [list_members, invite_member, get_member, change_member, remove_member]
EXPORTS = [EXPORT_MEMBERS]
