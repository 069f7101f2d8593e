// Charts as scalable pictures: bars or a line for one row of values, with its scale. No colour carries a meaning.

import { number } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 320;
const HEIGHT = 96;
const TOP = 14;
const BASE = 78;

function draw(name, attributes, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

/** The next of 1, 2, 5, 10, ... at or above the largest value: the top of the scale. */
export function ceiling(largest) {
  if (!(largest > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(largest));
  return [1, 2, 5, 10].map((n) => n * power).find((top) => top >= largest * (1 - 1e-9));
}

export const digitsOf = (top) => (top >= 20 ? 0 : top >= 2 ? 1 : 2);
const said = (top) => number(top, Number.isInteger(top) ? 0 : 2);

function bars(values, top) {
  const step = WIDTH / values.length;
  return values.flatMap((value, n) => {
    if (!value) return [];
    const height = Math.max(1, (value / top) * (BASE - TOP));
    return [draw("rect", { x: n * step + step * 0.1, y: BASE - height, width: Math.max(0.5, step * 0.8), height, class: "bar" })];
  });
}

/** A gap where nothing is known; a single value between gaps is a dot. */
function line(values, top) {
  const place = (value, n) => `${((n + 0.5) * WIDTH) / values.length},${BASE - (value / top) * (BASE - TOP)}`;
  const runs = [[]];
  values.forEach((value, n) => (value === null ? runs.push([]) : runs.at(-1).push(place(value, n))));
  return runs.filter((run) => run.length > 0).map((run) => {
    const [cx, cy] = run[0].split(",");
    return run.length > 1 ? draw("polyline", { points: run.join(" "), class: "line" }) : draw("circle", { cx, cy, r: 2.5, class: "dot" });
  });
}

/** `values` may hold null; `top` is the top of the scale, `ends` are the words at both ends of the axis. */
export function chart({ kind, values, top, ends, words }) {
  const picture = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words, class: "chart" });
  picture.append(
    draw("line", { x1: 0, x2: WIDTH, y1: TOP, y2: TOP, class: "scale" }),
    ...(kind === "bars" ? bars : line)(values, top),
    draw("line", { x1: 0, x2: WIDTH, y1: BASE, y2: BASE, class: "axis" }),
    draw("text", { x: 0, y: TOP - 3 }, said(top)),
    draw("text", { x: 0, y: HEIGHT - 4 }, ends[0]),
    draw("text", { x: WIDTH, y: HEIGHT - 4, "text-anchor": "end" }, ends[1]),
  );
  return picture;
}
