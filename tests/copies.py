"""A copy of what somebody sees, kept by GET /v1/changes and nothing else: the smallest client there can be."""

from typing import Any

from tests.people import Person


class Copy:
    """What a person's phone holds, by type, source and id: two sources may each have something of one id."""

    def __init__(self, owner: Person | None = None) -> None:
        self.owner = owner
        self.cursor: str | None = None
        self.items: dict[tuple[str, str | None, str], Any] = {}

    def take(self, change: Any) -> None:
        """Apply one change."""
        if change["op"] == "upsert":
            self.items[change["type"], change["source_id"], change["id"]] = change["data"]
        elif change["type"] == "source":
            # With a source goes what belongs to it.
            self.items = {key: data for key, data in self.items.items() if key[1] != change["id"]}
        elif change["type"] == "plant":
            # And with a plant its care.
            self.items.pop(("plant", None, change["id"]), None)
            self.items = {
                key: data for key, data in self.items.items() if key[0] != "care" or data["plant_id"] != change["id"]
            }
        else:
            self.items.pop((change["type"], change["source_id"], change["id"]), None)

    async def page(self, limit: int = 100) -> Any:
        """Ask for one page and apply it."""
        assert self.owner is not None
        params = {"limit": limit} | ({"since": self.cursor} if self.cursor else {})
        response = await self.owner.get("/v1/changes", params=params)
        assert response.status_code == 200, response.text
        page = response.json()
        assert len(page["items"]) <= limit
        self.apply(page)
        return page

    def apply(self, page: Any) -> None:
        """Take a page's changes, and remember how far it goes."""
        for change in page["items"]:
            self.take(change)
        self.cursor = page["next_cursor"]

    async def catch_up(self, limit: int = 100) -> list[tuple[str, str, str]]:
        """Ask until there is no more: type, op and id of every change, in order."""
        told = []
        more = True
        while more:
            page = await self.page(limit)
            told += [(change["type"], change["op"], change["id"]) for change in page["items"]]
            more = page["has_more"]
            assert page["items"] or not more
        return told

    def of(self, type_: str) -> list[Any]:
        """What is held of one type, by source and id."""
        return [self.items[key] for key in sorted(self.items, key=str) if key[0] == type_]
