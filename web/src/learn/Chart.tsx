/**
 * A line chart as SVG, drawn at the width it has so that its letters keep their size.
 *
 * Our own, and not uPlot: these few lines are 2 KB compressed and uPlot 24, and an SVG prints, follows the theme and
 * needs no canvas.
 */
import { type PointerEvent, type ReactNode, useId, useLayoutEffect, useState } from "react";
import { short } from "../numbers.ts";
import type { Point } from "./moments.ts";
import { extent, linear, type Scale } from "./scale.ts";
import { w } from "./strings.ts";

export type Line = {
  name: string;
  points: Point[];
  look: "thin" | "bold" | "dots";
  /** Half the length of each point's error bar. */
  errors?: number[];
};
export type Level = { y: number; label: string };
export type Band = { from: number; to: number; label: string };

type Props = {
  title: string;
  /** What a screen reader hears instead of the drawing. */
  summary: string;
  lines: Line[];
  levels?: Level[];
  bands?: Band[];
  /** Where a vertical line stands. */
  marker?: number | null;
  onPick?: (x: number) => void;
  domain: [number, number];
  format?: (y: number) => string;
  small?: boolean;
  children?: ReactNode;
};

const LEFT = 46;
const RIGHT = 12;
const TOP = 22;
const BOTTOM = 46;
const MAX_DOTS = 40; // measured points that are marked one by one
const LOOKS = {
  thin: "stroke-edge stroke-1",
  bold: "stroke-fish stroke-2",
  dots: "stroke-fish stroke-2",
};

export function Chart(props: Props) {
  const { title, summary, lines, bands = [], levels = [], domain, format = short, small = false } = props;
  const [width, scale, box] = useWidth();
  const [hover, setHover] = useState<number | null>(null);
  const clip = useId();
  const height = small ? 190 : width < 520 ? 270 : 340;
  const values = lines.flatMap(({ points, errors }) =>
    points.flatMap(({ y }, at) => [y - (errors?.[at] ?? 0), y + (errors?.[at] ?? 0)]),
  );
  const x = linear(domain, [LEFT, width - RIGHT], width < 520 ? 4 : 8);
  const y = linear(
    extent([...values, ...levels.map((level) => level.y)], 0.06),
    [height - BOTTOM, TOP],
    small ? 3 : 7,
  );
  const legend = small
    ? []
    : lines.filter((one, at) => lines.findIndex((line) => line.name === one.name) === at);
  const valueAt = (event: PointerEvent<SVGSVGElement>) => {
    const at =
      ((event.clientX - event.currentTarget.getBoundingClientRect().left) / scale - LEFT) /
      (width - LEFT - RIGHT);
    return domain[0] + Math.min(1, Math.max(0, at)) * (domain[1] - domain[0]);
  };
  return (
    <figure className="mt-6">
      <figcaption className="flex flex-wrap items-baseline gap-x-4 gap-y-1">
        <span className="font-semibold">{title}</span>
        {legend.length > 1 &&
          legend.map((line) => (
            <span key={line.name} className="text-quiet flex items-center gap-1.5 text-sm">
              <svg aria-hidden="true" width="18" height="8">
                <line x1="0" x2="18" y1="4" y2="4" className={LOOKS[line.look]} />
              </svg>
              {line.name}
            </span>
          ))}
        {props.children}
      </figcaption>
      <div ref={box} style={{ height: height * scale }} className="mt-2">
        {width > 0 && (
          <svg
            role="img"
            aria-label={[title, summary].filter(Boolean).join(": ")}
            width={width * scale}
            height={height * scale}
            viewBox={`0 0 ${width} ${height}`}
            className={`block overflow-visible ${props.onPick ? "cursor-pointer" : ""}`}
            onPointerMove={(event) => setHover(valueAt(event))}
            onPointerLeave={() => setHover(null)}
            onPointerDown={(event) => props.onPick?.(valueAt(event))}
          >
            <clipPath id={clip}>
              <rect x={LEFT} y={0} width={width - LEFT - RIGHT} height={height} />
            </clipPath>
            {bands.map((band) => (
              <g key={band.label}>
                <rect
                  x={x(band.from)}
                  y={TOP - 18}
                  width={Math.max(0, x(band.to) - x(band.from))}
                  height={height - BOTTOM - TOP + 18}
                  className="fill-sunk/60"
                />
              </g>
            ))}
            <Axes x={x} y={y} width={width} height={height} format={format} />
            {props.marker != null && (
              <line
                x1={x(props.marker)}
                x2={x(props.marker)}
                y1={TOP - 4}
                y2={height - BOTTOM}
                className="stroke-ink/70 stroke-1"
              />
            )}
            {props.marker != null && <circle cx={x(props.marker)} cy={TOP - 4} r="4" className="fill-ink" />}
            {bands.map((band) => (
              <text
                key={band.label}
                x={(x(band.from) + x(band.to)) / 2}
                y={TOP - 5}
                textAnchor="middle"
                className="fill-quiet text-[12px]"
              >
                {x(band.to) - x(band.from) > 64 ? band.label : ""}
              </text>
            ))}
            {levels.map((level) => {
              // Its name stands at the end that the curve is further away from.
              const own = lines[0]?.points ?? [];
              const [first, last] = [own[0], own.at(-1)].map((p) => Math.abs((p?.y ?? 0) - level.y));
              const atLeft = (first ?? 0) > (last ?? 0);
              return (
                <g key={level.label}>
                  <line
                    x1={LEFT}
                    x2={width - RIGHT}
                    y1={y(level.y)}
                    y2={y(level.y)}
                    className="stroke-quiet stroke-1 [stroke-dasharray:5_4]"
                  />
                  <text
                    x={atLeft ? LEFT + 6 : width - RIGHT - 2}
                    y={y(level.y) - 6}
                    textAnchor={atLeft ? "start" : "end"}
                    className="fill-quiet stroke-water text-[12px] stroke-4 [paint-order:stroke]"
                  >
                    {level.label}
                  </text>
                </g>
              );
            })}
            <g clipPath={`url(#${clip})`}>
              {lines.map((line) => (
                <Drawn key={line.name + line.points[0]?.x} line={line} x={x} y={y} />
              ))}
            </g>
            {hover !== null && (
              <line
                x1={x(hover)}
                x2={x(hover)}
                y1={TOP}
                y2={height - BOTTOM}
                className="stroke-edge stroke-1 [stroke-dasharray:2_3]"
              />
            )}
          </svg>
        )}
      </div>
      <p aria-hidden="true" className="text-quiet min-h-5 truncate text-xs tabular-nums">
        {hover === null ? "" : readout(lines, hover, format)}
      </p>
    </figure>
  );
}

