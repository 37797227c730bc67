/** Where this site lies, and whether a server answers for it or the browser itself (`fischgpt export site`). */

export const inBrowser =
  typeof document !== "undefined" && document.querySelector("meta[name=fischgpt-server]") !== null;

const script: string = import.meta.url; // ROOT/assets/index-….js

/** The address of the site's folder, with a slash at its end: a static host may have it anywhere. */
export const root = new URL("..", script);
