import { s } from "../strings.ts";
import { citedNumbers, type Take } from "./conversation.ts";

/** How an answer came about, in words. */
export function describe(take: Take): string {
  const cited = citedNumbers(take);
  switch (take.verdict?.answer_kind) {
    case "model":
      return s.kind.model(cited);
    case "quote":
      return s.kind.quote(cited, take.verdict.reason);
    case "declined":
      return s.kind.declined(take.verdict.reason);
    case "smalltalk":
      return s.kind.smalltalk;
    default:
      return "";
  }
}
