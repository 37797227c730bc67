/** assistant/answer.py: a question becomes a checked answer with its sources. */
import type { AnswerKind, Message } from "../api.ts";
import { Check } from "./check.ts";
import type { CrossEncoder } from "./crossEncoder.ts";
import { quoted, why } from "./listing.ts";
import type { Sampling } from "./model.ts";
import type { Turn } from "./question.ts";
import { Quotations } from "./quoting.ts";
import type { Reader } from "./reader.ts";
import { HeldBack } from "./release.ts";
import { Pattern, type Rules } from "./rules.ts";
import { type Hit, Index, type Retrieval } from "./search.ts";
import { smallTalk } from "./smalltalk.ts";
import { type Spelled, Spelling } from "./spelling.ts";
import { Language } from "./text.ts";
import { BytePairs } from "./tokens.ts";
import type { Writer } from "./writer.ts";

export type Timings = { first_token_ms: number; total_ms: number; tokens: number; tokens_per_second: number };
export type AnswerEvent =
  | { type: "sources"; hits: Hit[] }
  | { type: "text"; text: string; tokens: Spelled[] }
  | {
      type: "done";
      kind: AnswerKind;
      reason: string | null;
      score: number;
      threshold: number;
      timings: Timings;
    };

/** What cannot be answered, in one clear line. */
export class Refused extends Error {}

export class Assistant {
  readonly rules: Rules;
  readonly tokenizer: BytePairs;
  readonly model: Writer;
  readonly language: Language;
  readonly check: Check;
  readonly #index: Index;
  readonly #smallTalk: (message: string) => string | null;
  readonly #citation: Pattern;

  constructor(rules: Rules, reader: Reader, model: Writer) {
    this.rules = rules;
    this.tokenizer = new BytePairs(rules.tokenizer);
    this.model = model;
    this.language = new Language(rules);
    this.check = new Check(rules);
    this.#index = new Index(rules, this.language, reader);
    this.#smallTalk = smallTalk(rules.smallTalk);
    this.#citation = new Pattern(rules.prompt.citation);
  }

  /** From the next question on, passages are read twice. */
  readTwice(second: CrossEncoder): void {
    this.#index.second = second;
  }

  /** The question and the turns before it. Throws Refused for what cannot be answered. */
  read(messages: Message[]): { question: string; history: Turn[] } {
    const spoken = [...messages];
    const last = spoken.pop();
    if (last?.role !== "user") throw new Refused("the last message must be the user's question");
    const question = this.language.clean(last.content);
    if (!question) throw new Refused("the question is empty");
    const most = this.rules.answer.questionTokens;
    if (question.length > 16 * most || this.tokenizer.encode(question).length > most) {
      const about = Math.floor((most * 3) / 4);
      throw new Refused(`the question is too long: at most ${most} tokens, about ${about} words`);
    }
    const history: Turn[] = [];
    for (const { role, content } of spoken) {
      const text = this.language.clean(this.check.marker.sub(content, ""));
      const before = history.at(-1);
      if (before?.role === role) before.text = `${before.text} ${text}`.trim();
      else if (text && (before || role === "user")) history.push({ role, text });
    }
    if (history.at(-1)?.role === "user") history.pop();
    return { question, history };
  }

  /** Sources, then text, then done. `stopped` is asked after the search and after each token. */
  async *answer(
    messages: Message[],
    sampling: Sampling,
    stopped: () => Promise<boolean>,
  ): AsyncGenerator<AnswerEvent> {
    const { question, history } = this.read(messages);
    const run = new Run(this, question, sampling);
    const reply = this.#smallTalk(question);
    if (reply !== null) {
      yield { type: "sources", hits: [] };
      yield* run.say(reply, "smalltalk", null);
      return;
    }
    const retrieval = await this.#index.search(question, history);
    if (await stopped()) return;
    run.retrieval = retrieval;
    const [best] = retrieval.hits;
    if (!retrieval.answerable || !best) {
      yield { type: "sources", hits: retrieval.hits };
      yield* run.say(this.rules.declined, "declined", "no passage is likely to hold the answer");
      return;
    }
    const { turns, used } = this.#prompt(question, retrieval.hits, history);
    const shown = used.includes(best) ? used : [...used, best];
    yield { type: "sources", hits: shown };
    const { quoting } = this.rules;
    const quote = quoted(retrieval, shown, quoting, (text) => this.language.terms(text));
    const lines = quote.split(quoting.between).length;
    if (lines > 1) yield* run.say(quote, "quote", why(retrieval, lines, quoting));
    else if (used.length) {
      yield* run.ask(this.encode(turns), used, quote, stopped);
    } else yield* run.say(quote, "quote", "no passage fits the model's context");
  }

