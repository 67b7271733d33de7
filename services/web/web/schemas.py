"""What the JSON API returns; responses, templates and /openapi.json use these types."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from typing_extensions import TypeAliasType

from catalog import images, pause
from catalog.filenames import MAX_FILENAME_CHARACTERS
from catalog.finder import MAX_COUNT
from catalog.keys import ID_PATTERN
from catalog.ledger import Outcome as LedgerOutcome

MAX_LIMIT = 100
_REASON = "Why it failed, for people."


def _rfc3339(moment: object) -> object:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(moment, datetime) else moment


Id = TypeAliasType(
    "Id",
    Annotated[
        str,
        Field(
            pattern=f"^{ID_PATTERN}$",
            description="A version 7 UUID, so IDs sort by creation time.",
            examples=["01a20562-ea76-705d-b4ba-2f07e5b4c246"],
        ),
    ],
)
Status = TypeAliasType("Status", images.Status)
Count = Annotated[int, Field(ge=0)]
Time = Annotated[str, BeforeValidator(_rfc3339), Field(json_schema_extra={"format": "date-time"})]
Url = Annotated[str, Field(json_schema_extra={"format": "uri"})]
Usd = Annotated[
    str,
    BeforeValidator(lambda usd: f"{usd:.6f}" if isinstance(usd, Decimal) else usd),
    Field(pattern=r"^[0-9]+\.[0-9]{6}$", description="US dollars, with six decimals."),
]


class Answer(BaseModel):
    """A JSON response. Every field is always present, and no others are."""

    model_config = ConfigDict(
        json_schema_serialization_defaults_required=True, json_schema_extra={"additionalProperties": False}
    )


class UploadForm(Answer):
    """A presigned form."""

    id: Id
    url: Url
    fields: dict[str, str]


class Thumbnail(Answer):
    """The state of a photo's thumbnail."""

    status: Status = Field(default="pending", validation_alias="thumbnail_status")
    reason: str | None = Field(default=None, validation_alias="thumbnail_reason", description=_REASON)
    url: Url | None = Field(
        default=None, description="Presigned, valid for at least an hour. At most 512 pixels wide and high."
    )
    placeholder: str | None = Field(default=None, description="A tiny preview as a data: URI.")


class Generated(Answer):
    """The generated texts that a person's texts replaced; null for a text that was not replaced."""

    caption: str | None
    alt_text: str | None
    tags: list[str] | None


class Annotation(Answer):
    """The state of a photo's annotation, its texts, and their source."""

    status: Status = Field(default="pending", validation_alias="annotation_status")
    reason: str | None = Field(default=None, validation_alias="annotation_reason", description=_REASON)
    caption: str | None = Field(default=None, description="A sentence about the photo.")
    alt_text: str | None = Field(default=None, description="A description for people who can't see the photo.")
    tags: list[str] = []
    language: str | None = Field(default=None, description="BCP 47 tag of the language of the texts.")
    model: str | None = Field(default=None, description="The model that wrote the texts, or `offline-tagger`.")
    prompt_version: str | None = Field(default=None, description="The version of the model's prompt.")
    input_tokens: Count | None = Field(default=None, description="The number of tokens that the model read.")
    output_tokens: Count | None = Field(default=None, description="The number of tokens that the model wrote.")
    recognized: bool = Field(
        default=True, description="Whether the generated texts name a subject; if not, they only describe colours."
    )
    edited: bool = Field(default=False, description="Whether a person wrote one of the texts.")
    caption_edited: bool = Field(default=False, description="Whether a person wrote the caption.")
    alt_text_edited: bool = Field(default=False, description="Whether a person wrote the alternative text.")
    tags_edited: bool = Field(default=False, description="Whether a person wrote the tags.")
    generated: Generated | None = Field(
        default=None, description="The generated texts that a person's replaced; null if there are none."
    )
    queued: bool = Field(default=False, description="Whether the photo waits in the queue for its annotation.")
    reannotation: images.Reannotation | None = Field(
        default=None, description="What another annotation, which was requested, does with a person's texts."
    )


class Image(Answer):
    """A photo. The defaults are those of an empty card."""

    id: Id = ""
    filename: Annotated[str, Field(max_length=MAX_FILENAME_CHARACTERS)] = ""
    content_type: str = Field(default="", description="As declared; once the thumbnail is ready, as found in the file.")
    bytes: Count = 0
    width: Count | None = Field(default=None, description="Pixels of the upright picture, once known.")
    height: Count | None = Field(default=None, description="Pixels of the upright picture, once known.")
    uploaded_at: Time = "1970-01-01T00:00:00Z"
    thumbnail: Thumbnail = Thumbnail()
    annotation: Annotation = Annotation()


