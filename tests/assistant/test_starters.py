"""The first thing a visitor clicks is answered right, by the shipped model on the shipped profiles, as it is served."""

import pytest

from fischgpt.assistant.answer import Assistant
from fischgpt.assistant.model import load_model
from fischgpt.chat import Turn
from fischgpt.profile.index import Index
from fischgpt.profile.profile import load_profile
from fischgpt.resources import resource

FACTS = {
    "fisch": {
        "How much did the training cost?": "$208.74",
        "Why did he build FischGPT?": "because he wanted to understand language models",
        "How long did the training take?": "12 hours",
        "How does FischGPT score on HellaSwag?": "33.3%",
        "Which papers did he read first?": "Attention Is All You Need",
        "What is the front end made with?": "Next.js and shadcn",
    },
    "curie": {
        "Who supervised her doctorate?": "Gabriel Lippmann",
        "What did she do for soldiers in the war?": "X-ray",
        "Which languages did she speak?": "Polish",
    },
}


@pytest.fixture(scope="module")
def assistants(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Assistant]:
    model, cache = load_model(), tmp_path_factory.mktemp("index")
    profiles = {name: load_profile(resource(f"profiles/{name}")) for name in FACTS}
    return {name: Assistant(profile, Index.open(profile, cache), model) for name, profile in profiles.items()}


@pytest.mark.parametrize(("name", "question"), [(name, question) for name in FACTS for question in FACTS[name]])
def test_a_starter_is_answered_with_its_fact(assistants: dict[str, Assistant], name: str, question: str) -> None:
    assert FACTS[name][question] in assistants[name].reply([Turn("user", question)]).text


@pytest.mark.parametrize("question", ["What is his salary?", "Does he have a dog?", "Which car does he drive?"])
def test_what_the_profile_does_not_hold_is_declined(assistants: dict[str, Assistant], question: str) -> None:
    assert assistants["fisch"].reply([Turn("user", question)]).done.kind == "declined"
