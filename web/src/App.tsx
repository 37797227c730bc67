import { lazy, Suspense, useEffect } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import { ChatPage } from "./chat/ChatPage.tsx";
import { useChat } from "./chat/useChat.ts";
import { Waking } from "./chat/Waking.tsx";
import { StoryPage } from "./story/StoryPage.tsx";
import { s } from "./strings.ts";
import { Header } from "./ui/Header.tsx";
import { useServer } from "./useServer.ts";

const InsidePage = lazy(() => import("./inside/InsidePage.tsx"));
const INSIDE = "/inside";

export function App() {
  const server = useServer();
  const chat = useChat(server.awake);
  const { profile } = server;
  const [here] = useLocation();

  useEffect(() => {
    const title =
      { "/story": s.story.title, [INSIDE]: s.inside.title }[here] ?? (profile && s.chat.title(profile.name));
    if (title) document.title = `${title} · ${s.product}`;
  }, [profile, here]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new page begins at its top
  useEffect(() => {
    scrollTo(0, 0); // not returned: in new browsers it is a promise, which React would take for a clean-up
  }, [here]);

  // Alive before the server is: it has recorded examples.
  if (here === INSIDE) {
    return (
      <Suspense fallback={<Header>{null}</Header>}>
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
      <Route path="/story">
        <StoryPage profile={profile} />
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
