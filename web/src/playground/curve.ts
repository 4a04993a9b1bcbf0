// A bundle's learning curve as a small drawing: training and validation accuracy (or loss) by step.

import type { CurvePoint } from "../api";
import { svg } from "../shell/dom";

const WIDTH = 520;
const HEIGHT = 190;
const LEFT = 46;
const RIGHT = 12;
const TOP = 14;
const BOTTOM = 30;

export interface Line {
  name: string;
  points: [number, number][];
}

/** The columns that are drawn together: accuracies when the curve has any, else losses. */
export function linesOf(curve: CurvePoint[]): { title: string; step: string; lines: Line[] } {
  const columns = [...new Set(curve.flatMap((row) => Object.keys(row)))];
  const step = columns.find((column) => column === "step") ?? columns.find((column) => /step|epoch|token/.test(column)) ?? "";
  const measure = ["accuracy", "loss"].find((word) => columns.some((column) => column.includes(word)));
  const chosen = measure ? columns.filter((column) => column.includes(measure)) : [];
  const lines = chosen.map((name) => ({
    name: name.replaceAll("_", " "),
    points: curve.flatMap((row, i): [number, number][] => {
      const y = row[name];
      return y === undefined || !Number.isFinite(y) ? [] : [[row[step] ?? i, y]];
    }),
  }));
  return { title: measure ?? "", step, lines: lines.filter((line) => line.points.length > 1) };
}

/** About four round numbers between two bounds. */
export function ticks(low: number, high: number): number[] {
  const span = high - low || 1;
  const raw = span / 4;
  const power = 10 ** Math.floor(Math.log10(raw));
  const size = ([1, 2, 5, 10].find((factor) => factor * power >= raw) ?? 10) * power;
  const found: number[] = [];
  for (let i = Math.ceil(low / size); i * size <= high + size * 1e-9; i++) found.push(i * size);
  return found;
}

function short(value: number): string {
  if (Math.abs(value) >= 1e6) return `${Number((value / 1e6).toPrecision(3))} M`;
  if (Math.abs(value) >= 1e3) return `${Number((value / 1e3).toPrecision(3))} k`;
  return String(Number(value.toPrecision(3)));
}

/** Draw a curve; undefined when there is nothing to draw. */
export function drawCurve(curve: CurvePoint[]): SVGElement | undefined {
  const { title, step, lines } = linesOf(curve);
  const all = lines.flatMap((line) => line.points);
  if (all.length === 0) return undefined;
  const xs = all.map(([x]) => x);
  const ys = all.map(([, y]) => y);
  const [x0, x1] = [Math.min(...xs), Math.max(...xs)];
  const [y0, y1] = [Math.min(...ys), Math.max(...ys)];
  const x = (value: number): number => LEFT + ((value - x0) / (x1 - x0 || 1)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number): number => HEIGHT - BOTTOM - ((value - y0) / (y1 - y0 || 1)) * (HEIGHT - TOP - BOTTOM);

  const drawing = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    class: "curve",
    role: "img",
    "aria-label": `${title} by ${step || "row"}, from ${short(ys[0] ?? 0)} to ${short(ys.at(-1) ?? 0)}`,
  });
  for (const tick of ticks(y0, y1))
    drawing.append(
      svg("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(tick), y2: y(tick), class: "curve-grid" }),
      svg("text", { x: LEFT - 6, y: y(tick) + 4, "text-anchor": "end" }, short(tick)),
    );
  for (const tick of ticks(x0, x1))
    drawing.append(svg("text", { x: x(tick), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" }, short(tick)));
  lines.forEach((line, i) => {
    const points = line.points.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`).join(" ");
    drawing.append(svg("polyline", { points, class: `curve-line curve-line-${i % 4}` }));
  });
  return drawing;
}

/** The lines' names in their colours. */
export function legendOf(curve: CurvePoint[]): string[] {
  return linesOf(curve).lines.map((line) => line.name);
}
