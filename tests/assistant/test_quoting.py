"""What the model may write is exactly what a right answer can be: quoted spans with their numbers, or a refusal."""

import random
import re
from dataclasses import replace

import pytest
import torch

from fischgpt import chat
from fischgpt.assistant.check import declines, grounded
from fischgpt.assistant.quoting import REFUSALS, Quotations, choices, head, quotation, served, spans
from fischgpt.chat import Turn
from fischgpt.config import GPTConfig
from fischgpt.data.grounded import labelled
from fischgpt.engine import Engine, SamplingParams
from fischgpt.engine.sampling import Sampler
from fischgpt.model.gpt import GPT
from fischgpt.profile.passages import Passage
from fischgpt.profile.retrieval import Hit
from fischgpt.tokenizer import Tokenizer

PASSAGES = [
    Passage("work-1", "Work", "Acme", "Engineer", "1921", "Engineer at Acme in 1921."),
    Passage("work-1-1", "Work", "Acme", "Engineer", "1921", "Built 3 bridges. 4 stand today. Met Dr. Ruiz."),
    Passage("languages-1", "Languages", "", "", "", "English; French."),
]


ENDLESS = Passage("skills-1", "Skills", "", "", "", ", ".join(["C", "Go", "R"] * 21))
"""Of which nothing is short enough to quote: one sentence of 63 words."""


@pytest.fixture(scope="module", params=["gpt2", "bpe"])
def tok(request: pytest.FixtureRequest) -> Tokenizer:
    if request.param == "gpt2":
        return Tokenizer.gpt2()
    return Tokenizer.train([turn.text for i in range(200) for turn in labelled(1, "train", i)[0]], 1000)


def follows(tok: Tokenizer, passages: list[Passage], answer: str) -> bool:
    quotations = Quotations(tok, list(map(spans, passages)))
    ids = tok.encode(answer)
    return all(ids[i] in quotations.allow(ids[:i]) for i in range(len(ids))) and tok.eot in quotations.allow(ids)


@pytest.mark.parametrize("answer", [
    "[1] Engineer at Acme in 1921.", "[2] Built 3 bridges.", "[2] 4 stand today.", "[2] 4 stand today. Met Dr. Ruiz.",
    "[2] Built 3 bridges. 4 stand today. Met Dr. Ruiz.", "[1] Acme, Engineer (1921).", "[3] English; French.",
    "[1] Engineer at Acme in 1921. [2] 4 stand today.",
    "[1] Acme, Engineer (1921). [2] Built 3 bridges. [3] English; French.",
    *REFUSALS,
])  # fmt: skip
def test_quotations_heads_lists_and_refusals_may_be_written(tok: Tokenizer, answer: str) -> None:
    assert follows(tok, PASSAGES, answer)


@pytest.mark.parametrize("answer", [
    "[1] Built 3 bridges.", "[4] Engineer at Acme in 1921.", "[1] Engineer at Acme in 1922.", "[2] Built 3", "[1]", "",
    "Engineer at Acme in 1921.", "[2] Built 3 bridges. Met Dr. Ruiz.",
    "[2] 4 stand today. [1] Engineer at Acme in 1921.", "[1] Engineer at Acme in 1921. The profile does not say.",
    "The profile does not say. [1] Engineer at Acme in 1921.",
])  # fmt: skip
def test_nothing_else_may(tok: Tokenizer, answer: str) -> None:
    assert not follows(tok, PASSAGES, answer)


def test_at_most_three_passages_are_cited(tok: Tokenizer) -> None:
    passages = [Passage(f"a-{n}", "About", "", "", "", f"Fact {n}.") for n in range(5)]
    assert follows(tok, passages, "[1] Fact 0. [2] Fact 1. [5] Fact 4.")
    assert not follows(tok, passages, "[1] Fact 0. [2] Fact 1. [3] Fact 2. [5] Fact 4.")


def test_every_answer_of_the_training_data_may_be_written(tok: Tokenizer) -> None:
    seen = 0
    for number in range(5000, 5150):
        turns, _ = labelled(3, "train", number)
        passages = [parsed(line) for line in turns[0].text.split("\n")]
        for answer in turns[2::2]:
            assert follows(tok, passages, answer.text), (answer.text, turns[0].text)
            seen += 1
    assert seen > 400


def parsed(line: str) -> Passage:
    """A rendered line back to a passage that renders the same, near enough for its spans."""
    found = re.fullmatch(r"\[\d+\] (\w+)((?:, (?:(?! \().)+?)?)((?: \([^()]*\))?): (.*)", line)
    assert found is not None, line
    section, where, dates, text = found.groups()
    passage = Passage("x", section, where.removeprefix(", "), "", dates.strip(" ()"), text)
    assert f"{line.split('] ', 1)[1]}" == passage.render()
    return passage


def test_whatever_an_untrained_model_prefers_it_writes_a_whole_grounded_answer_or_declines(tok: Tokenizer) -> None:
    torch.manual_seed(1)
    config = GPTConfig(n_layer=1, n_head=1, n_embd=16, block_size=256, vocab_size=tok.n_vocab)
    engine = Engine(GPT(config), n_vocab=tok.n_vocab)
    prompt = chat.encode_prompt(tok, [Turn("user", "How many bridges?")])
    rng = random.Random(0)
    written = set()
    for _ in range(12):
        params = SamplingParams(max_tokens=120, temperature=1.5, seed=rng.randrange(999), stop_ids=(tok.eot,))
        sampled = list(engine.generate(prompt, params, Quotations(tok, list(map(spans, PASSAGES))).allow))
        answer = tok.decode([one.id for one in sampled])
        assert sampled[-1].finish == "stop"
        assert declines(answer) or grounded(answer, "", PASSAGES).ok, answer
        written.add(answer)
    assert len(written) > 3


