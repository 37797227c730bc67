/** Every word of the token X-ray. Apart from ../strings.ts, so that who does not open it does not load them. */

export const t = {
  group: "Tokens of the answer",
  chosen: (piece: string) => `The model gave ${piece}`,
  others: "The likeliest tokens here",
  note: "Of its whole vocabulary, by the model alone. An answer may only go along the passages, so a token need not have been its first choice.",
  missing: "This answer came without its probabilities.",
  untold: "The model’s server told no probabilities.",
  reread: "Ask for them",
  none: {
    quote:
      "These words are quoted from the profile. No model wrote them, so there are no probabilities to show.",
    declined: "This is a fixed reply. No model wrote it, so there are no probabilities to show.",
    smalltalk: "This is a fixed reply. No model wrote it, so there are no probabilities to show.",
  },
};
