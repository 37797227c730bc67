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
  ["/inside", s.nav.inside],
] as const;

/** The bar on every page; `children` are the page's own tools. */
export function Header({ children }: { children: ReactNode }) {
  const [theme, toggle] = useTheme();
  return (
    <header className="border-line bg-water/95 sticky top-0 z-20 border-b backdrop-blur-sm print:hidden">
      <div className="flex h-14 items-center gap-1 px-3 sm:px-5">
        <Link href="/" aria-label={s.nav.home} className="mr-1 flex items-center gap-2.5 rounded-lg md:mr-4">
          <Mark className="size-8" />
          <span className="font-serif text-lg tracking-tight max-[26rem]:sr-only">{s.product}</span>
        </Link>
        <nav aria-label={s.nav.label} className="mr-auto">
          <ul className="hidden md:flex">
            {PAGES.map(([href, name]) => (
              <li key={href}>
                <Tab href={href}>{name}</Tab>
              </li>
            ))}
          </ul>
          <Menu />
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
      </div>
    </header>
  );
}

function Tab({ href, children }: { href: string; children: ReactNode }) {
  const [here] = useLocation();
  return (
    <Link
      href={href}
      aria-current={here === href ? "page" : undefined}
      className="text-quiet hover:text-ink aria-[current]:text-ink aria-[current]:decoration-fish rounded-lg px-2.5 py-2 text-[0.9375rem] underline decoration-transparent decoration-2 underline-offset-[0.45rem] transition-colors aria-[current]:font-medium"
    >
      {children}
    </Link>
  );
}

/** The pages on a narrow screen, where they do not fit beside the tools. The browser's own popover. */
function Menu() {
  const [here] = useLocation();
  const name = PAGES.find(([href]) => href === here)?.[1] ?? s.nav.label;
  return (
    <>
      <button
        type="button"
        popoverTarget="pages"
        aria-label={s.nav.menu(name)}
        className="hover:bg-sunk flex h-10 items-center gap-1 rounded-full pr-1.5 pl-3 text-[0.9375rem] font-medium md:hidden"
      >
        {name}
        <Icon name="more" />
      </button>
      <ul
        id="pages"
        popover="auto"
        className="border-line bg-paper text-ink inset-auto top-15 left-3 w-52 rounded-2xl border p-2 shadow-xl shadow-black/10"
      >
        {PAGES.map(([href, page]) => (
          <li key={href}>
            <Link
              href={href}
              aria-current={here === href ? "page" : undefined}
              className="hover:bg-sunk aria-[current]:text-fish flex min-h-11 items-center rounded-xl px-3 aria-[current]:font-medium"
            >
              {page}
            </Link>
          </li>
        ))}
      </ul>
    </>
  );
}
