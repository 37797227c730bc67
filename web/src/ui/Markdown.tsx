/** Markdown to elements, loaded when there is some: raw HTML stays text, and only safe links become links. */
import type { ReactNode } from "react";
import ReactMarkdown from "react-markdown";
import { rehypeCitations } from "../chat/citations.ts";

type Props = {
  text: string;
  /** For answers: which numbers are citations, and how one is shown. */
  citations?: { known: (n: number) => boolean; show: (n: number) => ReactNode };
};

export default function Markdown({ text, citations }: Props) {
  return (
    <ReactMarkdown
      // An answer may come from any model: its pictures would call hosts that the visitor did not choose.
      disallowedElements={citations ? ["img"] : []}
      rehypePlugins={citations ? [rehypeCitations(citations.known)] : []}
      components={{
        // The page has its one h1 already.
        h1: "h2",
        a: ({ href, children }) =>
          href ? (
            <a href={href} target="_blank" rel="noreferrer">
              {children}
            </a>
          ) : (
            children
          ),
        cite: ({ node, children }) => {
          const n = node?.properties.dataN;
          return n ? citations?.show(Number(n)) : <cite>{children}</cite>;
        },
      }}
    >
      {text}
    </ReactMarkdown>
  );
}
