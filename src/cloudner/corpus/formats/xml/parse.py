"""XML read with defusedxml: no entities that expand, nothing external, errors with file and line."""

from __future__ import annotations

import re
from xml.sax import ContentHandler, SAXParseException

from defusedxml import DefusedXmlException
from defusedxml import sax as defused_sax

from cloudner.errors import InputError

_DOCTYPE = re.compile(
    r"(?P<before>\s*(?:<\?(?:(?!\?>).)*\?>\s*|<!--(?:(?!-->).)*-->\s*)*)<!DOCTYPE\s[^\[\]<>]*>", re.DOTALL
)


class Handler(ContentHandler):
    """A SAX handler that knows the line it is at."""

    def __init__(self, file: str) -> None:
        super().__init__()
        self.file = file
        self._locator = None

    def setDocumentLocator(self, locator: object) -> None:  # noqa: N802
        self._locator = locator  # type: ignore[assignment]

    @property
    def line(self) -> int:
        return self._locator.getLineNumber() or 1 if self._locator is not None else 1


def parse(text: str, handler: Handler) -> None:
    """Sends the events of a document to the handler. Raises InputError where it is not well-formed or not safe."""
    if match := _DOCTYPE.match(text):
        # without an internal part it names a file that is not looked at, and declares nothing
        text = match["before"] + "\n" * match[0].count("\n", match.end("before")) + text[match.end() :]
    try:
        # the text is decoded already: an encoding declared within must not decode it again
        body = text.lstrip("\ufeff \t\r\n")
        if body.startswith("<?xml") and "?>" in body:
            # the line of the declaration is kept, so that lines are counted from it
            body = "\n" * body[: body.index("?>")].count("\n") + body[body.index("?>") + 2 :]
        defused_sax.parseString(body.encode("utf-8", errors="surrogatepass"), handler)
    except SAXParseException as error:
        raise InputError(
            f"not well-formed XML: {error.getMessage()}",
            file=handler.file,
            line=error.getLineNumber(),
            expected="well-formed XML",
            fix="mend the line; in a text, & is written &amp; and < is written &lt;",
        ) from None
    except DefusedXmlException as error:
        raise InputError(
            f"XML that declares entities ({type(error).__name__})",
            file=handler.file,
            line=handler.line,
            expected="XML without <!ENTITY>",
            fix="remove the declaration; it may be an attack",
        ) from None
    except UnicodeEncodeError:
        raise InputError("a lone surrogate", file=handler.file, expected="Unicode text") from None
