"""What a service is asked for: pipelines, address, limits."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from cloudner.errors import ConfigError, InputError

# Pieces that may wait, for each text that may: a queue of long texts is full before it has its number of texts.
PIECES_A_TEXT = 128
# Bodies of the greatest size that are held at once; more are refused before they are read.
BODIES = 32
# Clients of /v1/stream at once.
STREAMS = 16


@dataclass(frozen=True)
class Limits:
    """How much is taken, and how long it may take.

    max_batch, max_pieces: texts and word pieces computed at once. A text of more pieces is computed in parts, with
        short texts of other requests between them.
    wait_ms: longest wait for more texts, in milliseconds from the arrival of a batch's first.
    queue_texts: texts that wait; above it the answer is 429. Their pieces are limited too, to 128 a text.
    max_chars, max_texts, max_body_mb: of one text, one request, one request's body (10**6 bytes).
    timeout: seconds until a request is answered or given up.
    """

    max_batch: int = 32
    max_pieces: int = 2048
    wait_ms: float = 5.0
    queue_texts: int = 1024
    max_chars: int = 100_000
    max_texts: int = 256
    max_body_mb: float = 4.0
    timeout: float = 30.0

    def __post_init__(self) -> None:
        for entry in fields(self):
            value, least = getattr(self, entry.name), 0 if entry.name == "wait_ms" else 1
            if entry.name in ("max_body_mb", "timeout"):
                least = 0
                if value == 0:
                    raise ConfigError(f"--{_option(entry.name)} 0", expected="more than 0")
            if not least <= value < float("inf"):
                raise ConfigError(f"--{_option(entry.name)} {value}", expected=f"a number from {least}")
        if self.max_texts > self.queue_texts:
            raise ConfigError(
                f"--max-texts {self.max_texts} is more than --queue-texts {self.queue_texts}",
                expected="a queue that takes a whole request",
                fix=f"--queue-texts {self.max_texts}",
            )

    @property
    def queue_pieces(self) -> int:
        """Word pieces that may wait."""
        return max(self.queue_texts * PIECES_A_TEXT, self.max_pieces)

    @property
    def stream_buffer(self) -> int:
        """Bytes of answers kept for a client of /v1/stream that has not read them yet."""
        return 4 * self.max_body

    @property
    def max_body(self) -> int:
        """Bytes of one body."""
        return max(1, int(self.max_body_mb * 10**6))


def _option(name: str) -> str:
    return name.replace("_", "-")


@dataclass(frozen=True)
class ServiceSettings:
    """Everything `cloudner serve` is told.

    models: (name or None, folder or package or None) of each pipeline; None: as `cloudner.load` finds it.
    code: a Python file with registered functions that the pipelines name, imported once in each process.
    tokens: those that a request may bear; none: no token is asked for.
    cors: origins whose pages may call the service.
    device, precision, backend: as in `cloudner.load`.
    retrain: a command that Label Studio's webhook starts; see `cloudner.serving.retraining`.
    """

    models: tuple[tuple[str | None, str | None], ...] = ((None, None),)
    code: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    tokens: tuple[str, ...] = ()
    cors: tuple[str, ...] = ()
    workers: int = 1
    device: str = "auto"
    precision: str = "auto"
    backend: str = "auto"
    retrain: str | None = None
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        for origin in self.cors:
            if not re.fullmatch(r"\*|null|[a-z][a-z0-9+.-]*://[^/\s?#]+", origin):
                raise ConfigError(
                    f"--cors {origin}", expected="an origin as browsers send it, such as https://example.org"
                )
        if self.retrain is not None and not self.tokens:
            raise ConfigError(
                "--retrain without --token-file: whoever reaches the service could start it",
                fix="--token-file tokens.txt, and the token as the backend's password in Label Studio",
            )
        if self.retrain is not None and self.workers > 1:
            raise ConfigError("--retrain with --workers: only one process would serve what was trained")

    def to_json(self) -> str:
        """For worker processes."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ServiceSettings:
        """What `to_json` wrote."""
        values = json.loads(text)
        values["models"] = tuple((name, place) for name, place in values["models"])
        values["tokens"], values["cors"] = tuple(values["tokens"]), tuple(values["cors"])
        return cls(**{**values, "limits": Limits(**values["limits"])})


def parse_model(text: str) -> tuple[str | None, str]:
    """`NAME=MODEL` or `MODEL`. A path that exists is a path, whatever it has in its name."""
    name, equals, place = text.partition("=")
    if not equals or Path(text).exists():
        return None, text
    if not re.fullmatch(r"[\w.-]{1,64}", name) or not place:
        raise ConfigError(
            f"the model {text!r}",
            expected="NAME=MODEL or MODEL, a NAME of letters, digits, '.', '-' and '_'",
        )
    return name, place


def read_tokens(path: Path) -> tuple[str, ...]:
    """One token a line; blank lines and lines that begin with # are left out. Raises InputError where there is none."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"cannot read the tokens: {first}", file=str(path)) from error
    tokens = tuple(line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#"))
    if not tokens:
        raise InputError(
            "no token in it",
            file=str(path),
            expected="one token a line",
            fix=f"python -c 'import secrets; print(secrets.token_urlsafe(32))' > {path}",
        )
    for number, line in enumerate(lines, start=1):
        token = line.strip()
        if token in tokens and not (len(token) >= 16 and token.isascii() and token.isprintable()):
            raise InputError(
                f"a token of {len(token)} characters",
                file=str(path),
                line=number,
                expected="at least 16 printable ASCII characters",
            )
    return tokens
