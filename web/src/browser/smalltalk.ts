/** assistant/smalltalk.py: fixed replies to messages that ask nothing about the owner. */
import { Pattern, type Rules, WORD, words } from "./rules.ts";

export function smallTalk(rules: Rules["smallTalk"]): (message: string) => string | null {
  const patterns = rules.patterns.map(([kind, told]) => ({ kind, pattern: new Pattern(told) }));
  const hello = new Pattern(rules.hello);
  const kindOf = (plain: string) => patterns.find(({ pattern }) => pattern.fullmatch(plain))?.kind;
  return (message) => {
    const lower = message.toLowerCase().replaceAll("’", "'");
    const plain = words(lower.replace(new RegExp(`[^${WORD}' ]+`, "gu"), " "));
    const [first = "", ...rest] = plain;
    const greeted = rest.length > 0 && hello.fullmatch(first); // "hi, who are you?"
    const kind = kindOf(plain.join(" ")) ?? (greeted ? kindOf(rest.join(" ")) : undefined);
    return kind === undefined ? null : (rules.replies[kind] ?? null);
  };
}