function Drawn({ line, x, y }: { line: Line; x: Scale; y: Scale }) {
  const path = line.points.map((p) => `${x(p.x).toFixed(1)},${y(p.y).toFixed(1)}`).join(" ");
  const few = line.look === "bold" && line.points.length <= MAX_DOTS;
  const radius = line.look === "dots" || line.points.length === 1 ? 3.5 : few ? 2 : 0;
  return (
    <g>
      <polyline points={path} className={`fill-none ${LOOKS[line.look]}`} strokeLinejoin="round" />
      {line.errors &&
        line.points.map((p, at) => (
          <line
            key={p.x}
            x1={x(p.x)}
            x2={x(p.x)}
            y1={y(p.y - (line.errors?.[at] ?? 0))}
            y2={y(p.y + (line.errors?.[at] ?? 0))}
            className="stroke-fish stroke-1"
          />
        ))}
      {radius > 0 &&
        line.points.map((p) => <circle key={p.x} cx={x(p.x)} cy={y(p.y)} r={radius} className="fill-fish" />)}
    </g>
  );
}

type AxesProps = { x: Scale; y: Scale; width: number; height: number; format: (y: number) => string };

function Axes({ x, y, width, height, format }: AxesProps) {
  return (
    <g className="text-[12px] tabular-nums">
      {y.ticks.map((tick) => (
        <g key={tick}>
          <line x1={LEFT} x2={width - RIGHT} y1={y(tick)} y2={y(tick)} className="stroke-line stroke-1" />
          <text x={LEFT - 8} y={y(tick) + 4} textAnchor="end" className="fill-quiet">
            {format(tick)}
          </text>
        </g>
      ))}
      {x.ticks.map((tick) => (
        <text key={tick} x={x(tick)} y={height - BOTTOM + 18} textAnchor="middle" className="fill-quiet">
          {short(tick)}
        </text>
      ))}
      <text x={width - RIGHT} y={height - 6} textAnchor="end" className="fill-quiet">
        {w.axis}
      </text>
    </g>
  );
}

/** The figures at a place: of each line its nearest point. */
function readout(lines: Line[], at: number, format: (y: number) => string): string {
  const near = lines.flatMap(({ name, points }) => {
    const first = points[0];
    const last = points.at(-1);
    if (!first || !last) return [];
    const slack = (last.x - first.x) / 50;
    if (at < first.x - slack || at > last.x + slack) return [];
    const point = points.reduce((a, b) => (Math.abs(b.x - at) < Math.abs(a.x - at) ? b : a));
    return [`${name} ${format(point.y)}`];
  });
  return near.length ? `${short(at)}: ${near.join(", ")}` : "";
}

/** The element's width in sixteenths of the page's letter size, which grows on wide screens; and pixels of one. */
function useWidth(): [width: number, scale: number, (element: HTMLElement | null) => void] {
  const [[width, scale], measured] = useState([0, 1]);
  const [element, setElement] = useState<HTMLElement | null>(null);
  useLayoutEffect(() => {
    if (!element) return;
    const measure = () => {
      const one = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
      const now = Math.floor(element.clientWidth / one);
      measured((before) => (before[0] === now && before[1] === one ? before : [now, one]));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [element]);
  return [width ?? 0, scale ?? 1, setElement];
}
