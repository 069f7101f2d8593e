// The one long work beside the line: asked for, watched, stopped, by whichever page shows it.

import { ask } from "./live.js";
import { _, told } from "./words.js";

const EVERY_MS = 1000;
const at = (id) => document.getElementById(id);
const WORKS = { evaluate: _("Measuring"), replay: _("Replaying"), "what-if": _("Trying") };

export async function get(path) {
  const answer = await fetch(path, { cache: "no-store" });
  const found = await answer.json();
  if (!answer.ok) throw new Error(told(found.refusal));
  return found;
}

/** For work that takes seconds: resolves to the answer, rejects with the sentence of a refusal. */
export async function order(path, body, method = "POST") {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(path, { method, headers, body: body === null ? undefined : JSON.stringify(body), signal: AbortSignal.timeout(120_000) });
  const found = await answer.json();
  if (!answer.ok || found.taken === false) throw new Error(told(found.refusal));
  return found;
}

function showState({ work, subject, progress, running, refusal }) {
  const { done, of } = progress;
  at("progress").hidden = at("stop").hidden = !running;
  if (of > 0) Object.assign(at("progress"), { max: of, value: done });
  else at("progress").removeAttribute("value");
  at("errand").textContent = running ? _("{work}: {subject}. It gives way to the line and may take a while.", { work: WORKS[work] ?? work, subject }) : told(refusal);
}

/** Follows what runs now; calls ended(work, subject) once it has. */
export async function follow(ended) {
  for (let wasRunning = false; ; ) {
    try {
      const { errand } = await get("/api/errand");
      if (errand !== null) {
        if (errand.running || wasRunning) showState(errand);
        if (wasRunning && !errand.running) ended(errand.work, errand.subject, errand.refusal);
        wasRunning = errand.running;
      }
    } catch (error) {
      at("errand").textContent = error.message;
    }
    await new Promise((done) => setTimeout(done, EVERY_MS));
  }
}

at("stop").addEventListener("click", () => ask("/api/errand", null, "DELETE"));

/** An element with a text and a class. */
export function part(kind, words = "", name = "") {
  const found = document.createElement(kind);
  if (name) found.className = name;
  found.textContent = words;
  return found;
}

/** A table of texts; columns whose title begins with # hold numbers. */
export function table(titles, rows, name = "found-table") {
  const found = part("table", "", name);
  const head = found.createTHead().insertRow();
  for (const title of titles) {
    const cell = part("th", title.replace(/^#/, ""), title.startsWith("#") ? "n" : "");
    cell.scope = "col";
    head.append(cell);
  }
  const body = found.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    row.forEach((text, n) => line.append(part("td", text, titles[n].startsWith("#") ? "n" : "")));
  }
  const scroll = part("div", "", "scroll");
  scroll.tabIndex = 0;
  scroll.append(found);
  return scroll;
}

export const percent = (share, digits = 0) => (share === null || share === undefined ? "–" : `${(100 * share).toFixed(digits)} %`);