  /** profile/prompt.py: room for the answer, the question, passages best first, older exchanges newest first. */
  #prompt(question: string, hits: Hit[], history: Turn[]): { turns: Turn[]; used: Hit[] } {
    const room = this.rules.model.blockSize - this.rules.answer.answerTokens - 1;
    const asked: Turn = { role: "user", text: question };
    const fits = (turns: Turn[]) => this.encode(turns).length - 1 <= room;
    const used: Hit[] = [];
    let system: Turn[] = [];
    for (const hit of hits) {
      const lines = [...used, hit].map(({ passage }, i) => `[${i + 1}] ${passage.rendered}`);
      const longer: Turn[] = [{ role: "system", text: lines.join("\n") }];
      if (fits([...longer, asked])) {
        used.push(hit);
        system = longer;
      }
    }
    let older: Turn[] = [];
    for (const exchange of this.#exchanges(history, used)) {
      if (!fits([...system, ...exchange, ...older, asked])) break;
      older = [...exchange, ...older];
    }
    return { turns: [...system, ...older, asked], used };
  }

  *#exchanges(history: Turn[], used: Hit[]): Generator<Turn[]> {
    for (let i = history.length - 2; i >= 0; i--) {
      const [user, answer] = [history[i], history[i + 1]];
      if (user?.role !== "user" || answer?.role !== "assistant") continue;
      const asked = this.language.clean(user.text);
      const said = this.language.clean(this.#citation.sub(answer.text, ""));
      if (!asked || !said) continue;
      const at = used.findIndex((hit) => hit.passage.rendered.includes(said.replace(/\.+$/u, "")));
      const text = at < 0 ? said : `[${at + 1}] ${said}`;
      yield [
        { role: "user", text: asked },
        { role: "assistant", text },
      ];
    }
  }

  /** chat.py: the ids of a conversation that the assistant answers next. */
  encode(turns: Turn[]): number[] {
    const { control } = this.tokenizer;
    const ids = turns.flatMap(({ role, text }) => [
      control[role],
      ...this.tokenizer.encode(text),
      ...(role === "assistant" ? [control.eot] : []),
    ]);
    return [...ids, control.assistant];
  }
}

/** One answer under way: its clock, what was generated. */
class Run {
  readonly #assistant: Assistant;
  readonly #question: string;
  readonly #sampling: Sampling;
  readonly #started = performance.now();
  readonly #spelling = new Spelling();
  #firstShown = 0;
  #firstSampled = 0;
  #lastSampled = 0;
  #tokens = 0;
  #draft = "";
  #shown = false;
  retrieval: Retrieval = {
    hits: [],
    answerable: false,
    score: 0,
    threshold: 0,
    several: 0,
    together: 1,
    reread: 0,
  };

  constructor(assistant: Assistant, question: string, sampling: Sampling) {
    this.#assistant = assistant;
    this.#question = question;
    this.#sampling = sampling;
  }

  /** Shows `text` and ends. */
  *say(text: string, kind: AnswerKind, reason: string | null): Generator<AnswerEvent> {
    yield* this.#show(text);
    yield this.#end(kind, reason);
  }

  /** Lets the model answer; shows what stands in the passages, or else the quote. */
  async *ask(
    prompt: number[],
    used: Hit[],
    quote: string,
    stopped: () => Promise<boolean>,
  ): AsyncGenerator<AnswerEvent> {
    const { rules, tokenizer, model, check, language } = this.#assistant;
    const passages = used.map((hit) => hit.passage);
    const held = new HeldBack(check, language, this.#question, passages);
    const quotations = new Quotations(rules.quoting, tokenizer, used);
    const allow = (written: number[]) => quotations.allow(written);
    const letters = new TextDecoder();
    const limit = rules.answer.answerTokens;
    const sure = Math.log(rules.answer.confident);
    let [opening, logprob, cut] = [true, 0, false];
    for await (const sampled of model.generate(prompt, limit, this.#sampling, allow)) {
      if (await stopped()) return;
      this.#lastSampled = performance.now();
      this.#firstSampled ||= this.#lastSampled;
      this.#tokens += 1;
      const ended = tokenizer.isControl(sampled.id);
      const bytes = ended ? new Uint8Array() : tokenizer.bytes(sampled.id);
      const text = letters.decode(bytes, { stream: !ended });
      this.#draft += text;
      const top = sampled.top.map(([id, lp]): [Uint8Array, number] => [tokenizer.bytes(id), lp]);
      this.#spelling.add({ text, bytes, logprob: sampled.logprob, top });
      if (opening) {
        logprob += sampled.logprob;
        opening = this.#draft.startsWith("[") && !this.#draft.includes("]");
        if (logprob < sure) {
          yield* this.say(quote, "quote", "the model is not sure which passage answers");
          return;
        }
      }
      yield* this.#show(held.feed(text), true);
      if (held.failed !== null || ended) break;
      cut = this.#tokens === limit;
    }
    yield* this.#show(held.finish(cut), true);
    if (this.#shown) {
      const reason = held.failed === null ? null : `a further sentence was left out: ${held.failed}`;
      yield this.#end("model", reason);
      return;
    }
    const why = check.declines(this.#draft) ? "it declined" : (held.failed ?? "it is empty");
    yield* this.say(quote, "quote", `the model's answer did not stand in the passages: ${why}`);
  }

  /** The text token by token. own: the words are the model's. */
  *#show(text: string, own = false): Generator<AnswerEvent> {
    if (!text) return;
    this.#shown = true;
    this.#firstShown ||= performance.now();
    if (own) this.#spelling.read(text);
    const { tokenizer } = this.#assistant;
    const letters = new TextDecoder();
    for (const id of tokenizer.encode(text)) {
      const piece = letters.decode(tokenizer.bytes(id), { stream: true });
      if (piece) yield { type: "text", text: piece, tokens: this.#spelling.take(piece) };
    }
  }

  #end(kind: AnswerKind, reason: string | null): AnswerEvent {
    const between = (this.#lastSampled - this.#firstSampled) / 1000;
    const timings = {
      first_token_ms: this.#firstShown - this.#started,
      total_ms: performance.now() - this.#started,
      tokens: this.#tokens,
      tokens_per_second: between > 0 ? (this.#tokens - 1) / between : 0,
    };
    const { score, threshold } = this.retrieval;
    return { type: "done", kind, reason, score, threshold, timings };
  }
}
