"""Listeners of the embedded Kafka with authentication, for tests."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

#: SASL mechanisms of a listener; OAUTHBEARER accepts unsigned tokens.
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER")

_MODULES = {
    "PLAIN": "plain.PlainLoginModule required{users}",
    "SCRAM-SHA-256": "scram.ScramLoginModule required",
    "SCRAM-SHA-512": "scram.ScramLoginModule required",
    "OAUTHBEARER": "oauthbearer.OAuthBearerLoginModule required "
    'unsecuredLoginStringClaim_sub="kafka"',
}


@dataclass(frozen=True)
class Secured:
    """Listener at an address (`host:port`); protocol is SSL, SASL_PLAINTEXT or SASL_SSL."""

    address: str
    protocol: str = "SASL_SSL"
    #: PEM file with the broker's private key (PKCS 8) and certificate, which TLS needs.
    keystore: Path | None = None
    #: PEM file with the CA of client certificates; None requires no client certificate.
    truststore: Path | None = None
    mechanisms: tuple[str, ...] = MECHANISMS
    #: Passwords by user name, for PLAIN and SCRAM.
    users: Mapping[str, str] = field(default_factory=dict)

    def properties(self, name: str) -> str:
        """Return the lines in server.properties for the listener with this name."""
        return "".join(f"listener.name.{name.lower()}.{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        for kind, store in ("keystore", self.keystore), ("truststore", self.truststore):
            if store:
                yield f"ssl.{kind}.type = PEM"
                yield f"ssl.{kind}.location = {store}"
        if self.truststore:
            yield "ssl.client.auth = required"
        if self.protocol.startswith("SASL"):
            yield f"sasl.enabled.mechanisms = {','.join(self.mechanisms)}"
            users = "".join(f' user_{name}="{word}"' for name, word in self.users.items())
            for mechanism in self.mechanisms:
                module = _MODULES[mechanism].format(users=users)
                login = f"org.apache.kafka.common.security.{module};"
                yield f"{mechanism.lower()}.sasl.jaas.config = {login}"

    def credentials(self) -> list[str]:
        """Return the options of Kafka's storage tool that store the SCRAM users."""
        return [
            f"--add-scram={mechanism}=[name={name},password={word}]"
            for mechanism in self.mechanisms
            if mechanism.startswith("SCRAM")
            for name, word in self.users.items()
        ]
