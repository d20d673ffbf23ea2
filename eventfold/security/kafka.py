"""Settings of TLS and authentication for this process's Kafka clients."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, SecretStr, model_validator
from yarl import URL

from eventfold.environment import variable_of
from eventfold.security.secret import secret
from eventfold.security.urls import MARK as URL_MARK
from eventfold.security.urls import SecretUrl, matching

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]


class KafkaSecurity(BaseModel):
    """Settings of TLS and SASL, for all Kafka clients: a part of `Settings`, which reads them."""

    kafka_security_protocol: Protocol = Field(
        "PLAINTEXT",
        description="How the brokers are reached: SSL is TLS, SASL_ is with a name",
    )
    kafka_sasl_mechanism: Mechanism = Field(
        "SCRAM-SHA-512",
        description="How a name is proved to the brokers, where SASL is used",
    )
    kafka_sasl_username: str | None = Field(None, description="Our name, for PLAIN and SCRAM")
    kafka_sasl_password: SecretStr | None = secret("The password that goes with it")
    kafka_ssl_cafile: Path | None = Field(
        None,
        description="Certificates (PEM) of those who vouch for brokers; the system's if not set",
    )
    kafka_ssl_certfile: Path | None = Field(
        None,
        description="Our own certificate (PEM), where brokers ask for one",
    )
    kafka_ssl_keyfile: Path | None = Field(
        None,
        description="Its private key (PEM); in the file of the certificate if not set",
    )
    kafka_ssl_password: SecretStr | None = secret("The password of the private key")
    kafka_ssl_check_hostname: bool = Field(
        default=True,
        description="Whether a broker's certificate has to name its host",
    )
    kafka_oauth_token_file: Path | None = Field(
        None,
        description="OAUTHBEARER: file with a token, read anew for each connection",
    )
    kafka_oauth_token_url: Annotated[SecretUrl, matching(r"^https?://[^\s@]+$")] | None = Field(
        None,
        json_schema_extra=dict(URL_MARK),
        description="OAUTHBEARER: URL that issues tokens for the client's id and secret",
    )
    kafka_oauth_allow_http: bool = Field(
        default=False,
        description="OAUTHBEARER: whether the client's secret may go over http:// to other "
        "machines, where all on the way read it",
    )
    kafka_oauth_client_id: str | None = Field(None, description="OAUTHBEARER: the client's id")
    kafka_oauth_client_secret: SecretStr | None = secret("OAUTHBEARER: the client's secret")
    kafka_oauth_scope: str | None = Field(
        None,
        description="OAUTHBEARER: the scope to ask a token for",
    )

    @property
    def kafka_encrypted(self) -> bool:
        """Whether clients use TLS."""
        return self.kafka_security_protocol.endswith("SSL")

    @property
    def kafka_named(self) -> bool:
        """Whether clients authenticate with SASL."""
        return self.kafka_security_protocol.startswith("SASL")

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        for variable, value in self._needed().items():
            if not value:
                raise ValueError(f"{variable} has to be set: {self.kafka_sasl_mechanism} needs it")
        return self

    @model_validator(mode="after")
    def _sends_no_secret_in_the_clear(self) -> Self:
        url = self.kafka_oauth_token_url
        if url and not self.kafka_oauth_allow_http and _is_in_clear(url.full):
            raise ValueError(
                f"{self._variable('kafka_oauth_token_url')}={url}: all on the way would read the "
                f"client's secret: use https://, or set {self._variable('kafka_oauth_allow_http')}="
                "true"
            )
        return self

    def _variable(self, field: str) -> str:
        return variable_of(type(self), field)

    def _needed(self) -> dict[str, object]:
        if not self.kafka_named:
            return {}
        if self.kafka_sasl_mechanism != "OAUTHBEARER":
            return {
                self._variable("kafka_sasl_username"): self.kafka_sasl_username,
                self._variable("kafka_sasl_password"): self.kafka_sasl_password,
            }
        if self.kafka_oauth_token_file:
            return {}
        return {
            f"{self._variable('kafka_oauth_token_file')} or _URL": self.kafka_oauth_token_url,
            self._variable("kafka_oauth_client_id"): self.kafka_oauth_client_id,
            self._variable("kafka_oauth_client_secret"): self.kafka_oauth_client_secret,
        }


def _is_in_clear(url: str) -> bool:
    """Return whether a request to the URL can be read on its way: http:// to another machine."""
    place = URL(url)
    try:
        own = ip_address(place.host or "").is_loopback
    except ValueError:
        own = place.host == "localhost"
    return place.scheme == "http" and not own
