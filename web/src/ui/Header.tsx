import type { ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { s } from "../strings.ts";
import { Mark } from "./Fish.tsx";
import { Icon } from "./icons.tsx";
import { useTheme } from "./theme.ts";

const PAGES = [
  ["/", s.nav.chat],
  ["/story", s.nav.story],
  ["/learn", s.nav.learn],
] as const;

/** The bar on every page; `children` are the page's own tools. Where its links do not fit they are in a menu. */
export function Header({ children }: { children: ReactNode }) {
  const [theme, toggle] = useTheme();
  return (
    <header className="border-line bg-water/95 sticky top-0 z-20 border-b backdrop-blur-sm print:hidden">
      <div className="flex h-14 items-center gap-1 px-3 sm:px-5">
        <Link
          href="/"
          aria-label={s.nav.home}
          className="mr-auto flex items-center gap-2.5 rounded-lg lg:mr-4"
        >
          <Mark className="size-8" />
          <span className="font-serif text-lg tracking-tight max-[26rem]:sr-only">{s.product}</span>
        </Link>
        <nav aria-label={s.nav.label} className="mr-auto hidden lg:flex">
          <Tabs />
        </nav>
        {children}
        <button
          type="button"
          className="tool"
          onClick={toggle}
          aria-label={theme === "dark" ? s.theme.toLight : s.theme.toDark}
        >
          <Icon name={theme === "dark" ? "sun" : "moon"} />
        </button>
        <button
          type="button"
          popoverTarget="menu"
          className="tool lg:hidden"
          aria-label={s.nav.menu}
          title={s.nav.menu}
        >
          <Icon name="menu" />
        </button>
        <nav
          id="menu"
          popover="auto"
          aria-label={s.nav.label}
          className="border-line bg-paper text-ink inset-auto top-15 right-3 w-56 flex-col rounded-2xl border p-2 shadow-xl shadow-black/10 open:flex lg:hidden"
        >
          <Tabs />
        </nav>
      </div>
    </header>
  );
}

function Tabs() {
  const [here] = useLocation();
  return PAGES.map(([href, name]) => (
    <Link
      key={href}
      href={href}
      aria-current={here === href ? "page" : undefined}
      className="text-quiet hover:text-ink aria-[current]:text-ink aria-[current]:decoration-fish rounded-lg px-2.5 py-2 text-[0.9375rem] underline decoration-transparent decoration-2 underline-offset-[0.45rem] transition-colors max-lg:py-3 aria-[current]:font-medium"
    >
      {name}
    </Link>
  ));
}
