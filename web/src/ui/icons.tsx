/** The few icons the site needs, drawn on a 20 x 20 grid; an icon library would be a 51 MB download for them. */
const PATHS = {
  send: "M10 16V4m0 0L5 9m5-5 5 5",
  copy: "M7 7V4.5A1.5 1.5 0 0 1 8.5 3h7A1.5 1.5 0 0 1 17 4.5v7a1.5 1.5 0 0 1-1.5 1.5H13M4.5 7h7A1.5 1.5 0 0 1 13 8.5v7a1.5 1.5 0 0 1-1.5 1.5h-7A1.5 1.5 0 0 1 3 15.5v-7A1.5 1.5 0 0 1 4.5 7Z",
  check: "m4 10.5 4 4 8-9",
  xray: "M3.5 7V5A1.5 1.5 0 0 1 5 3.5h2M13 3.5h2A1.5 1.5 0 0 1 16.5 5v2m0 6v2a1.5 1.5 0 0 1-1.5 1.5h-2m-6 0H5A1.5 1.5 0 0 1 3.5 15v-2M6.5 8h7m-7 4h4",
  again: "M16.5 10a6.5 6.5 0 1 1-2-4.7M16.5 2.5v3.3h-3.3",
  edit: "M12.5 4.5 15.5 7.5 7 16H4v-3l8.5-8.5Z",
  left: "m12 5-5 5 5 5",
  right: "m8 5 5 5-5 5",
  down: "M10 4v12m0 0 5-5m-5 5-5-5",
  more: "m6 8.5 4 4 4-4",
  close: "m5 5 10 10M15 5 5 15",
  fresh: "M10 4v12M4 10h12",
  resume:
    "M6 3h6l3.5 3.5v10a.5.5 0 0 1-.5.5H6a1.5 1.5 0 0 1-1.5-1.5v-11A1.5 1.5 0 0 1 6 3Zm1.5 6.5h5m-5 3.5h5m-5-7h2",
  file: "M10 3v9m0 0 3.5-3.5M10 12 6.5 8.5M4 14.5v1A1.5 1.5 0 0 0 5.5 17h9a1.5 1.5 0 0 0 1.5-1.5v-1",
  model: "M10 3 3 6.5l7 3.5 7-3.5L10 3ZM3 10l7 3.5 7-3.5M3 13.5 10 17l7-3.5",
  up: "M7 9v7H4.5A1.5 1.5 0 0 1 3 14.5v-4A1.5 1.5 0 0 1 4.5 9H7Zm0 0 2.8-6.2c1 0 1.9.8 1.9 1.9V7.5h3.700a1.6 1.6 0 0 1 1.6 1.9l-1 5.300A1.6 1.6 0 0 1 14.400 16H7",
  play: "M6.5 4.2v11.6L16 10 6.5 4.2Z",
  pause: "M7 4.5v11m6-11v11",
  sun: "M10 6.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7ZM10 2v1.5m0 13V18M2 10h1.5m13 0H18M4.3 4.3l1.1 1.1m9.2 9.2 1.1 1.1m0-11.4-1.1 1.1m-9.2 9.2-1.1 1.1",
  moon: "M16.5 12A7 7 0 0 1 8 3.5a7 7 0 1 0 8.5 8.5Z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg
      aria-hidden="true"
      viewBox="0 0 20 20"
      className="size-5 shrink-0 fill-none stroke-current stroke-[1.6]"
    >
      <path d={PATHS[name]} strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}
