"""The generated documents: what the code and the catalogue know is written here and nowhere by hand.

`homelog docs` writes them and `homelog docs --check` compares. Prose for a person stands in tables, here and in
service/personal_data.py; a name that has none stops the generation, so that nothing new goes undescribed.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import asyncpg
import msgspec
import psycopg
from prometheus_client.metrics import MetricWrapperBase

from service import markdown, observing
from service.app import create_app
from service.catalogue import CONSTRAINTS, Constraint, read
from service.environment import EXAMPLES, FROM_FILES
from service.migrations import SQL
from service.operation.handlers import describe
from service.problems import CATALOGUE, Sentences
from service.schema_page import schema_page
from service.settings import Settings

DOCS = SQL.parent / "docs"

# Prose

_ERRORS = {
    "unreadable": "The body, the query, a header or a cursor cannot be read: no JSON, no UTF-8, a query value of the "
    "wrong type, another list's cursor, a body where none is taken; or the host that was asked for is none that is "
    "served here. Mend the request; sending it again changes nothing.",
    "unauthenticated": "No access token, or one that is forged, expired or of a session that has ended; `/v1` says so "
    "whether the path exists or not. Refresh the token or sign in. Comes with `WWW-Authenticate: Bearer`.",
    "forbidden": "You see it but your access level does not allow this; or registration is closed. Audited.",
    "csrf": "A write that a browser's cookies sign came without the `X-CSRF-Token` of their session, or a page of a "
    "foreign origin asked for a sign-in by cookies. Send what the cookie `__Host-homelog_csrf` holds; where that is "
    "lost, sign in anew. Audited.",
    "password_change_required": "The account's password is temporary, and this is not `PUT /v1/me/password`: nothing "
    "else is open, to its device tokens neither. Change it, then call again. Audited.",
    "not_found": "There is no such thing, or none that you can see: told alike. Also for an id that is no UUID.",
    "method_not_allowed": "The path exists and does not take this method. Comes with `Allow`.",
    "too_slow": "The body stopped for 10 seconds, came at less than 8 KiB a second, or took more than a minute (not "
    "readings). Nothing was done; send it again over a better line, a batch in parts. The connection is closed.",
    "conflict": "The id is taken by other content or by somebody else, the source has another value at that time, "
    "the person has access at another level, the username is taken. Read what is stored, then decide.",
    "email_taken": "An account with this e-mail exists, in whatever case of letters. With a provider: sign in "
    "as you did before and link the provider there.",
    "last_admin": "A source and a home keep at least one admin whose account is active, and so does the service while "
    "it has accounts: make somebody else admin first.",
    "cursor_expired": "A cursor of the change feed that is older than 90 days, or of another account or database, a "
    "restored one included. Drop the copy and ask again without `since`.",
    "stale": "The row has changed since the version that `If-Match` names. Read it again, then repeat your change.",
    "too_large": "More than 10 MiB; for readings, a JSON array of more than 16 MiB, or a batch of more than 256 MiB "
    "after gunzip. Send a long array as NDJSON or CSV, a longer batch in parts.",
    "unsupported_media_type": "The `Content-Type` is missing or not one that this call takes; a charset other than "
    "UTF-8; a `Content-Encoding` other than gzip.",
    "invalid": "Readable, but a field or a query value is not allowed. `errors` points at it: `/field` of the body, "
    "`?name` of the query.",
    "batch_rejected": "A row of an atomic batch cannot be stored, so none was. The body has the batch's counts and "
    "results too. Mend the rows, or send `mode=partial` to store the others.",
    "too_many_points": "A series of more than 20,000 buckets. The detail says how many were asked for.",
    "email_required": "A provider vouched for somebody without telling an e-mail, which a new account needs. Send one "
    "with the `pending_token` of the body to `/v1/auth/{provider}/complete`, within ten minutes.",
    "rate_limited": "The budget of this minute is used up, see `RateLimit-Limit`; or too many wrong passwords were "
    "tried. Nothing was done. Wait `Retry-After` seconds.",
    "internal": "A fault of ours. The log has it under the request's id.",
    "unavailable": "The database cannot be reached or took too long, a long batch to the same source is still being "
    "stored, or too many people are signing in. Send it again after `Retry-After` seconds, with the same `id`: had it "
    "been stored after all, it is not stored twice.",
    "disk_low": "Readings are not taken while the database's disk is nearly full (see `HOMELOG_DATABASE_DISK`); or it "
    "is full, and nothing can be stored. Nothing was stored; what was answered 2xx is safe.",
}

_VIOLATIONS: Mapping[str, Callable[[], asyncpg.PostgresError]] = {
    "p": asyncpg.UniqueViolationError,
    "u": asyncpg.UniqueViolationError,
    "c": asyncpg.CheckViolationError,
    "f": asyncpg.ForeignKeyViolationError,
}

_SETTINGS = {
    "DATABASE_URL": "The database, logged in as `homelog_api`; a login that row-level security does not bind stops "
    "the start. Absent: the embedded server. `postgres://` and `postgresql+asyncpg://` are taken too.",
    "HOMELOG_MIGRATOR_URL": "The same database, logged in as `homelog_migrator`. Only migrations and `homelog admin` "
    "need it.",
    "HOMELOG_ADMIN_URL": "The same database, logged in as a superuser, or as its owner with CREATEROLE. Only the "
    "first `homelog migrate`, which applies the baseline, needs it.",
    "HOMELOG_API_PASSWORD": "Completes a `DATABASE_URL` that names `homelog_api` and no password; the role gets it "
    "when the baseline is applied.",
    "HOMELOG_MIGRATOR_PASSWORD": "The same for `HOMELOG_MIGRATOR_URL` and `homelog_migrator`.",
    "HOMELOG_OPS_PASSWORD": "What `homelog_ops` gets when the baseline is applied.",
    "HOMELOG_ADMIN_PASSWORD": "Completes a `HOMELOG_ADMIN_URL` without a password.",
    "HOMELOG_SECRET": "Signs access tokens: at least 32 random characters; the example is a command. Needed to "
    "serve with `DATABASE_URL`; the embedded server makes its own. "
    "How it is [replaced](operations.md#replacing-the-secret).",
    "HOMELOG_FORMER_SECRETS": "Secrets that sign nothing any more and are still believed, comma-separated or one a "
    "line: what was `HOMELOG_SECRET` [before](operations.md#replacing-the-secret).",
    "HOMELOG_HOST": "The IP address to listen on.",
    "HOMELOG_PORT": "The port to listen on.",
    "HOMELOG_DATA": "The embedded server's folder. Default: `/var/lib/homelog` for root, "
    "`~/Library/Application Support/homelog` on macOS, else `homelog` in `XDG_DATA_HOME` or `~/.local/share`.",
    "HOMELOG_DATABASE_DISK": "A folder on the disk that the database writes to, if it is one of this machine: readings "
    "are refused (507) while less than 256 MiB of it are free, or a tenth of a smaller disk. Default: `HOMELOG_DATA` "
    "with the embedded server, else none.",
    "HOMELOG_WORKERS": "Processes that answer requests, 1 to 64; each holds up to 7 database connections.",
    "HOMELOG_REGISTRATION": "`open`: anybody may register. `closed`: registering answers 403; admins make accounts, "
    "and `homelog admin create` the first of them.",
    "HOMELOG_RATE_LIMIT": "Requests a minute and identity (account, device token, else address), over all workers; "
    "more are 429. 0 is no limit.",
    "HOMELOG_MAINTENANCE_MINUTES": "How often the service [cleans up](operations.md#care-by-itself) by itself, in "
    "minutes, up to a week (10080); one process of all that serve the database. 0 is never: see `homelog maintain`.",
    "HOMELOG_SLOW_QUERY_MS": "A statement that takes so many milliseconds is [logged](operations.md#logs) as `slow "
    "query`, by its name and without its values. 0 is never.",
    "HOMELOG_TRUSTED_PROXIES": "Addresses and networks of the proxies in front, comma-separated: whoever connects from "
    "these is believed about the client's address (`X-Forwarded-For`, or `Forwarded`). Absent: none, and the address "
    "is that of the connection.",
    "HOMELOG_ALLOWED_HOSTS": "Host names that the service answers to, comma-separated; `*.example.org` is all below. "
    "Any other is 400, health apart. Absent: every host.",
    "HOMELOG_CORS_ORIGINS": "Origins whose pages may call the API from a browser, comma-separated. Absent: none.",
    "HOMELOG_PUBLIC_URL": "What browsers call the service: `https://` and a host. Providers send people back to "
    "`/v1/auth/{provider}/callback` below it. Needed with any provider; `http://` only for this machine.",
    "HOMELOG_GOOGLE_CLIENT_ID": "The web client that Google shows. With it and its secret people sign in with Google.",
    "HOMELOG_GOOGLE_CLIENT_SECRET": "Its secret.",
    "HOMELOG_GOOGLE_APP_CLIENT_IDS": "Clients of your own apps on phones, comma-separated, whose ID tokens are taken.",
    "HOMELOG_GOOGLE_HOSTED_DOMAIN": "Lets in only people of this Google Workspace, as the ID token's `hd` says.",
    "HOMELOG_GOOGLE_ISSUER": "Another issuer that speaks as Google does. Default: `https://accounts.google.com`.",
    "HOMELOG_LINE_CLIENT_ID": "The ID of a LINE Login channel. With it and its secret people sign in with LINE.",
    "HOMELOG_LINE_CLIENT_SECRET": "The channel secret.",
    "HOMELOG_LINE_APP_CLIENT_IDS": "More channels whose ID tokens are taken from apps, comma-separated.",
    "HOMELOG_LINE_ISSUER": "Another issuer that speaks as LINE does. Default: `https://access.line.me`.",
    "HOMELOG_OIDC_NAME": "What messages call the OpenID Connect provider, at most 50 characters.",
    "HOMELOG_OIDC_CLIENT_ID": "The client at any other OpenID Connect provider: Keycloak, Authelia, …",
    "HOMELOG_OIDC_CLIENT_SECRET": "Its secret.",
    "HOMELOG_OIDC_APP_CLIENT_IDS": "Clients of your own apps there, comma-separated, whose ID tokens are taken.",
    "HOMELOG_OIDC_ISSUER": "The issuer, character by character as its discovery document has it.",
    "HOMELOG_PROVIDER_TOKEN_KEYS": "Keys of 32 random bytes in base64, comma-separated: the first encrypts the tokens "
    "that providers give, all decrypt. The example is a command. Absent: no token of a provider is kept.",
}


def generate(superuser_url: str) -> Mapping[Path, str]:
    """The generated documents by path. The database is one of the baseline and every migration, empty or not."""
    with psycopg.connect(superuser_url) as connection:
        return {
            DOCS / "errors.md": errors(read(connection, CONSTRAINTS)),
            DOCS / "metrics.md": metrics(),
            DOCS / "openapi.json": openapi(),
            DOCS / "schema.md": schema_page(connection),
            DOCS / "settings.md": settings(),
        }


def errors(constraints: Sequence[Constraint]) -> str:
    """Every error name, and every sentence that a violated constraint says."""
    rows = [(f"`{name}`", status, title, _ERRORS[name]) for name, (status, title) in CATALOGUE.items()]
    # Asked of the code that answers, so that this cannot say something else.
    sentences = Sentences()
    said: list[tuple[str, str, str]] = []
    for constraint in constraints:
        if constraint.sentence is None:
            continue
        sentences.by_constraint[constraint.name] = constraint.sentence
        violation = _VIOLATIONS[constraint.kind]()
        violation.constraint_name = constraint.name
        problem = sentences.problem_of(violation)
        if problem is not None:
            said.append((f"`{constraint.name}`", f"`{problem.name}`", problem.detail))
    return markdown.document(
        "Errors",
        "Every error is `application/problem+json` (RFC 9457): `type` is `/errors/{name}`, `title` never changes, "
        "`detail` tells the case, `instance` is the request's id, which the log has too, and `errors` points at wrong "
        "fields. `GET /errors/{name}` answers a line of this table.",
        "## Names",
        markdown.table(("name", "status", "title", "when, and what to do"), rows),
        "## What a constraint says",
        "The rules stand in the database, so that they hold for psql and Grafana too. The comment of a violated one "
        "is the `detail` of the answer.",
        markdown.table(("constraint", "name", "detail"), said),
    )


def metrics() -> str:
    """Every metric of our own that `GET /metrics` tells."""
    rows = []
    for metric in vars(observing).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            rows.append((f"`{name}`", family.type, markdown.codes(metric._labelnames), family.documentation))
    return markdown.document(
        "Metrics",
        "What `GET /metrics` tells of the service itself; how to scrape it, and what to do when one rises, says "
        "[operations.md](operations.md#metrics).",
        markdown.table(("metric", "type", "labels", "what it is"), rows),
    )


def openapi() -> str:
    """The OpenAPI document, as `/schema/openapi.json` answers it."""
    app = create_app(Settings(data=Path("nowhere"), secret="a document needs no secret, a struct does"))  # noqa: S106
    return json.dumps(msgspec.to_builtins(describe(app.app)), indent=2, ensure_ascii=False) + "\n"


def settings() -> str:
    """Every environment variable that the service reads."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(Settings)}
    rows = []
    for name, example in EXAMPLES.items():
        default = defaults.get(name.removeprefix("HOMELOG_").lower())
        shown = f"`{default}`" if isinstance(default, str | int) and default != "" else ""
        rows.append((f"`{name}`", shown, f"`{example}`", _SETTINGS[name]))
    files = ", ".join(f"`{name}_FILE`" for name in EXAMPLES if name in FROM_FILES)
    return markdown.document(
        "Settings",
        "Settings come from the environment. A wrong or missing one stops the start with a list of all that is wrong. "
        "An empty variable is an absent one.",
        markdown.table(("variable", "default", "example", "what it is"), rows),
        f"{files} name a file that holds the value, as docker's secrets need; a variable and its file together are "
        "refused.",
    )
