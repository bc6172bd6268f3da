"""What a migration that is undone and done again must not forget, invent or revive."""

import shutil

import pytest

from service.migrations import SQL, MigrationError, downgrade
from tests.migrations.conftest import Sandbox

PROVIDERS, ADMINISTRATION = "0028_sign_in_with_providers", "0029_administer_accounts"
GOOGLE, LINE = "https://accounts.google.com", "https://access.line.me"
ANN = "INSERT INTO users (email) VALUES ('ann@example.org')"
PASSWORD = "INSERT INTO user_passwords (user_id, password_hash, is_temporary) SELECT id, '$argon2id$x', %s FROM users"
IDENTITY = (
    "INSERT INTO user_oauth_identities (user_id, provider, issuer, provider_user_id) "
    "SELECT id, %s::auth_provider, %s, %s FROM users"
)
FORMER_IDENTITY = (
    "INSERT INTO user_oauth_identities (user_id, provider, provider_user_id) "
    "SELECT id, %s::auth_provider, %s FROM users"
)


@pytest.fixture
def whole(box: Sandbox) -> Sandbox:
    """A database with every migration, and one account in it."""
    shutil.copytree(SQL / "migrations", box.root / "migrations", dirs_exist_ok=True)
    box.upgrade()
    box.ask(ANN)
    return box


def undo(box: Sandbox, last: str) -> None:
    """Undo all migrations from the last one back to this."""
    ids: list[str] = []
    while last not in ids:
        ids += downgrade(box.migrator_url, 1, root=box.root)


def test_identities_that_come_back_are_whose_they_were(whole: Sandbox) -> None:
    whole.ask(PASSWORD, False)
    whole.ask(IDENTITY, "google", GOOGLE, "g")
    whole.ask(IDENTITY, "line", LINE, "l")
    before = whole.ask("SELECT i::text FROM user_oauth_identities AS i ORDER BY id")
    undo(whole, PROVIDERS)
    whole.upgrade()
    assert whole.ask("SELECT i::text FROM user_oauth_identities AS i ORDER BY id") == before


def test_an_identity_of_another_issuer_goes_where_there_is_another_way_in(whole: Sandbox) -> None:
    whole.ask(IDENTITY, "google", GOOGLE, "g")
    whole.ask(IDENTITY, "line", "https://line.other", "l")
    whole.ask(IDENTITY, "oidc", "https://id.home", "o")
    undo(whole, PROVIDERS)
    whole.upgrade()
    assert whole.ask("SELECT issuer FROM user_oauth_identities") == [GOOGLE]
    assert whole.ask("SELECT count(*) FROM audit_logs WHERE event_type = 'unlink_identity'") == [2]


@pytest.mark.parametrize("password", [None, True])
def test_what_would_lock_people_out_is_not_undone(whole: Sandbox, password: bool | None) -> None:
    if password is not None:
        whole.ask(PASSWORD, password)
    whole.ask(IDENTITY, "oidc", "https://id.home", "o")
    whole.ask(IDENTITY, "line", "https://line.other", "l")
    with pytest.raises(MigrationError, match=r"This would lock accounts out \(1\)"):
        undo(whole, PROVIDERS)
    assert whole.ask("SELECT issuer FROM user_oauth_identities ORDER BY 1") == ["https://id.home", "https://line.other"]


def test_no_issuer_is_made_up(whole: Sandbox) -> None:
    undo(whole, PROVIDERS)
    whole.ask(FORMER_IDENTITY, "oidc", "o")
    with pytest.raises(MigrationError, match=r"identities of oidc are \(1\): delete them first"):
        whole.upgrade()


def test_a_temporary_password_that_was_used_stays_used(whole: Sandbox) -> None:
    whole.ask(PASSWORD, True)
    usable = "SELECT count(*) FROM homelog.find_credentials('ann@example.org')"
    opened = "SELECT homelog.open_session_by_password(id, '$argon2id$x', sha256('a token'), '1 hour') FROM users"
    undo(whole, ADMINISTRATION)
    whole.upgrade()
    assert whole.ask(usable) == [1]
    assert whole.ask(opened) != [None]
    assert whole.ask(usable) == [0]
    undo(whole, ADMINISTRATION)
    whole.upgrade()
    assert whole.ask(usable) == [0]
