"""litellm's `responses()` and text completions. Prints what it saw as JSON."""

import litellm

from tests.clients.asking import BASE_URL, OVERLOADED, described, directive, report

OPTIONS = {"api_base": BASE_URL, "api_key": "not-needed"}
answer = litellm.responses(model="openai/sonnet", input=directive(text="Good morning."), **OPTIONS)
events = list(litellm.responses(model="openai/sonnet", input=directive(chunks=["One", " two"]), stream=True, **OPTIONS))
follow = litellm.responses(
    model="openai/sonnet", input=directive(text="Again."), previous_response_id=answer.id, **OPTIONS
)
completion = litellm.text_completion(
    model="text-completion-openai/haiku", prompt=directive(text="<fill> upon a time</fill>"), **OPTIONS
)
try:
    litellm.responses(model="openai/sonnet", input=OVERLOADED, num_retries=0, **OPTIONS)
    error = {}
except Exception as raised:
    error = described(raised)
report(
    answer=answer.output[-1].content[0].text,
    pieces=[event.delta for event in events if event.type == "response.output_text.delta"],
    follow=follow.output[-1].content[0].text,
    completion=completion.choices[0].text,
    error=error,
)
