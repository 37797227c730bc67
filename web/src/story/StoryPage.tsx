/** The owner's story, and beside it what is really running. */
import type { Profile } from "../api.ts";
import { s } from "../strings.ts";
import { TokenFish } from "../ui/Fish.tsx";
import { Header } from "../ui/Header.tsx";
import Markdown from "../ui/Markdown.tsx";
import { ModelFigures } from "../ui/Model.tsx";
import { Results } from "./Results.tsx";
import { titled } from "./title.ts";

export default function StoryPage({ profile }: { profile: Profile }) {
  const [title, rest] = titled(profile.story, s.story.title);
  return (
    <>
      <Header>{null}</Header>
      <main className="wide:grid-cols-[minmax(0,40rem)_21rem] mx-auto grid max-w-2xl gap-x-20 gap-y-10 px-4 pt-10 pb-24 sm:px-6 sm:pt-16 wide:max-w-6xl">
        <article>
          <TokenFish rows={7} className="h-auto w-40" />
          <h1 className="mt-8 font-serif text-4xl leading-[1.08] tracking-tight sm:text-5xl">{title}</h1>
          <p className="text-quiet mt-3 text-base sm:text-lg">{profile.headline}</p>
          <div className="prose mt-8 font-serif text-[1.1875rem] leading-[1.7]">
            <Markdown text={rest} />
          </div>
          <Results model={profile.model} />
        </article>
        <aside aria-label={s.model.title} className="wide:mt-[11.5rem]">
          <h2 className="text-quiet border-line border-b pb-2 text-sm font-medium">{s.model.title}</h2>
          <div className="mt-4">
            <ModelFigures model={profile.model} />
          </div>
        </aside>
      </main>
    </>
  );
}
