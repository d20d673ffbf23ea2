"""Settings of TLS and authentication for this process's Kafka clients."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings
from yarl import URL

from eventfold.security.secret import secret
from eventfold.security.urls import MARK as URL_MARK
from eventfold.security.urls import SecretUrl, matching

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]


class KafkaSecurity(BaseSettings):
    """Settings of TLS and SASL, for all Kafka clients."""

    kafka_protocol: Protocol = Field(
        "PLAINTEXT",
        alias="TICKSTREAM_KAFKA_SECURITY_PROTOCOL",
        description="How the brokers are reached: SSL is TLS, SASL_ is with a name",
    )
    kafka_mechanism: Mechanism = Field(
        "SCRAM-SHA-512",
        alias="TICKSTREAM_KAFKA_SASL_MECHANISM",
        description="How a name is proved to the brokers, where SASL is used",
    )
    kafka_username: str | None = Field(
        None, alias="TICKSTREAM_KAFKA_SASL_USERNAME", description="Our name, for PLAIN and SCRAM"
    )
    kafka_password: SecretStr | None = secret(
        "TICKSTREAM_KAFKA_SASL_PASSWORD", "The password that goes with it"
    )
    kafka_cafile: Path | None = Field(
        None,
        alias="TICKSTREAM_KAFKA_SSL_CAFILE",
        description="Certificates (PEM) of those who vouch for brokers; the system's if not set",
    )
    kafka_certfile: Path | None = Field(
        None,
        alias="TICKSTREAM_KAFKA_SSL_CERTFILE",
        description="Our own certificate (PEM), where brokers ask for one",
    )
    kafka_keyfile: Path | None = Field(
        None,
        alias="TICKSTREAM_KAFKA_SSL_KEYFILE",
        description="Its private key (PEM); in the file of the certificate if not set",
    )
    kafka_key_password: SecretStr | None = secret(
        "TICKSTREAM_KAFKA_SSL_PASSWORD", "The password of the private key"
    )
    kafka_check_hostname: bool = Field(
        default=True,
        alias="TICKSTREAM_KAFKA_SSL_CHECK_HOSTNAME",
        description="Whether a broker's certificate has to name its host",
    )
    kafka_token_file: Path | None = Field(
        None,
        alias="TICKSTREAM_KAFKA_OAUTH_TOKEN_FILE",
        description="OAUTHBEARER: file with a token, read anew for each connection",
    )
    kafka_token_url: Annotated[SecretUrl, matching(r"^https?://[^\s@]+$")] | None = Field(
        None,
        alias="TICKSTREAM_KAFKA_OAUTH_TOKEN_URL",
        json_schema_extra=dict(URL_MARK),
        description="OAUTHBEARER: where tokens are given for the client's id and secret",
    )
    kafka_token_in_clear: bool = Field(
        default=False,
        alias="TICKSTREAM_KAFKA_OAUTH_ALLOW_HTTP",
        description="OAUTHBEARER: whether the client's secret may go over http:// to other "
        "machines, where all on the way read it",
    )
    kafka_client_id: str | None = Field(
        None, alias="TICKSTREAM_KAFKA_OAUTH_CLIENT_ID", description="OAUTHBEARER: the client's id"
    )
    kafka_client_secret: SecretStr | None = secret(
        "TICKSTREAM_KAFKA_OAUTH_CLIENT_SECRET", "OAUTHBEARER: the client's secret"
    )
    kafka_scope: str | None = Field(
        None,
        alias="TICKSTREAM_KAFKA_OAUTH_SCOPE",
        description="OAUTHBEARER: the scope to ask a token for",
    )

    @property
    def kafka_encrypted(self) -> bool:
        """Whether clients use TLS."""
        return self.kafka_protocol.endswith("SSL")

    @property
    def kafka_named(self) -> bool:
        """Whether clients authenticate with SASL."""
        return self.kafka_protocol.startswith("SASL")

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        for variable, value in self._needed().items():
            if not value:
                raise ValueError(f"{variable} has to be set: {self.kafka_mechanism} needs it")
        return self

    @model_validator(mode="after")
    def _sends_no_secret_in_the_clear(self) -> Self:
        url = self.kafka_token_url
        if url and not self.kafka_token_in_clear and _is_in_clear(url.full):
            raise ValueError(
                f"TICKSTREAM_KAFKA_OAUTH_TOKEN_URL={url}: all on the way would read the client's "
                "secret: use https://, or set TICKSTREAM_KAFKA_OAUTH_ALLOW_HTTP=true"
            )
        return self

    def _needed(self) -> dict[str, object]:
        if not self.kafka_named:
            return {}
        if self.kafka_mechanism != "OAUTHBEARER":
            return {
                "TICKSTREAM_KAFKA_SASL_USERNAME": self.kafka_username,
                "TICKSTREAM_KAFKA_SASL_PASSWORD": self.kafka_password,
            }
        if self.kafka_token_file:
            return {}
        return {
            "TICKSTREAM_KAFKA_OAUTH_TOKEN_FILE or _URL": self.kafka_token_url,
            "TICKSTREAM_KAFKA_OAUTH_CLIENT_ID": self.kafka_client_id,
            "TICKSTREAM_KAFKA_OAUTH_CLIENT_SECRET": self.kafka_client_secret,
        }


def _is_in_clear(url: str) -> bool:
    """Return whether a request to the URL can be read on its way: http:// to another machine."""
    place = URL(url)
    try:
        own = ip_address(place.host or "").is_loopback
    except ValueError:
        own = place.host == "localhost"
    return place.scheme == "http" and not own
