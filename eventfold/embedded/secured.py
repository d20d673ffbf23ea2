"""Listeners of the embedded Kafka where clients have to say who they are, for tests of that."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

#: What a client may prove its name by; OAUTHBEARER takes tokens that nobody has signed.
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
    """An address (`host:port`) with a protocol in Kafka's words: SSL, SASL_PLAINTEXT, SASL_SSL."""

    address: str
    protocol: str = "SASL_SSL"
    #: PEM, private key (PKCS 8) and certificate of the broker; what TLS needs.
    keystore: Path | None = None
    #: PEM, who has to have signed the certificate that a client shows; None asks for none.
    truststore: Path | None = None
    mechanisms: tuple[str, ...] = MECHANISMS
    #: Password by name, for PLAIN and SCRAM.
    users: Mapping[str, str] = field(default_factory=dict)

    def properties(self, name: str) -> str:
        """Give what server.properties says of the listener with this name."""
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
        """Give the options by which Kafka's storage tool writes down who has which password."""
        return [
            f"--add-scram={mechanism}=[name={name},password={word}]"
            for mechanism in self.mechanisms
            if mechanism.startswith("SCRAM")
            for name, word in self.users.items()
        ]
