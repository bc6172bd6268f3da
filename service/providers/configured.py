"""The providers that are configured, and what all of their sign-ins share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.problems import not_found
from service.providers.fetching import Fetcher
from service.providers.provider import Provider
from service.providers.sealing import Sealer
from service.providers.tickets import Tickets
from service.settings import Settings


class Providers:
    """The configured providers of one worker; `tokens` seals what they give, None where that is not kept."""

    def __init__(self, settings: Settings, fetcher: Fetcher | None) -> None:
        self.tickets = Tickets(settings.secrets)
        self.tokens = Sealer(settings.provider_token_keys) if settings.provider_token_keys else None
        self._by_name = {
            name: Provider(name, own, fetcher, settings.public_url)
            for name, own in settings.providers.items()
            if fetcher is not None
        }

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator["Providers"]:
        """The providers for as long as the service runs; without any no connection is ever opened."""
        if not settings.providers:
            yield cls(settings, None)
            return
        fetcher = Fetcher()
        providers = cls(settings, fetcher)
        try:
            yield providers
        finally:
            for provider in providers._by_name.values():
                provider.stop()
            await fetcher.close()

    def named(self, name: str) -> Provider:
        """The provider of that name; 404 for one that is not configured."""
        try:
            return self._by_name[name]
        except KeyError:
            raise not_found() from None
