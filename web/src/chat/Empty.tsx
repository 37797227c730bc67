/** The first screen: who this is about, and questions that it can answer. */
import type { Profile } from "../api.ts";
import { s } from "../strings.ts";
import { TokenFish } from "../ui/Fish.tsx";

export function Empty({ profile, ask }: { profile: Profile; ask: (question: string) => void }) {
  return (
    <div className="appear my-auto py-8 sm:py-12">
      <TokenFish className="h-auto w-48 sm:w-64 [@media(max-height:42rem)]:hidden" />
      <h1 className="mt-8 [@media(max-height:42rem)]:mt-0 font-serif text-4xl leading-[1.08] tracking-tight sm:text-5xl">
        {profile.name}
      </h1>
      <p className="text-quiet mt-3 text-base sm:text-lg">{profile.headline}</p>
      <p className="mt-6 max-w-prose font-serif text-[1.1875rem] leading-relaxed">{profile.greeting}</p>
      <Starters label={s.chat.starters} questions={profile.starters} ask={ask} />
    </div>
  );
}

type StartersProps = { label: string; questions: string[]; ask: (question: string) => void };

export function Starters({ label, questions, ask }: StartersProps) {
  if (questions.length === 0) return null;
  return (
    <div className="mt-7 print:hidden">
      <p className="text-quiet text-sm" id="starters">
        {label}
      </p>
      <ul aria-labelledby="starters" className="mt-2.5 flex flex-wrap gap-2">
        {questions.map((question) => (
          <li key={question}>
            <button type="button" className="chip" onClick={() => ask(question)}>
              {question}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
