"""Sign-in by the site's provider: what a provider, or someone who passes for one, may send, and what comes of it."""

import base64
import contextlib
import hashlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx
import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from pumpd_ward.board.app import application
from pumpd_ward.board.entrance import Entrance, entrance
from pumpd_ward.board.live import Live
from pumpd_ward.board.oidc import CLOCK_S, Provider
from pumpd_ward.settings import OidcSettings, SettingsError, WardSettings
from pumpd_ward.store.rights import BOARD

pytestmark = [pytest.mark.ward, pytest.mark.realtime]

ISSUER, CLIENT, SECRET = "https://login.site.test", "pumpd-ward", "not-a-real-secret"
PAGE = "http://localhost"
KEY, FOREIGN_KEY = (RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}) for _ in range(2))
WRONG = {"error": "invalid_grant"}


@dataclass
class Site:
    """A provider that checks what a client sends, and sends what a test tells it to."""

    claims: dict[str, Any] = field(default_factory=dict)
    """In the ID token instead of what is right; None: the claim is missing; a timedelta: from now."""
    header: dict[str, Any] = field(default_factory=lambda: {"alg": "RS256", "kid": "one"})
    key: RSAKey | OctKey = field(default_factory=lambda: KEY)
    published: list[RSAKey] = field(default_factory=lambda: [KEY])
    described: dict[str, Any] = field(default_factory=dict)
    about: dict[str, Any] | None = None
    down: bool = False
    asked: dict[str, str] = field(default_factory=dict)  # what the client began
    used: set[str] = field(default_factory=set)

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if self.down:
            raise httpx2.ConnectError("refused")
        match request.url.path:
            case "/.well-known/openid-configuration":
                return httpx2.Response(200, json=self._description())
            case "/jwks":
                return httpx2.Response(200, json={"keys": [key.as_dict(private=False) for key in self.published]})
            case "/token":
                return self._token(request)
            case "/about":
                assert request.headers["authorization"] == "Bearer opaque"
                return httpx2.Response(200, json=self.about)
        return httpx2.Response(404)

    def _description(self) -> dict[str, Any]:
        found = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/jwks",
            "end_session_endpoint": f"{ISSUER}/leave",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
        return found | ({"userinfo_endpoint": f"{ISSUER}/about"} if self.about else {}) | self.described

    def _token(self, request: httpx2.Request) -> httpx2.Response:
        sent = {name: value for name, (value,) in parse_qs(request.content.decode()).items()}
        proof = base64.urlsafe_b64encode(hashlib.sha256(sent["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        name, _, secret = (
            base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode().partition(":")
        )
        if (name, secret) != (CLIENT, SECRET):
            return httpx2.Response(401, json={"error": "invalid_client"})
        if (
            sent["code"] in self.used
            or proof != self.asked["code_challenge"]
            or sent["grant_type"] != "authorization_code"
        ):
            return httpx2.Response(400, json=WRONG)
        self.used.add(sent["code"])
        now = int(time.time())
        right = {"iss": ISSUER, "aud": CLIENT, "sub": "a1", "iat": now, "exp": now + 300, "nonce": self.asked["nonce"]}
        right |= {"name": "Anna", "groups": ["ward-7-nurses"]}
        claims = {
            name: now + int(value.total_seconds()) if isinstance(value, timedelta) else value
            for name, value in (right | self.claims).items()
            if value is not None
        }
        token = jwt.encode(self.header, claims, self.key, algorithms=[self.header["alg"]])
        return httpx2.Response(200, json={"access_token": "opaque", "token_type": "Bearer", "id_token": token})

    def signs_in(self, url: str, code: str = "c1") -> dict[str, str]:
        """A person at the provider's page; what it sends back with the browser."""
        self.asked = {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}
        assert url.startswith(f"{ISSUER}/authorize?")
        assert self.asked["response_type"] == "code"
        assert self.asked["code_challenge_method"] == "S256"
        assert self.asked["redirect_uri"] == f"{PAGE}/api/oidc/end"
        return {"code": code, "state": self.asked["state"]}


def oidc(tmp_path, **changed: Any) -> dict[str, Any]:
    secret = tmp_path / "secret"
    if not secret.exists():
        secret.write_text(f"{SECRET}\n")
        secret.chmod(0o600)
    section = {"issuer": ISSUER, "client_id": CLIENT, "client_secret_file": str(secret), "public_url": PAGE}
    return {**section, "roles": {"ward-7-nurses": "nurse", "biomedical": "engineer"}, **changed}


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
async def asking(server, store, tmp_path, site) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at the board."""
    async with (
        asyncpg.create_pool(server.dsn_of(BOARD), min_size=1, max_size=2) as pool,
        browser_at(pool, tmp_path, site) as one,
    ):
        yield one


@contextlib.asynccontextmanager
async def browser_at(pool, tmp_path, site) -> AsyncIterator[httpx.AsyncClient]:
    settings = WardSettings.model_validate({"board": {"oidc": oidc(tmp_path)}})
    provider = Provider(settings.board.oidc, httpx2.MockTransport(site))
    app = application(settings, Entrance(settings.board, pool, provider), Live("", 30))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=PAGE) as browser:
        yield browser


async def goes(asking: httpx.AsyncClient, site: Site, **changed: str) -> str:
    """Where the browser is at the end: "/" when signed in."""
    begun = await asking.get("/api/oidc/begin")
    if begun.headers["location"].startswith("/"):
        return begun.headers["location"]
    back = site.signs_in(begun.headers["location"]) | changed
    return (await asking.get("/api/oidc/end", params=back)).headers["location"]


async def test_a_person_of_a_group_is_signed_in_with_its_role_and_out_here_and_at_the_provider(asking, site):
    assert (await asking.get("/api/ways")).json() == {"oidc": "your hospital account"}
    assert await goes(asking, site) == "/"
    me = (await asking.get("/api/me")).json()
    assert (me["name"], me["role"]) == ("Anna", "nurse")
    assert (await asking.get("/api/alarms")).status_code == 200
    assert (await asking.get("/api/fleet")).status_code == 403
    left = await asking.post("/api/sign-out", json={})
    where = urlsplit(left.json()["go"])
    assert f"{where.scheme}://{where.netloc}{where.path}" == f"{ISSUER}/leave"
    assert parse_qs(where.query) == {"client_id": [CLIENT], "post_logout_redirect_uri": [f"{PAGE}/"]}
    assert (await asking.get("/api/me")).status_code == 401


async def test_the_highest_role_of_several_groups_counts(asking, site):
    site.claims = {"groups": ["ward-7-nurses", "biomedical", "other"]}
    assert await goes(asking, site) == "/"
    assert (await asking.get("/api/me")).json()["role"] == "engineer"
    assert (await asking.get("/api/fleet")).status_code == 200


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"nonce": "of another sign-in"}, "token"),
        ({"nonce": None}, "token"),
        ({"aud": "another-client"}, "token"),
        ({"aud": ["another-client", "third"]}, "token"),
        ({"aud": [CLIENT, "another-client"]}, "token"),  # for several, it must say for whom: azp
        ({"aud": [CLIENT, "another-client"], "azp": "another-client"}, "token"),
        ({"aud": "another-client", "azp": CLIENT}, "token"),
        ({"aud": None}, "token"),
        ({"iss": "https://login.evil.test"}, "token"),
        ({"iss": None}, "token"),
        ({"exp": timedelta(seconds=-CLOCK_S - 60)}, "token"),
        ({"exp": None}, "token"),
        ({"iat": timedelta(hours=1)}, "token"),
        ({"nbf": timedelta(hours=1)}, "token"),
        ({"sub": None}, "token"),
        ({"sub": ""}, "token"),
        ({"at_hash": "bm90IG9mIHRoaXMgdG9rZW4"}, "token"),
        ({"groups": ["visitors"]}, "group"),
        ({"groups": []}, "group"),
        ({"groups": None}, "group"),
        ({"groups": "ward-7-nurses"}, "group"),  # a text is no list: "nurse" would be part of "not-a-nurse"
        ({"groups": {"ward-7-nurses": True}}, "group"),
    ],
    ids=str,
)
async def test_a_token_that_does_not_hold_lets_no_one_in(asking, site, store, claims, reason):
    site.claims = claims
    assert await goes(asking, site) == f"/#/refused/{reason}"
    assert (await asking.get("/api/me")).status_code == 401
    assert await store.fetchval("SELECT count(*) FROM login") == 0


async def test_only_the_providers_own_key_signs(asking, site):
    site.key = FOREIGN_KEY  # with the same name
    assert await goes(asking, site) == "/#/refused/token"
    site.key, site.header = OctKey.import_key(SECRET), {"alg": "HS256"}
    assert await goes(asking, site, code="c2") == "/#/refused/token"
    public = KEY.as_pem(private=False)
    site.key = OctKey.import_key(hashlib.sha256(public).digest())
    assert await goes(asking, site, code="c3") == "/#/refused/token"


async def test_a_token_that_is_not_signed_lets_no_one_in(asking, site, monkeypatch):
    real = jwt.encode

    def unsigned(header, claims, key, **more):
        _, body, _ = real({"alg": "RS256", "kid": "one"}, claims, KEY, algorithms=["RS256"]).split(".")
        head = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).rstrip(b"=").decode()
        return f"{head}.{body}."

    monkeypatch.setattr(jwt, "encode", unsigned)
    assert await goes(asking, site) == "/#/refused/token"


async def test_a_key_that_the_provider_changed_is_fetched_again(asking, site):
    assert await goes(asking, site) == "/"
    new = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})
    site.key, site.published, site.header = new, [new], {"alg": "RS256", "kid": "two"}
    assert await goes(asking, site, code="c2") == "/"


async def test_a_state_counts_once_and_only_for_the_browser_that_began(asking, site, store):
    begun = await asking.get("/api/oidc/begin")
    back = site.signs_in(begun.headers["location"])
    cookie = asking.cookies["ward-begun"]
    asking.cookies.clear()
    stolen = await asking.get("/api/oidc/end", params=back)  # another browser, as after a link in a mail
    assert stolen.headers["location"] == "/#/refused/begin"
    asking.cookies.set("ward-begun", cookie)
    assert (await asking.get("/api/oidc/end", params=back | {"state": "guessed"})).headers["location"].endswith("begin")
    asking.cookies.set("ward-begun", cookie)
    assert (await asking.get("/api/oidc/end", params=back)).headers["location"] == "/"
    asking.cookies.set("ward-begun", cookie)
    site.used.clear()  # a provider that takes a code twice
    again = await asking.get("/api/oidc/end", params=back)
    assert again.headers["location"] == "/#/refused/begin"
    assert await store.fetchval("SELECT count(*) FROM login") == 1
    assert await store.fetchval("SELECT count(*) FROM begun") == 0


async def test_a_sign_in_that_took_too_long_is_begun_again(asking, site, store):
    begun = await asking.get("/api/oidc/begin")
    await store.execute("UPDATE begun SET ends_at = now() - interval '1 s'")
    late = await asking.get("/api/oidc/end", params=site.signs_in(begun.headers["location"]))
    assert late.headers["location"] == "/#/refused/begin"


async def test_what_the_store_keeps_signs_no_one_in(asking, site, store):
    begun = await asking.get("/api/oidc/begin")
    state = site.signs_in(begun.headers["location"])["state"]
    row = str(await store.fetchrow("SELECT state, browser FROM begun"))
    assert state not in row
    assert asking.cookies["ward-begun"] not in row
    await asking.get("/api/oidc/end", params={"code": "c1", "state": state})
    assert asking.cookies["ward"] not in str(await store.fetch("SELECT * FROM login"))


async def test_a_sign_in_ends_after_its_hours(asking, site, store):
    assert await goes(asking, site) == "/"
    left = await store.fetchval("SELECT extract(epoch FROM ends_at - now())::float8 FROM login")
    assert 12 * 3600 - 60 < left <= 12 * 3600
    await store.execute("UPDATE login SET ends_at = now() - interval '1 s'")
    assert (await asking.get("/api/me")).status_code == 401


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"error": "access_denied"}, "provider"),
        ({"code": "used"}, "provider"),
        ({"iss": "https://login.evil.test"}, "token"),  # RFC 9207: the answer is of another provider
    ],
)
async def test_an_answer_that_is_no_sign_in_lets_no_one_in(asking, site, changed, reason):
    site.used.add("used")
    assert await goes(asking, site, **changed) == f"/#/refused/{reason}"
    assert (await asking.get("/api/me")).status_code == 401


async def test_groups_come_from_the_userinfo_of_the_same_person_where_the_token_has_none(asking, site):
    site.claims, site.about = {"groups": None}, {"sub": "a1", "groups": ["biomedical"]}
    assert await goes(asking, site) == "/"
    assert (await asking.get("/api/me")).json()["role"] == "engineer"
    site.about = {"sub": "b2", "groups": ["biomedical"]}
    assert await goes(asking, site, code="c2") == "/#/refused/token"


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://login.evil.test"},
        {"token_endpoint": "http://login.site.test/token"},  # the secret would go there in clear text
        {"jwks_uri": None},
    ],
    ids=str,
)
async def test_a_provider_that_describes_itself_wrongly_is_not_used(asking, site, described):
    site.described = described
    assert await goes(asking, site) == "/#/refused/away"


async def test_while_the_provider_is_away_accounts_of_the_ward_work_and_afterwards_it_does_again(asking, site, store):
    from pumpd_ward.board import accounts

    await accounts.add(store, "charge", "correct horse battery")
    site.down = True
    assert await goes(asking, site) == "/#/refused/away"
    body = {"name": "charge", "password": "correct horse battery"}
    assert (await asking.post("/api/sign-in", json=body)).status_code == 200
    assert (await asking.post("/api/sign-out", json={})).json() == {"go": None}
    site.down = False
    assert await goes(asking, site) == "/"


async def test_a_flood_of_begun_sign_ins_is_bounded(asking, site, store, monkeypatch):
    monkeypatch.setattr("pumpd_ward.board.sign_ins._MOST_BEGUN", 3)
    for _ in range(6):
        await asking.get("/api/oidc/begin")
    assert await store.fetchval("SELECT count(*) FROM begun") <= 4
    assert await goes(asking, site) == "/"  # the newest is never pushed out


async def test_without_the_section_there_is_no_other_way_in(server, store):
    async with asyncpg.create_pool(server.dsn_of(BOARD), min_size=1, max_size=2) as pool:
        settings = WardSettings()
        app = application(settings, await entrance(settings.board, pool), Live("", 30))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=PAGE) as asking:
            assert (await asking.get("/api/ways")).json() == {"oidc": None}
            for path in ("/api/oidc/begin", "/api/oidc/end"):
                assert (await asking.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"issuer": "http://login.site.test"}, "must begin with https"),
        ({"public_url": "http://ward.site.test"}, "must begin with https"),
        ({"public_url": "https://ward.site.test/"}, "must not end with /"),
        ({"roles": {"x": "doctor"}}, "nurse"),
        ({"roles": {}}, "roles"),
        ({"scopes": ["profile"]}, "openid"),
        ({"scopes": ["profile"], "public_url": "https://ward.site.test/"}, "openid.*must not end with /"),
        ({"secret": "x"}, "secret"),
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused(tmp_path, changed, said):
    with pytest.raises(ValueError, match=said):
        OidcSettings.model_validate(oidc(tmp_path, **changed))


async def test_a_secret_that_everyone_can_read_or_no_one_starts_nothing(tmp_path):
    settings = WardSettings.model_validate({"board": {"oidc": oidc(tmp_path)}})
    (tmp_path / "secret").chmod(0o604)
    with pytest.raises(SettingsError, match="every user of this machine can read"):
        await entrance(settings.board, None)
    (tmp_path / "secret").unlink()
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        await entrance(settings.board, None)
