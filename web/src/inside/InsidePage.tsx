/** The design page: a visitor's own text through the model that is being served, and everything in between shown. */
import { useEffect, useState } from "react";
import type { Profile } from "../api.ts";
import { s } from "../strings.ts";
import { Header } from "../ui/Header.tsx";
import type { Server } from "../useServer.ts";
import { Attention } from "./Attention.tsx";
import { EXAMPLES, getShape, MOST_TOKENS, type Opened, pieceOf, type Shape } from "./inspection.ts";
import { Lens } from "./Lens.tsx";
import { Network } from "./Network.tsx";
import { NextToken } from "./NextToken.tsx";
import { Status } from "./Status.tsx";
import { t } from "./strings.ts";
import { TextBox } from "./TextBox.tsx";
import { Tokens } from "./Tokens.tsx";
import { useInspection } from "./useInspection.ts";

const isChat = (text: string) => text.startsWith("<|");

export default function InsidePage({ server, profile }: { server: Server; profile: Profile | null }) {
  const [head, setHead] = useState({ layer: 1, head: 0 });
  // The served model may have fewer blocks than the recorded one.
  const layer = Math.min(head.layer, (profile?.model.n_layer ?? Number.POSITIVE_INFINITY) - 1);
  const reading = useInspection(server.awake, layer);
  const { opened, running } = reading;
  const [text, setText] = useState(opened.text);
  const [typed, setTyped] = useState(false);
  const [at, choose] = useState(opened.ids.length - 1);
  const shape = useShape(profile);

  const remote = profile !== null && profile.model.n_layer == null;
  // The examples are the shipped model's; another model reads their texts itself.
  const same = profile?.model.name === EXAMPLES.model && profile.model.n_params === EXAMPLES.shape.n_params;
  const other = profile !== null && !same;
  const awake = server.readiness.state === "ready" && !remote;
  const examples = EXAMPLES.texts.flatMap((one, index) =>
    isChat(one) && profile && !remote && !same ? [] : [index],
  );

  // What is typed meanwhile stays as it is.
  const chooseLast = (now: Opened) => choose(now.ids.length - 1);
  const read = (prompt: string) => reading.read(prompt, chooseLast);
  const show = (index: number) => {
    const example = EXAMPLES.texts[index] ?? "";
    setText(example);
    setTyped(false);
    if (awake && other) read(example);
    else reading.show(index, chooseLast);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when another model than the recorded one is awake
  useEffect(() => {
    if (awake && other && opened.recorded && !typed) read(opened.text);
  }, [awake, other]);

  // A pass brings one block's attention; another block's comes when it is looked at.
  const shown = Math.min(head.layer, opened.shape.n_layer - 1);
  const missing = !opened.recorded && !opened.attention[shown] && !running && !reading.failure;
  useEffect(() => {
    if (missing) reading.fetchLayers([shown]);
  }, [missing, shown, reading.fetchLayers]);
  const all = () => reading.fetchLayers(opened.attention.map((_, layer) => layer));
  const token = Math.min(at, opened.ids.length - 1);
  const own = !opened.recorded || same || profile === null;
  const able = !remote && server.readiness.state !== "failed" && (!opened.recorded || same);
  const drawn = opened.recorded && !remote ? (shape ?? opened.shape) : opened.shape;
  return (
    <>
      <Header>{null}</Header>
      <main className="mx-auto max-w-5xl px-4 pt-10 pb-24 sm:px-6 sm:pt-16">
        <h1 className="font-serif text-4xl leading-[1.08] tracking-tight sm:text-5xl">{s.inside.title}</h1>
        <p className="text-quiet mt-4 max-w-2xl text-base leading-relaxed text-pretty sm:text-lg">{t.lede}</p>
        {remote && (
          <p className="border-line bg-paper mt-6 max-w-2xl rounded-xl border px-4 py-3 text-sm leading-relaxed">
            {t.elsewhere}
          </p>
        )}
        <div className="mt-8 max-w-3xl">
          <TextBox
            text={text}
            typed={typed || !opened.recorded}
            disabled={remote}
            change={(now) => {
              setText(now);
              setTyped(true);
            }}
            read={read}
            examples={examples}
            show={show}
          />
          <Status reading={reading} readiness={server.readiness} remote={remote} />
        </div>
        {/* What is shown stays until the next text has been read. */}
        <div aria-busy={running} className="mt-10 space-y-16">
          <Tokens opened={opened} at={token} choose={choose} />
          <NextToken
            opened={opened}
            able={able}
            take={(id) =>
              reading.read([...opened.ids, id].slice(0, MOST_TOKENS), (now) => {
                setText(now.text);
                setTyped(false);
                chooseLast(now);
              })
            }
          />
          <Network
            shape={drawn}
            ms={opened.ms}
            norms={
              own && drawn.n_layer === opened.shape.n_layer
                ? opened.norms.map((row) => row[token] ?? 0)
                : null
            }
          />
          <Attention
            opened={opened}
            at={token}
            choose={choose}
            head={{ layer: shown, head: Math.min(head.head, opened.shape.n_head - 1) }}
            chooseHead={(layer, chosen) => setHead({ layer, head: chosen })}
            loadAll={opened.recorded ? null : all}
          />
          <Lens opened={opened} at={token} choose={choose} />
        </div>
        <p className="sr-only" role="status">
          {running ? t.reading : t.announce(pieceOf(opened, opened.next.ids[0] ?? -1))}
        </p>
      </main>
    </>
  );
}

/** The served network's shape, known before its weights are loaded; null until then, and for a model elsewhere. */
function useShape(profile: Profile | null): Shape | null {
  const [shape, setShape] = useState<Shape | null>(null);
  const local = profile !== null && profile.model.n_layer != null;
  useEffect(() => {
    if (!local) return;
    const leaving = new AbortController();
    getShape(leaving.signal)
      .then(setShape)
      .catch(() => {}); // the recorded one stays, and what is wrong shows when a text is read
    return () => leaving.abort();
  }, [local]);
  return shape;
}
