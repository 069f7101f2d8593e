// What each step draws over the live picture, and what it shows beyond its figures.

import { _ } from "./words.js";

const LONGER = 50;
const at = (id) => document.getElementById(id);
const setText = (element, text) => {
  if (element && element.textContent !== text) element.textContent = text;
};

function camera({ told }) {
  return told.dirt.map(([x, y, width, height]) => ["rect", { x, y, width, height, class: "spot" }]);
}

function board({ told }) {
  if (told.misfits.length) {
    const far = LONGER / told.mm_per_px;
    return told.misfits.flatMap(([x, y, across, down]) => {
      const line = { x1: x, y1: y, x2: x + across * far, y2: y + down * far };
      return [["line", { ...line, class: "miss-edge" }], ["line", { ...line, class: "miss" }], ["circle", { cx: x, cy: y, r: 5, class: "corner" }]];
    });
  }
  return (told.sights.first ?? []).map(([cx, cy]) => ["circle", { cx, cy, r: 7, class: "corner" }]);
}

function encoder({ told }) {
  const turns = told.turns.map(([ticks, mm], n) => _("Turn {n}: {ticks} ticks over {mm} mm.", { n: n + 1, ticks, mm }));
  const next = told.from === null ? _("Read the count before the turn first.") : _("The count before the turn is {tick}: turn the belt, then read it again.", { tick: told.from });
  setText(at("turns"), [...turns, next].join(" "));
  return [];
}

function speed({ told }) {
  const chart = at("parting");
  const key = JSON.stringify(told.off_mm);
  if (chart.dataset.key === key) return [];
  chart.dataset.key = key;
  const most = Math.max(0.5, ...told.off_mm.map(Math.abs));
  const x = (n) => 10 + (580 * n) / Math.max(1, told.off_mm.length - 1);
  const y = (value) => 60 - (45 * value) / most;
  const parts = [["line", { x1: 10, x2: 590, y1: 60, y2: 60 }], ["text", { x: 12, y: 16 }, `+${most.toFixed(1)} mm`], ["text", { x: 12, y: 114 }, `−${most.toFixed(1)} mm`]];
  if (told.off_mm.length) parts.push(["path", { d: told.off_mm.map((value, n) => `${n ? "L" : "M"}${x(n).toFixed(1)} ${y(value).toFixed(1)}`).join("") }]);
  chart.replaceChildren(...parts.map(([name, attributes, text = ""]) => {
    const part = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [word, value] of Object.entries(attributes)) part.setAttribute(word, value);
    part.textContent = text;
    return part;
  }));
  return [];
}

/** By step: (what the station told of it, everything it told) -> marks over the picture as [name, attributes]. */
export const panels = { camera, board, encoder, speed };
