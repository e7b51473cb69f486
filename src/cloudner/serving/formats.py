"""What requests and answers look like."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cloudner.serving.errors import RefusedError
from cloudner.serving.work import Entities, Failure


class EntitiesRequest(BaseModel):
    """One text or a list of texts, under `text` or, as Hugging Face's clients send it, `inputs`."""

    model_config = ConfigDict(extra="forbid")

    text: str | list[str] | None = Field(None, examples=["Ada Lovelace moved to Turin."])
    inputs: str | list[str] | None = Field(None, description="The same as `text`.")
    model: str | None = Field(None, description="A name of /v1/models; the first one without it.")
    threshold: float | None = Field(
        None, ge=0, le=1, strict=True, description="Leave out entities of a lower confidence."
    )
    parameters: dict[str, Any] | None = Field(
        None, description="Of Hugging Face's clients; `ignore_labels` is heeded."
    )
    options: dict[str, Any] | None = Field(None, description="Of Hugging Face's clients; not used.")

    def given(self) -> str | list[str]:
        """Raises RefusedError where there is not one of `text` and `inputs`."""
        found = [value for value in (self.text, self.inputs) if value is not None]
        if len(found) != 1:
            raise RefusedError(
                422, "no_text", "expected `text`, a text or a list of texts, or `inputs` in its place"
            )
        return found[0]


class Entity(BaseModel):
    """start, end: characters (Unicode code points) of the text, end exclusive. confidence: 0 to 1, or null."""

    start: int
    end: int
    label: str
    text: str
    confidence: float | None


class EntitiesAnswer(BaseModel):
    """`entities` for one text; for a list `results`, each with `entities`, or `error` and `code` of a text that failed."""

    model: str
    entities: list[Entity] | None = None
    results: list[dict[str, Any]] | None = None


class HuggingFaceEntity(BaseModel):
    """With `?format=hf`: what a token-classification endpoint of Hugging Face answers."""

    entity_group: str
    score: float
    word: str
    start: int
    end: int


# Of one text, and of a list.
HuggingFaceAnswer = list[HuggingFaceEntity] | list[list[HuggingFaceEntity]]


class ErrorAnswer(BaseModel):
    """Why there is no other answer."""

    error: str
    code: str


def above(result: Entities | Failure, threshold: float | None) -> Entities | Failure:
    """Entities of at least this confidence; those without one, of rules, stay."""
    if threshold is None or isinstance(result, Failure):
        return result
    return [e for e in result if e["confidence"] is None or e["confidence"] >= threshold]


def of_text(result: Entities | Failure) -> dict[str, Any]:
    """One text's part of an answer for several."""
    if isinstance(result, Failure):
        return {"error": result.message, "code": result.code}
    return {"entities": result}


def of_failure(failure: Failure) -> RefusedError:
    """The answer where a failed text is the only one."""
    again = 1 if failure.status == 503 else None
    return RefusedError(failure.status, failure.code, failure.message, retry_after=again)


def own(model: str, results: list[Entities | Failure], several: bool) -> dict[str, Any]:
    """An `EntitiesAnswer`. Raises RefusedError where the only text failed."""
    if several:
        return {"model": model, "results": [of_text(result) for result in results]}
    (result,) = results
    if isinstance(result, Failure):
        raise of_failure(result)
    return {"model": model, "entities": result}


def hugging_face(
    results: list[Entities | Failure], several: bool, parameters: dict[str, Any] | None
) -> list[Any]:
    """As a token-classification endpoint with an aggregation strategy answers. Raises RefusedError where a text failed,
    for which that format has no place, and for `aggregation_strategy` "none", which asks for tokens."""
    asked = parameters or {}
    if asked.get("aggregation_strategy") == "none":
        raise RefusedError(422, "no_tokens", "entities are whole; aggregation_strategy cannot be none")
    ignored = asked.get("ignore_labels")
    ignored = ignored if isinstance(ignored, list) else []
    lists = []
    for result in results:
        if isinstance(result, Failure):
            raise of_failure(result)
        lists.append([_group(entity) for entity in result if entity["label"] not in ignored])
    return lists if several else lists[0]


def _group(entity: dict[str, Any]) -> dict[str, Any]:
    return {
        "entity_group": entity["label"],
        "score": 1.0 if entity["confidence"] is None else entity["confidence"],
        "word": entity["text"],
        "start": entity["start"],
        "end": entity["end"],
    }
