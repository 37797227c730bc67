/** profile/question.py: a visitor's question -> what is searched for. */
import { escaped, Pattern, type Rules, WORD, words } from "./rules.ts";
import { fold, type Language } from "./text.ts";

export type Turn = { role: "system" | "user" | "assistant"; text: string };

export class Questions {
  readonly #language: Language;
  readonly #owner: string;
  readonly #variants: Record<string, string>;
  readonly #roleTokens: Pattern;
  readonly #askingBack: Pattern;
  readonly #who: Pattern;
  readonly #you: ReadonlySet<string>;
  readonly #they: ReadonlySet<string>;
  readonly #another: Pattern;
  readonly #opening: Pattern;
  readonly #pointing: ReadonlySet<string>;
  readonly #verbs: ReadonlySet<string>;
  readonly #compared: Rules["question"]["compared"];
  readonly #age: Pattern;
  readonly #life: Pattern;
  readonly #when: Pattern;
  readonly #verb: Pattern;
  readonly #pairs: Pattern[];
  readonly #which: string[];
  readonly #forms: [kind: string, form: Pattern][];

  constructor(rules: Rules, language: Language) {
    const { question } = rules;
    this.#language = language;
    this.#owner = rules.owner;
    this.#variants = question.variants;
    this.#roleTokens = new Pattern(question.roleTokens);
    this.#askingBack = new Pattern(question.askingBack);
    this.#who = new Pattern(question.who);
    this.#you = new Set(question.you);
    this.#they = new Set(question.they);
    this.#another = new Pattern(question.another);
    this.#opening = new Pattern(question.opening);
    this.#pointing = new Set(question.pointing);
    this.#verbs = new Set(question.verbs);
    this.#compared = question.compared;
    this.#age = new Pattern(question.compared.age);
    this.#life = new Pattern(question.compared.life);
    this.#when = new Pattern(question.compared.when);
    this.#verb = new Pattern(question.compared.verb);
    this.#pairs = question.compared.pairs.map((pair) => new Pattern(pair));
    this.#which = question.byDate.which;
    this.#forms = question.byDate.forms.map(([kind, form]) => [kind, new Pattern(form)]);
  }

  /** The question without role tokens and without the owner's name. */
  strip(question: string): string {
    const text = this.#language.clean(this.#roleTokens.sub(question, " "));
    const names = [this.#owner, ...words(this.#owner)].filter((part) => part.length > 1);
    const parts = [...new Set(names.map(fold))].sort((a, b) => b.length - a.length);
    const free = parts.map((part) => [...part].map((char) => this.#variants[char] ?? escaped(char)).join(""));
    const named = `(?<![${WORD}])(?:${free.join("|")})(?:['’]s?)?(?![${WORD}])`;
    const kept = words(text.replace(new RegExp(named, "giu"), " ")).join(" ");
    const left = this.#language.terms(kept).length > 0;
    if (left || this.#language.terms(text).length === 0) return kept;
    return text.replace(new RegExp(`${named}(?:\\s+${named})*`, "giu"), "she");
  }

  /** profile/compared.py: the two plain questions that one is made of. */
  halves(question: string): [string, string] | null {
    const { born, died } = this.#compared;
    const said = question.trim().replace(/[?!. ]+$/u, "");
    const age = this.#age.match(said)?.groups;
    if (age) {
      const event = age["event"] || age["later"] || age["at"] || "";
      if (age["later"] && event.charAt(0) !== event.charAt(0).toLowerCase()) return null; // somebody else's
      return [born, this.#life.fullmatch(event) ? died : this.#asksWhen(event)];
    }
    for (const form of this.#pairs) {
      const found = form.match(said)?.groups;
      if (found) return [this.#asksWhen(found["one"] ?? ""), this.#asksWhen(found["other"] ?? "")];
    }
    return null;
  }

  /** profile/timeline.py: what kind of entry, and which of them, a question asks for. */
  byDate(question: string): string | null {
    const said = words(question)
      .join(" ")
      .replace(/[?!. ]+$/u, "");
    for (const [kind, form] of this.#forms) {
      const groups = form.whole(said)?.groups;
      if (groups) return `${kind} ${this.#which.find((which) => groups[which])}`;
    }
    return null;
  }

  #asksWhen(said: string): string {
    const event = this.#when.sub(said, "");
    const first = event.charAt(0);
    return `When ${this.#verb.match(event) ? first.toLowerCase() : first}${event.slice(1)}?`;
  }

  /** Whether it asks for the owner as such: "Who is she?". */
  asksWho(question: string): boolean {
    return this.#who.fullmatch(
      words(this.#nameless(question).replace(new RegExp(`[^${WORD}'’ ]+`, "gu"), " ")).join(" "),
    );
  }

  /** Whether what is asked in set words is asked about the owner, whatever was said before. */
  ofOwner(question: string, history: Turn[]): boolean {
    const before = history.filter((turn) => turn.role === "user").map((turn) => turn.text);
    const said = fold(question).match(new RegExp(`[${WORD}]+`, "gu")) ?? [];
    const named = this.#nameless(question) !== fold(this.#language.clean(question));
    if (before.length === 0 || named || said.some((word) => this.#you.has(word))) return true;
    const another = (text: string) => this.#another.search(fold(text)) !== null && !this.asksWho(text);
    return said.some((word) => this.#they.has(word)) && !before.some(another);
  }

  #nameless(question: string): string {
    const names = [this.#owner, ...words(this.#owner)].sort((a, b) => b.length - a.length);
    const parts = names.map((name) => escaped(fold(name))).join("|");
    const name = new RegExp(`(?<![${WORD}])(?:${parts})(?![${WORD}])`, "gu");
    return fold(this.#language.clean(question)).replace(name, " ");
  }

  /** Whether the question cannot be understood alone. */
  followsUp(question: string): boolean {
    const said = fold(question).match(new RegExp(`[${WORD}]+`, "gu")) ?? [];
    const content = this.#language.terms(question);
    const back = this.#askingBack.match(question);
    if (content.length === 0) return true;
    if (back && this.#language.terms(question.slice(back[0].length)).length === 1) return true;
    if (this.#opening.match(question) && !said.some((word) => this.#verbs.has(word))) return true;
    const telling = said.filter((word) => !this.#language.stop.has(word));
    return telling.length <= 2 && said.some((word) => this.#pointing.has(word));
  }

  /** What asks in a message, and the rest of it. */
  asking(message: string): [asked: string, rest: string] {
    const said = this.#language.sentences(message);
    const asks = (sentence: string) => /\?["”’)]*$/u.test(sentence);
    if (!said.some(asks)) return [message, ""];
    return [said.filter(asks).join(" "), said.filter((sentence) => !asks(sentence)).join(" ")];
  }

  /** What to search for, what it goes on from, and all of it together; "" for what there is not. */
  resolve(question: string, history: Turn[]): [asked: string, earlier: string, whole: string] {
    const said = this.strip(question);
    const [asked, rest] = this.asking(said);
    const whole = rest ? said : "";
    if (!this.followsUp(asked)) return [asked, "", whole];
    const before = history.filter((turn) => turn.role === "user").map((turn) => this.strip(turn.text));
    const last = before.at(-1);
    if (last === undefined) return [asked, rest, whole];
    const older = before.at(-2);
    const earlier = older !== undefined && this.followsUp(last) ? `${older} ${last}` : last;
    return [asked, earlier, `${earlier} ${said}`];
  }
}
