/** Markdown to elements, loaded when there is some: raw HTML stays text, and only safe links become links. */
import { type ComponentProps, createContext, type ReactNode, useContext } from "react";
import ReactMarkdown, { type ExtraProps } from "react-markdown";
import { rehypeCitations } from "../chat/citations.ts";

/** For answers: which numbers are citations, and how one is shown. */
type Citations = { known: (n: number) => boolean; show: (n: number) => ReactNode };

const Shown = createContext<Citations["show"] | null>(null);

// Made once: components made anew at each rendering would be taken for others, and a citation lose the focus.
const COMPONENTS = { h1: "h2", a: Link, cite: Citation } as const; // the page has its one h1 already

export default function Markdown({ text, citations }: { text: string; citations?: Citations }) {
  return (
    <Shown.Provider value={citations?.show ?? null}>
      <ReactMarkdown
        // An answer may come from any model: its pictures would call hosts that the visitor did not choose.
        disallowedElements={citations ? ["img"] : []}
        rehypePlugins={citations ? [rehypeCitations(citations.known)] : []}
        components={COMPONENTS}
      >
        {text}
      </ReactMarkdown>
    </Shown.Provider>
  );
}

function Link({ href, children }: ComponentProps<"a">) {
  if (!href) return children;
  return (
    <a href={href} target="_blank" rel="noreferrer">
      {children}
    </a>
  );
}

function Citation({ node, children }: ComponentProps<"cite"> & ExtraProps) {
  const show = useContext(Shown);
  const n = node?.properties.dataN;
  return n ? show?.(Number(n)) : <cite>{children}</cite>;
}
