"""Instructor: a typed answer by a call, by JSON, by a schema, in parts as it streams, asked again; and an error."""

from __future__ import annotations

from typing import Any

import instructor
from openai import OpenAI
from pydantic import BaseModel, field_validator

from tests.clients.asking import BASE_URL, calling, directive, failure, report


class Person(BaseModel):
    name: str
    age: int

    @field_validator("age")
    @classmethod
    def is_plausible(cls, age: int) -> int:
        if age > 150:
            raise ValueError("nobody is that old")
        return age


ADA = {"name": "Ada", "age": 36}
client = OpenAI(base_url=BASE_URL, api_key="not-needed", max_retries=0)


def ask(prompt: str, mode: instructor.Mode, model: str = "sonnet", retries: int = 0) -> Any:
    return instructor.from_openai(client, mode=mode).chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": prompt}],
        response_model=Person,
        max_retries=retries,
    )


partial = instructor.from_openai(client, mode=instructor.Mode.TOOLS).chat.completions.create_partial(
    model="sonnet",
    messages=[{"role": "user", "content": calling("PartialPerson", **ADA)}],
    response_model=Person,
)
too_old = calling("Person", {"tools": [{"name": "Person", "input": ADA}]}, name="Ada", age=1000)
report(
    by_call=ask(calling("Person", **ADA), instructor.Mode.TOOLS).model_dump(),
    by_json=ask(directive(structured=ADA), instructor.Mode.JSON).model_dump(),
    by_schema=ask(directive(structured=ADA), instructor.Mode.JSON_SCHEMA).model_dump(),
    partial=[part.model_dump() for part in partial],
    asked_again=ask(too_old, instructor.Mode.TOOLS, retries=2).model_dump(),
    unknown_model=failure(lambda: ask("Hi", instructor.Mode.TOOLS, "llama-99")),
)
