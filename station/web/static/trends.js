// Trends: every chart as strips side by side on one scale, the same figures as a table, and as a file.

import { ceiling, chart, digitsOf } from "./charts.js";
import { _, number, percent, told, when } from "./words.js";

const at = (id) => document.getElementById(id);
const EVERY_MS = 30_000;
const BINS = 10;
const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
const DAY = { month: "short", day: "numeric", ...CLOCK };
let shown = 0;

const question = () => new URLSearchParams(new FormData(at("asked"))).toString();

/** When each slot begins, in words; the last is the end. */
function moments({ from_utc, step_s, steps }) {
  const choices = step_s * steps > 86_400 ? DAY : CLOCK;
  return Array.from({ length: steps + 1 }, (_none, n) => when(new Date(Date.parse(from_utc) + n * step_s * 1000).toISOString(), choices));
}

const shares = Array.from({ length: BINS + 1 }, (_none, n) => (n / BINS).toLocaleString(document.documentElement.lang, { style: "percent" }));

function strip({ kind, unit, slots, top }, { name, values }) {
  const figure = document.createElement("figure");
  const known = values.filter((value) => value !== null);
  const last = values.findLast((value) => value !== null);
  const sum = kind === "bars" ? known.reduce((a, b) => a + b, 0) : last;
  const said = sum === undefined ? "–" : `${number(sum, kind === "bars" && Number.isInteger(sum) ? 0 : digitsOf(top))} ${unit}`.trim();
  const caption = document.createElement("figcaption");
  caption.append(Object.assign(document.createElement("span"), { textContent: told(name) }), Object.assign(document.createElement("b"), { textContent: said }));
  const words = kind === "bars" ? _("{name}: {sum} in all", { name: told(name), sum: said }) : _("{name}: {last} last", { name: told(name), last: said });
  figure.append(caption, chart({ kind, values, top, ends: [slots[0], slots.at(-1)], words }));
  return figure;
}

function fillTable(table, { unit, strips, slots, kind }, isShares) {
  const cell = (text) => Object.assign(document.createElement("th"), { textContent: text, scope: "col" });
  table.tHead.rows[0].replaceChildren(cell(isShares ? _("Confidence from") : _("From")), ...strips.map(({ name }) => cell(unit ? `${told(name)}, ${unit}` : told(name))));
  table.tBodies[0].replaceChildren(...slots.slice(0, -1).map((moment, n) => {
    const row = document.createElement("tr");
    row.append(Object.assign(document.createElement("th"), { textContent: moment, scope: "row" }));
    for (const { values } of strips) row.insertCell().textContent = values[n] === null ? "–" : number(values[n], kind === "bars" && Number.isInteger(values[n]) ? 0 : 2);
    return row;
  }));
}

function section(found, times) {
  const { id, title, unit, kind, strips } = found;
  const card = at("chart").content.cloneNode(true).firstElementChild;
  const slots = found.shares ? shares : times;
  const largest = Math.max(0, ...strips.flatMap(({ values }) => values.filter((value) => value !== null)));
  const ownScale = id === "camera";
  card.id = id;
  card.querySelector("h2").textContent = told(title);
  card.querySelector(".strips").append(...strips.map((each) => strip({ kind, unit, slots, top: ceiling(ownScale ? Math.max(0, ...each.values.filter((value) => value !== null)) : largest) }, each)));
  card.querySelector(".scroll").setAttribute("aria-label", _("Figures: {title}", { title: told(title) }));
  fillTable(card.querySelector("table"), { unit, strips, slots, kind }, found.shares);
  card.querySelector(".csv").href = `/api/trends/${id}.csv?${question()}`;
  card.querySelector("details").open = at(id)?.querySelector("details").open ?? false;
  return card;
}

async function show() {
  clearTimeout(shown);
  const asked = question();
  try {
    const answer = await fetch(`/api/trends?${asked}`, { signal: AbortSignal.timeout(20_000) });
    const found = await answer.json();
    if (asked !== question()) return;
    const nothing = answer.ok && found.charts.length === 0 ? _("Nothing was kept of that time. Figures come in a minute after the line starts.") : "";
    at("answer").textContent = answer.ok ? nothing : told(found.refusal);
    at("charts").replaceChildren(...(answer.ok ? found.charts.map((each) => section(each, moments(found))) : []));
  } catch {
    at("answer").textContent = _("The station does not answer. Try again in a moment.");
  }
  shown = setTimeout(show, EVERY_MS);
}

async function showBatches() {
  const answer = await fetch("/api/batches");
  if (!answer.ok) return;
  const { batches } = await answer.json();
  at("which").querySelector("select").replaceChildren(...batches.map(({ id }) => new Option(id, id)));
}

at("asked").addEventListener("change", ({ target }) => {
  at("which").hidden = at("asked").elements.span.value !== "batch";
  history.replaceState(null, "", `?${question()}`);
  if (target) show();
});

const wished = new URLSearchParams(location.search).get("span");
for (const choice of at("asked").elements.span) choice.checked = wished ? choice.value === wished : choice.checked;
at("which").hidden = at("asked").elements.span.value !== "batch";
await showBatches();
show();
