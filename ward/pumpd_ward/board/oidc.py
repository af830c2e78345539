"""Sign-in by the site's OpenID Connect provider: authorization code with PKCE, by Authlib.

Promises:
- A person is who an ID token says that the provider signed for this client, after a sign-in that this browser began:
  signature, issuer, audience, nonce and expiry are checked. A token that lacks one of them is refused.
- A person without a group that the configuration names is refused.
- No token is kept. The provider is asked when someone signs in, and not before: the board starts without it.
"""

import secrets
import time
from collections.abc import Mapping
from typing import Any

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from authlib.oidc.rpinitiated import OpenIDProviderMetadata as LogoutMetadata
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from pumpd_ward.board.sign_ins import Begun, Person
from pumpd_ward.roles import Role
from pumpd_ward.settings import OidcSettings

# Signed with a key that only the provider has: neither "none" nor a secret that is shared (HS256).
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
ANSWERS_WITHIN_S = 10.0
CLOCK_S = 60  # that the provider's clock and this one may differ
KNOWN_FOR_S = 3600.0  # then the provider's description and keys are fetched again


class SignInRefusedError(Exception):
    """`reason` is for the page, which has a sentence for each; the message is for the log."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Provider:
    """`transport`: for tests; otherwise the network."""

    def __init__(self, settings: OidcSettings, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._settings, self._transport = settings, transport
        self._known: OpenIDProviderMetadata | None = None
        self._known_at_s = 0.0
        self._keys: KeySet | None = None

    @property
    def _returns_to(self) -> str:
        return f"{self._settings.public_url}/api/oidc/end"

    async def begin(self) -> tuple[str, Begun]:
        """Where the browser goes, and what has to be known when it comes back. Raises SignInRefusedError."""
        begun = Begun(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48))
        async with self._client() as client:
            where = (await self._metadata(client))["authorization_endpoint"]
            url, _ = client.create_authorization_url(
                where, state=begun.state, nonce=begun.nonce, code_verifier=begun.verifier
            )
        return url, begun

    async def finish(self, begun: Begun, answer: Mapping[str, str]) -> Person:
        """Who came back. `answer`: what the provider sent along. Raises SignInRefusedError."""
        if "error" in answer:
            raise SignInRefusedError("provider", f"the provider said {answer['error'][:100]!r}")
        if answer.get("iss", self._settings.issuer) != self._settings.issuer:  # RFC 9207
            raise SignInRefusedError("token", "the answer is of another provider")
        async with self._client() as client:
            token = await self._token(client, answer.get("code", ""), begun)
            claims = await self._claims(client, token, begun)
            return self._person(await self._with_groups(client, claims))

    async def leave(self) -> str | None:
        """Where the browser goes to be signed out at the provider as well; None where that is not possible."""
        try:
            async with self._client() as client:
                where = (await self._metadata(client)).get("end_session_endpoint")
        except SignInRefusedError:
            return None
        back = {"client_id": self._settings.client_id, "post_logout_redirect_uri": f"{self._settings.public_url}/"}
        return str(httpx2.URL(where).copy_merge_params(back)) if where else None

    def _client(self) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            client_id=self._settings.client_id,
            client_secret=self._settings.client_secret(),
            scope=" ".join(self._settings.scopes),
            redirect_uri=self._returns_to,
            code_challenge_method="S256",
            timeout=ANSWERS_WITHIN_S,
            transport=self._transport,
            **({"verify": context} if (context := self._settings.context()) else {}),
        )

    async def _metadata(self, client: AsyncOAuth2Client) -> OpenIDProviderMetadata:
        if self._known is None or time.monotonic() - self._known_at_s > KNOWN_FOR_S:
            url = get_well_known_url(self._settings.issuer, external=True)
            found = OpenIDProviderMetadata(await self._fetched(client, url))
            try:
                found.validate(metadata_classes=[LogoutMetadata])
            except ValueError as error:
                raise SignInRefusedError("away", f"{url}: {error}") from error
            if found["issuer"] != self._settings.issuer:
                raise SignInRefusedError("away", f"{url}: describes the issuer {found['issuer']!r}")
            self._known, self._known_at_s, self._keys = found, time.monotonic(), None
        return self._known

    async def _fetched(self, client: AsyncOAuth2Client, url: str, *, withhold_token: bool = True) -> Any:
        try:
            answer = await client.request("GET", url, withhold_token=withhold_token)
            answer.raise_for_status()
            return answer.json()
        except (OAuthError, httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise SignInRefusedError("away", f"{url}: {str(error) or type(error).__name__}") from error

    async def _token(self, client: AsyncOAuth2Client, code: str, begun: Begun) -> Mapping[str, Any]:
        where = (await self._metadata(client))["token_endpoint"]
        try:
            found: Mapping[str, Any] = await client.fetch_token(
                where, grant_type="authorization_code", code=code, code_verifier=begun.verifier
            )
        except OAuthError as error:
            raise SignInRefusedError("provider", f"{where}: {error}") from error
        except (httpx2.HTTPError, ValueError) as error:
            raise SignInRefusedError("away", f"{where}: {str(error) or type(error).__name__}") from error
        return found

    async def _claims(self, client: AsyncOAuth2Client, token: Mapping[str, Any], begun: Begun) -> CodeIDToken:
        text = token.get("id_token")
        if not isinstance(text, str):
            raise SignInRefusedError("token", "there is no ID token")
        try:
            try:
                found = self._verified(text, await self._key_set(client))
            except InvalidKeyIdError:  # the provider has a new key
                self._keys = None
                found = self._verified(text, await self._key_set(client))
            claims = CodeIDToken(
                found.claims,
                found.header,
                {
                    "iss": {"essential": True, "value": self._settings.issuer},
                    "aud": {"essential": True, "values": [self._settings.client_id]},
                    "sub": {"essential": True},
                },
                {
                    "nonce": begun.nonce,
                    "client_id": self._settings.client_id,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(leeway=CLOCK_S)
        except (JoseError, ValueError, TypeError) as error:
            raise SignInRefusedError("token", f"the ID token does not hold: {error}") from error
        return claims

    async def _with_groups(self, client: AsyncOAuth2Client, claims: Mapping[str, Any]) -> Mapping[str, Any]:
        """Some providers name the groups in the ID token, others only when they are asked with the access token."""
        where = (await self._metadata(client)).get("userinfo_endpoint")
        if self._settings.groups_claim in claims or not where:
            return claims
        about = await self._fetched(client, where, withhold_token=False)
        if not isinstance(about, dict) or about.get("sub") != claims["sub"]:
            raise SignInRefusedError("token", f"{where}: speaks of another person")
        return {**about, **claims}

    @staticmethod
    def _verified(text: str, keys: KeySet) -> jwt.Token:
        return jwt.decode(text, keys, registry=JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False))

    async def _key_set(self, client: AsyncOAuth2Client) -> KeySet:
        if self._keys is None:
            where = (await self._metadata(client))["jwks_uri"]
            self._keys = KeySet.import_key_set(await self._fetched(client, where))
        return self._keys

    def _person(self, claims: Mapping[str, Any]) -> Person:
        groups = claims.get(self._settings.groups_claim)
        named = {each for each in groups if isinstance(each, str)} if isinstance(groups, list) else set()
        roles = {role for group, role in self._settings.roles.items() if group in named}
        role = Role.ENGINEER if Role.ENGINEER in roles else Role.NURSE if roles else None
        name = next((claims[key] for key in ("name", "preferred_username", "sub") if _is_name(claims.get(key))), "")
        if role is None:
            raise SignInRefusedError("group", f"{name[:100]!r} is in no group that the configuration names")
        return Person(name[:100], role, local=False)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
