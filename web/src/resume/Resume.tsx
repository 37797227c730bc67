/** The resume as the model's passages: what retrieval indexes is what stands here, so a citation finds its place. */
import { useEffect, useRef } from "react";
import type { Passage, Profile, Source } from "../api.ts";
import { href } from "../api.ts";
import { s } from "../strings.ts";
import { Icon } from "../ui/icons.tsx";
import { prefersStill } from "../useMedia.ts";
import { group } from "./group.ts";

/** A passage that was asked for; `tick` changes with each asking, so that the same one can be asked for twice. */
export type Wanted = { id: string; tick: number; focus: boolean };
type Props = {
  profile: Profile;
  passages: Passage[];
  sources: Source[];
  cited: number[];
  wanted: Wanted | null;
};

export function Resume({ profile, passages, sources, cited, wanted }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const marks = new Map(sources.map((source) => [source.id, source.n]));

  useEffect(() => {
    const box = scroller.current;
    const passage = wanted && box?.querySelector<HTMLElement>(`[data-passage="${CSS.escape(wanted.id)}"]`);
    if (!box || !passage) return;
    const top = passage.getBoundingClientRect().top - box.getBoundingClientRect().top + box.scrollTop;
    box.scrollTo({ top: top - box.clientHeight / 3, behavior: prefersStill() ? "auto" : "smooth" });
    if (wanted.focus) passage.focus({ preventScroll: true });
    passage.classList.remove("lit");
    void passage.offsetWidth; // restarts the animation
    passage.classList.add("lit");
  }, [wanted]);

  return (
    <section
      ref={scroller}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      aria-label={s.resume.title}
      className="h-full overflow-y-auto overscroll-contain px-5 pt-6 pb-16 sm:px-7"
    >
      <header className="flex items-start justify-between gap-4">
        <div>
          <p className="font-serif text-2xl leading-tight">{profile.name}</p>
          <p className="text-quiet mt-1 text-sm">{profile.headline}</p>
        </div>
        {profile.resume_url && (
          <a
            href={href(profile.resume_url)}
            download
            className="tool -mt-2 -mr-2 shrink-0"
            aria-label={s.resume.file}
            title={s.resume.file}
          >
            <Icon name="file" />
          </a>
        )}
      </header>
      <ul className="mt-2 flex flex-wrap gap-x-4 text-sm">
        {profile.links.map((link) => (
          <li key={link.url}>
            <a
              href={link.url}
              rel="noreferrer"
              target="_blank"
              className="text-fish inline-block py-1 underline decoration-1 underline-offset-3"
            >
              {link.label}
            </a>
          </li>
        ))}
      </ul>
      <p className="text-quiet mt-3 min-h-5 text-xs">{sources.length ? s.resume.hint : ""}</p>
      {passages.length === 0 && <p className="text-quiet mt-6 text-sm">{s.resume.empty}</p>}
      {group(passages).map((section) => (
        <section key={section.key} className="mt-7 first-of-type:mt-4">
          <h2 className="text-quiet border-line border-b pb-1.5 text-sm font-medium">{section.name}</h2>
          {section.entries.map((entry) => (
            <div key={entry.key} className="mt-4">
              {(entry.heading || entry.dates) && (
                <h3 className="flex items-baseline justify-between gap-3 text-[0.9375rem] font-semibold">
                  {entry.heading}
                  <span className="text-quiet shrink-0 text-xs font-normal tabular-nums">{entry.dates}</span>
                </h3>
              )}
              {entry.detail && <p className="text-quiet text-sm">{entry.detail}</p>}
              <ul className="mt-1 space-y-0.5">
                {entry.passages.map((passage) => {
                  const n = marks.get(passage.id);
                  const state = n === undefined ? "" : cited.includes(n) ? "cited" : "read";
                  return (
                    <li
                      key={passage.id}
                      data-passage={passage.id}
                      data-wanted={wanted?.id === passage.id}
                      tabIndex={-1}
                      className="data-[wanted=true]:bg-glow relative -mx-2.5 rounded-lg py-1.5 pr-2.5 pl-9 text-sm leading-relaxed outline-offset-0"
                    >
                      {state ? (
                        <span
                          data-cited={state === "cited"}
                          className="cite appear absolute top-1.5 left-1.5 h-5 min-w-5 text-[0.6875rem]"
                        >
                          {n}
                        </span>
                      ) : (
                        <span
                          aria-hidden="true"
                          className="bg-edge absolute top-[1.05rem] left-[1.05rem] size-1 rounded-full"
                        />
                      )}
                      {passage.text}
                    </li>
                  );
                })}
              </ul>
            </div>
          ))}
        </section>
      ))}
    </section>
  );
}