class Pause(Answer):
    """Why photos get no captions at the moment."""

    cause: pause.Cause
    message: str = Field(description="For people.")
    since: Time
    next_attempt: Time = Field(description="When captions are tried again.")


class SearchResult(Answer):
    """What a search found."""

    count: Count | None = Field(
        description=f"The number of results, at most {MAX_COUNT}; null on later pages, where they are not counted."
    )
    has_more: bool = Field(description="Whether there are more results than `count`.")
    is_partial: bool = Field(description="Whether time was up before all photos were searched.")
    ignored: list[str] = Field(description="The words of the query after the first eight, which did not count.")
    correction: str | None = Field(description="A similar query with words that photos have, if nothing was found.")
    highlights: dict[str, list[str]] = Field(
        description="For each photo, the parts of its texts that match, as they are written there, the longest first."
    )


class ImagePage(Answer):
    """A page of photos."""

    images: Annotated[list[Image], Field(max_length=MAX_LIMIT)]
    next: Id | None = Field(description="`before` of the next page; null on the last page.")
    paused: Pause | None = Field(description="Why captions are paused; null if they are not.")
    search: SearchResult | None = Field(description="About the search; null without one.")


class WordCount(Answer):
    """A word and the number of photos that have it."""

    word: str = Field(description="In lower case and without accents.")
    images: Count


class WordList(Answer):
    """Words of photos."""

    words: list[WordCount]


class Estimate(Answer):
    """Photos that are, or would be, annotated again."""

    images: Count
    usd: Usd = Field(description="About what a paid model costs for these photos; the offline tagger is free.")


class Retried(Answer):
    """Photos that are, or would be, processed again."""

    images: Count


class StateCounts(Answer):
    """Numbers of photos by the state of a part."""

    pending: Count
    ready: Count
    failed: Count


class SourceCount(Answer):
    """How many photos a model annotated."""

    model: str
    prompt_version: str | None
    images: Count


class Usage(Answer):
    """What requests to models used. Tokens are those that the answers reported."""

    requests: Count
    captions: Count = Field(description="The number of requests that produced a caption.")
    input_tokens: Count
    output_tokens: Count
    thinking_tokens: Count
    usd: Usd | None = Field(description="The sum of the known costs; null if the cost of every request is unknown.")
    unknown_costs: Count = Field(description="The number of requests whose cost is unknown.")
    usd_per_caption: Usd | None = Field(description="The average cost of a caption; null if none is known.")


class DayUsage(Usage):
    """What was used on a day of UTC."""

    day: date


class MonthUsage(Usage):
    """What was used in a month of UTC."""

    month: str = Field(pattern=r"^[0-9]{4}-[0-9]{2}$")


class ModelUsage(Usage):
    """What was used of a model."""

    model: str


class OutcomeCount(Answer):
    """How many requests ended in the same way."""

    outcome: LedgerOutcome
    finish_reason: str | None
    requests: Count


class Statistics(Answer):
    """Statistics of photos and costs. Deleted photos do not count, but their costs do."""

    counted_at: Time = Field(description="Statistics are at most a minute old.")
    images: Count
    thumbnails: StateCounts
    annotations: StateCounts
    sources: list[SourceCount] = Field(description="Photos by the model and prompt of their annotation.")
    total: Usage
    days: list[DayUsage] = Field(description="The days with requests among the last 30, newest first.")
    months: list[MonthUsage] = Field(description="The months with requests, newest first.")
    models: list[ModelUsage]
    outcomes: list[OutcomeCount]
    queued: Count = Field(description="The number of photos in the queue for an annotation.")
    paused: Pause | None = Field(description="Why captions are paused; null if they are not.")


class Alive(Answer):
    """The process answers."""

    status: Literal["ok"]
    version: str = Field(description="The version of the running package, or `working tree`.")


class Health(Answer):
    """Whether the process can serve requests."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    status: Literal["ok", "unavailable"]
    reason: str = ""


class ErrorDetail(Answer):
    """What went wrong."""

    code: str = Field(description="For programs.", examples=["not_found"])
    message: str = Field(description="For people.")


class Error(Answer):
    """A failed request."""

    error: ErrorDetail
