// What each step draws over the live picture, and what it shows beyond its figures.

import { _, told as inWords } from "./words.js";

const LONGER = 50;
const at = (id) => document.getElementById(id);
const setText = (element, text) => {
  if (element && element.textContent !== text) element.textContent = text;
};

function camera({ told }) {
  return told.dirt.map(([x, y, width, height]) => ["rect", { x, y, width, height, class: "spot" }]);
}

function board({ told }) {
  setText(at("sights"), told.sights.first && !told.misfits.length ? _("The first picture is taken: turn the belt on, then take the second.") : "");
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
  const most = Math.max(0.5, ...told.off_mm.map(Math.abs));
  const x = (n) => 10 + (580 * n) / Math.max(1, told.off_mm.length - 1);
  const y = (value) => 60 - (45 * value) / most;
  const parts = [["line", { x1: 10, x2: 590, y1: 60, y2: 60 }], ["text", { x: 12, y: 16 }, `+${most.toFixed(1)} mm`], ["text", { x: 12, y: 114 }, `−${most.toFixed(1)} mm`]];
  if (told.off_mm.length) parts.push(["path", { d: told.off_mm.map((value, n) => `${n ? "L" : "M"}${x(n).toFixed(1)} ${y(value).toFixed(1)}`).join("") }]);
  write(at("parting"), JSON.stringify(told.off_mm), parts);
  return [];
}

function write(chart, key, parts) {
  if (chart.dataset.key === key) return;
  chart.dataset.key = key;
  chart.replaceChildren(...parts.map(([name, attributes, text = ""]) => {
    const part = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [word, value] of Object.entries(attributes)) part.setAttribute(word, value);
    part.textContent = text;
    return part;
  }));
}

function ejectors({ told }) {
  at("moved").hidden = told.last.length === 0;
  if (told.last.length) setText(at("moved-which"), told.last.length > 1 ? _("Did all {n} move, in order?", { n: told.last.length }) : _("Did ejector {n} move?", { n: document.querySelector(`[data-fire="${told.last[0]}"]`).dataset.name }));
  const shots = Object.fromEntries(told.shots.map((shot) => [shot.output, shot]));
  for (const lane of document.querySelectorAll("[data-lane]")) {
    const moved = told.moved[lane.dataset.lane];
    const shot = shots[lane.dataset.lane];
    setText(lane, moved === true ? _("✓ moved") : moved === false ? _("! did not") : shot ? _(shot.result) : _("not yet"));
  }
  return [];
}

const HIGH = { hit: 40, miss: 100 };

function timing({ told }) {
  const list = at("hit-list");
  at("hits").hidden = told.waiting.length === 0;
  const key = JSON.stringify(told.waiting);
  if (list.dataset.key !== key) {
    list.dataset.key = key;
    list.replaceChildren(...told.waiting.map((piece, n) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-pressed", "false");
      button.append(String(n + 1), Object.assign(document.createElement("small"), { textContent: _("missed") }));
      button.addEventListener("click", () => markHit(button, button.getAttribute("aria-pressed") !== "true"));
      return button;
    }));
  }
  const x = (offset) => 300 + offset * 4;
  write(at("hit-chart"), JSON.stringify(told.shots), [
    ["line", { x1: 20, x2: 580, y1: 125, y2: 125 }],
    ["line", { x1: 300, x2: 300, y1: 20, y2: 125 }],
    ["text", { x: 20, y: 146 }, _("70 mm before the piece")],
    ["text", { x: 580, y: 146, "text-anchor": "end" }, _("70 mm behind the piece")],
    ["text", { x: 20, y: HIGH.hit + 5 }, _("hit")],
    ["text", { x: 20, y: HIGH.miss + 5 }, _("missed")],
    ...told.shots.map(([offset, , hit]) => [hit ? "circle" : "path", hit ? { cx: x(offset), cy: HIGH.hit, r: 7, class: "hit" } : { d: `M${x(offset) - 6} ${HIGH.miss - 6}l12 12m0-12l-12 12` }]),
  ]);
  return [];
}

export function markHit(button, isHit) {
  button.setAttribute("aria-pressed", String(isHit));
  button.lastElementChild.textContent = isHit ? _("✓ hit") : _("missed");
}

function rows(body, key, cells) {
  if (body.dataset.key === key) return;
  body.dataset.key = key;
  body.replaceChildren(...cells.map((texts) => {
    const row = document.createElement("tr");
    for (const text of texts) row.insertCell().textContent = text;
    return row;
  }));
}

function model({ told }) {
  const title = (label) => document.querySelector(`[data-panel="model"] option[value="${label}"]`)?.textContent ?? label;
  rows(at("seen"), JSON.stringify(told.seen), told.seen.map(([is, said, n]) => [title(is), `${is === said ? "✓" : "!"} ${title(said)}`, String(n)]));
  return [];
}

function report({ told }) {
  const list = at("channels");
  const key = JSON.stringify(told.channels);
  if (list.dataset.key === key) return [];
  list.dataset.key = key;
  list.replaceChildren(...told.channels.map(({ name, sentence }) => Object.assign(document.createElement("li"), { textContent: `${name}: ${inWords(sentence)}` })));
  return [];
}

/** By step: (what the station told of it, everything it told) -> marks over the picture as [name, attributes]. */
export const panels = { camera, board, encoder, speed, ejectors, timing, model, report };