def test_a_passage_too_long_to_be_quoted_leaves_the_grammar_of_the_others_whole() -> None:
    """llama.cpp refuses a grammar with an empty rule, and with it the question."""
    tok = Tokenizer.gpt2()
    assert not spans(ENDLESS)
    for passages in ([ENDLESS, *PASSAGES], [*PASSAGES, ENDLESS], [ENDLESS]):
        rules = dict(
            line.split(" ::= ")
            for line in Quotations(tok, list(map(served, passages)), ranked=True).grammar.splitlines()
        )
        named = re.findall(
            r"[a-z]+(?:-\d)+", " ".join(re.sub(r'"(?:\\.|[^"\\])*"', "", rule) for rule in rules.values())
        )
        assert all(rules.values()) and set(named) <= rules.keys()
        assert f"text-{passages.index(ENDLESS) + 1}" not in named
        assert ("[1] " in rules.get("cite-1-1", "")) == (passages[0] is not ENDLESS)


def test_head_is_the_rendered_line_without_section_and_text() -> None:
    assert head(PASSAGES[0]) == "Acme, Engineer (1921)."
    assert head(PASSAGES[2]) == ""
    assert spans(PASSAGES[2]) == ("English; French.",)


def test_the_order_of_a_search_weighs_on_the_number_and_on_nothing_else(tok: Tokenizer) -> None:
    quotations = Quotations(tok, list(map(served, PASSAGES)), ranked=True)
    bracket, one, three = tok.encode("[1")[0], tok.encode("[1")[1], tok.encode("[3")[1]
    assert set(quotations.allow([]).values()) == {0.0}
    assert quotations.allow([bracket])[one] > quotations.allow([bracket])[three]
    assert set(quotations.allow([bracket, one]).values()) == {0.0}
    assert set(Quotations(tok, list(map(spans, PASSAGES))).allow([bracket]).values()) == {0.0}


def test_weights_move_the_choice_and_leave_the_logprob_alone() -> None:
    sampler = Sampler(SamplingParams(), [], torch.device("cpu"))
    logits = torch.tensor([3.0, 2.0, 1.0, 0.0])
    assert sampler(logits, {1: 0.0, 2: 0.0})[0] == 1
    token, logprob = sampler(logits, {1: 0.0, 2: 1.5})
    assert token == 2 and logprob == pytest.approx(float(logits.log_softmax(0)[2]))


def test_served_passages_are_quoted_whole_with_their_context_unless_long() -> None:
    tok = Tokenizer.gpt2()
    long = Passage("about-1", "About", "", "", "", "One. " + "Very " * 30 + "long.")
    quotations = Quotations(tok, list(map(served, [*PASSAGES, long])), ranked=True)

    def may_write(answer: str) -> bool:
        ids = tok.encode(answer)
        return all(ids[i] in quotations.allow(ids[:i]) for i in range(len(ids))) and tok.eot in quotations.allow(ids)

    assert may_write("[2] Acme, Engineer (1921): Built 3 bridges. 4 stand today. Met Dr. Ruiz.")
    assert not may_write("[2] 4 stand today.")
    assert may_write("[4] One.")


def hit(id_: str, section: str, organisation: str, title: str, dates: str, text: str, score: float) -> Hit:
    return Hit(Passage(id_, section, organisation, title, dates, text), score, 0.5, 1.0)


def test_the_model_may_write_the_likely_passages_alone_and_of_a_cut_one_the_part() -> None:
    tok = Tokenizer.gpt2()
    hits = [
        hit("work-1-1", "Work", "Acme", "", "1921", "Built " + "word " * 30 + "and sold a piano.", 0.6),
        hit("work-1-2", "Work", "Acme", "", "1921", "Bought a lute.", 0.6),
        hit("work-1-3", "Work", "Acme", "", "1921", "Fed a cat.", 0.5),
    ]
    cut = [replace(hits[0], part="…and sold a piano."), *hits[1:]]
    assert choices(cut) == [("Acme (1921): …and sold a piano.",), ("Acme (1921): Bought a lute.",), ()]
    assert choices(hits)[0] == spans(hits[0].passage)
    quotations = Quotations(tok, choices(cut), ranked=True)
    opening = tok.encode("[1")[0]
    assert {tok.encode(f"[{n}")[1] for n in (1, 2)} == set(quotations.allow([opening]))
    assert choices([]) == []


def test_a_quote_keeps_to_30_words_by_leaving_its_context_out_title_first() -> None:
    def quote(words: int) -> str:
        return quotation(
            Passage("work-1-1", "Work", "Acme Works", "Chief Engineer", "1921", "Built " + "word " * (words - 1))
        )

    assert quote(10).startswith("Acme Works, Chief Engineer (1921): Built")
    assert quote(26).startswith("Acme Works (1921): Built")
    assert quote(29).startswith("Built") and quote(29).endswith("(1921).")
    assert quote(30).startswith("Built") and "1921" not in quote(30)
