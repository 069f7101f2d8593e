// The one long work beside the line: asked for, watched, stopped, by whichever page shows it.

import { ask } from "./live.js";
import { get } from "./tool.js";
import { _, told } from "./words.js";

const EVERY_MS = 1000;
const at = (id) => document.getElementById(id);
const WORKS = { evaluate: _("Measuring"), replay: _("Replaying"), "what-if": _("Trying") };

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
