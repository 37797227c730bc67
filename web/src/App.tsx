import { Suspense, useEffect } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import type { Profile } from "./api.ts";
import { ChatPage } from "./chat/ChatPage.tsx";
import { useChat } from "./chat/useChat.ts";
import { Waking } from "./chat/Waking.tsx";
import { s } from "./strings.ts";
import { Header } from "./ui/Header.tsx";
import { late } from "./ui/late.tsx";
import { useServer } from "./useServer.ts";

const StoryPage = late(() => import("./story/StoryPage.tsx"));
const LearnPage = late(() => import("./learn/LearnPage.tsx"));
const InsidePage = late(() => import("./inside/InsidePage.tsx"));
const INSIDE = "/inside";

/** Each page's title and description, for the tab, for bookmarks, for search engines that run scripts. */
function said(here: string, profile: Profile | null): [title: string, about: string] | null {
  if (here === INSIDE) return [s.inside.title, s.about.inside];
  if (!profile) return null;
  const { name, model } = profile;
  switch (here) {
    case "/":
      return [s.chat.title(name), s.about.chat(name)];
    case "/story":
      return [s.story.title, s.about.story(name)];
    case "/learn":
      return [s.learn.title, s.about.learn(model.name)];
    default:
      return [s.notFound.title, s.about.chat(name)];
  }
}

export function App() {
  const server = useServer();
  const chat = useChat(server);
  const { profile } = server;
  const [here] = useLocation();

  useEffect(() => {
    const now = said(here, profile);
    if (!now) return;
    const [title, about] = now;
    document.title = `${title} · ${s.product}`;
    document.querySelector("meta[name=description]")?.setAttribute("content", about);
  }, [profile, here]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new page begins at its top
  useEffect(() => {
    scrollTo(0, 0); // not returned: in new browsers it is a promise, which React would take for a clean-up
  }, [here]);

  // Alive before the server is: it has recorded examples.
  if (here === INSIDE) {
    return (
      <Suspense fallback={<Coming />}>
        <InsidePage server={server} profile={profile} />
      </Suspense>
    );
  }
  if (!profile) {
    return (
      <>
        <Header>{null}</Header>
        <main aria-busy="true" className="mx-auto max-w-2xl px-4 pt-8 sm:px-6">
          <h1 className="sr-only">{s.product}</h1>
          {/* Most answers come within a blink: only a wait is worth showing. */}
          <div className="late">
            <Waking readiness={server.readiness} />
          </div>
        </main>
      </>
    );
  }
  return (
    <Switch>
      <Route path="/">
        <ChatPage chat={chat} server={server} profile={profile} />
      </Route>
      <Route path="/learn">
        <Suspense fallback={<Coming />}>
          <LearnPage profile={profile} />
        </Suspense>
      </Route>
      <Route path="/story">
        <Suspense fallback={<Coming />}>
          <StoryPage profile={profile} />
        </Suspense>
      </Route>
      <Route>
        <Header>{null}</Header>
        <main className="mx-auto max-w-2xl px-4 pt-24 sm:px-6">
          <h1 className="font-serif text-4xl tracking-tight">{s.notFound.title}</h1>
          <Link href="/" className="text-fish mt-4 inline-block underline underline-offset-3">
            {s.notFound.back}
          </Link>
        </main>
      </Route>
    </Switch>
  );
}

/** A page whose code is on its way. */
function Coming() {
  return (
    <>
      <Header>{null}</Header>
      <main aria-busy="true" className="min-h-svh">
        <h1 className="sr-only">{s.product}</h1>
      </main>
    </>
  );
}
