import type { KeyboardEvent } from "react";

/** Enter sends and Shift+Enter breaks the line; an Enter that confirms a word of an input method does neither. */
export function submitsOnEnter(event: KeyboardEvent<HTMLTextAreaElement>): boolean {
  if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return false;
  event.preventDefault();
  return true;
}
