/** assistant/logprobs.py: the model's own tokens behind the text that is shown. */

export type Spelled = {
  text: string;
  bytes: Uint8Array;
  logprob: number;
  top: [bytes: Uint8Array, logprob: number][];
};

const utf8 = new TextEncoder();

export class Spelling {
  #draft = "";
  readonly #pieces: { start: number; end: number; token: Spelled }[] = [];
  #at = 0;
  readonly #due: { at: number; token: Spelled }[] = [];
  #read = 0;
  #covered = 0;
  #shown = "";

  /** One more token of the draft. */
  add(token: Spelled): void {
    const start = this.#draft.length;
    this.#draft += token.text;
    this.#pieces.push({ start, end: this.#draft.length, token });
  }

  /** `shown`, in the words of the draft, is shown next. */
  read(shown: string): void {
    for (const part of shown.split(/(\s*\[\d{1,3}\])/u)) {
      const core = part.trim();
      const marker = core.startsWith("[");
      const found = core ? this.#draft.indexOf(core, marker ? 0 : this.#at) : -1;
      if (found >= 0) {
        const at = this.#read + part.length - part.trimStart().length;
        for (const { start, end, token } of this.#pieces) {
          const [low, high] = [Math.max(start, found), Math.min(end, found + core.length)];
          if (low >= high) continue;
          const text = this.#draft.slice(low, high);
          const bytes = low !== start || high !== end ? utf8.encode(text) : token.bytes;
          this.#due.push({ at: at + low - found, token: { ...token, text, bytes } });
        }
        if (!marker) this.#at = found + core.length;
      }
      this.#read += part.length;
    }
  }

  /** The tokens that begin in `shown`, the next piece sent; what stands between two goes with the later one. */
  take(shown: string): Spelled[] {
    this.#shown += shown;
    const taken: Spelled[] = [];
    for (let next = this.#due[0]; next && next.at < this.#shown.length; next = this.#due[0]) {
      this.#due.shift();
      const gap = this.#shown.slice(this.#covered, next.at);
      this.#covered = next.at + next.token.text.length;
      const bytes = Uint8Array.of(...utf8.encode(gap), ...next.token.bytes);
      taken.push({ ...next.token, text: gap + next.token.text, bytes });
    }
    return taken;
  }
}
