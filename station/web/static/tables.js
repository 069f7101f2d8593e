// Numbers: cells stand in the page already, only their text changes.

import { when } from "./moments.js";
import { _, locale } from "./words.js";

const at = (id) => document.getElementById(id);
const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });

function put(cell, text) {
  if (cell && cell.textContent !== text) cell.textContent = text;
}

const sum = (counts) => Object.values(counts).reduce((a, b) => a + b, 0);
const mass = (kg) => `${kg < 10 ? kg.toFixed(2) : number.format(kg)} kg`;
const NOTHING = { pieces: 0, cells: {}, outcomes: {}, kg: {} };
const NO_SPAN = { run: "", batch: _("No batch is open."), shift: _("No shift is planned now."), day: "" };
const chosen = { span: "run", isKg: false };
let last = null;

/** The counts of the run, batch, shift or day that is chosen. */
export function showCounts(message) {
  last = message;
  const span = message.spans[chosen.span];
  const { pieces, cells, outcomes, kg } = span ?? NOTHING;
  put(at("pieces"), _("{n} pieces", { n: number.format(pieces) }));
  put(at("span-words"), span ? spanWords(span) : NO_SPAN[chosen.span]);
  for (const cell of document.querySelectorAll("[data-outcome]")) {
    put(cell, number.format(outcomes[cell.dataset.outcome] ?? 0));
  }
  const shown = withTotals(chosen.isKg ? kg : cells);
  for (const row of document.querySelectorAll("#counts tr[data-label]")) showRow(row, shown[row.dataset.label] ?? {});
  const masses = withTotals(kg)["*"];
  for (const cell of document.querySelectorAll("#masses td")) {
    put(cell, mass(cell.dataset.outlet === "*" ? sum(masses) : (masses[cell.dataset.outlet] ?? 0)));
  }
}

function spanWords({ name, since_utc: since }) {
  const began = since ? when.format(new Date(since)) : "";
  return [name, began && _("since {began}", { began })].filter(Boolean).join(", ");
}

/** What is of no class of the model is told as "No class"; "*" are all classes. */
function withTotals(cells) {
  const known = new Set([...document.querySelectorAll("#counts tr[data-label]")].map((row) => row.dataset.label));
  const found = { ...cells, "": {}, "*": {} };
  for (const [label, outlets] of Object.entries(cells)) {
    add(found["*"], outlets);
    if (!known.has(label) || label === "") add(found[""], outlets);
  }
  return found;
}

function add(total, outlets) {
  for (const [outlet, count] of Object.entries(outlets)) total[outlet] = (total[outlet] ?? 0) + count;
}

function showRow(row, outlets) {
  row.hidden = row.dataset.label === "" && sum(outlets) === 0;
  for (const cell of row.querySelectorAll("td")) {
    const value = cell.dataset.outlet === "*" ? sum(outlets) : (outlets[cell.dataset.outlet] ?? 0);
    put(cell, chosen.isKg ? (value === 0 ? "0" : value.toFixed(value < 10 ? 2 : 1)) : number.format(value));
    cell.classList.toggle("zero", value === 0);
  }
}

for (const button of document.querySelectorAll("[data-span]")) {
  button.addEventListener("click", () => {
    chosen.span = button.dataset.span;
    for (const other of document.querySelectorAll("[data-span]")) other.setAttribute("aria-pressed", String(other === button));
    if (last) showCounts(last);
  });
}

document.querySelector("[data-unit]").addEventListener("click", ({ currentTarget }) => {
  chosen.isKg = !chosen.isKg;
  currentTarget.setAttribute("aria-pressed", String(chosen.isKg));
  if (last) showCounts(last);
});

export function showTruth(truth) {
  if (!truth) return;
  const percent = (share) => (share === null ? "–" : `${(share * 100).toFixed(1)} %`);
  for (const row of document.querySelectorAll("#truth tr[data-outlet]")) {
    const found = truth[row.dataset.outlet];
    if (!found) continue;
    put(row.querySelector('[data-what="purity"]'), percent(found.purity));
    put(row.querySelector('[data-what="recovery"]'), percent(found.recovery));
    put(row.querySelector('[data-what="n"]'), number.format(found.n));
  }
}

function recorded(recording) {
  if (!recording) return "–";
  if (recording.stopped) return _("stopped");
  return recording.days_kept === null ? _("yes") : _("yes, {n} days are kept", { n: number.format(recording.days_kept) });
}

export function showFigures({ speed_mm_s: speed, open_pieces: open, performance, recording }) {
  put(at("recorded"), recorded(recording));
  put(at("speed"), speed === null ? "–" : `${(speed / 1000).toFixed(2)} m/s`);
  put(at("open"), open === null ? "–" : number.format(open));
  if (!performance) return;
  put(at("fps"), `${performance.frames_per_s.toFixed(0)} /s`);
  put(at("frame-ms"), `${performance.frame_ms_p50.toFixed(1)} ms, p99 ${performance.frame_ms_p99.toFixed(1)}`);
  put(at("dropped"), number.format(performance.frames_dropped));
}
