// Safe mode: one press back to what worked, then the page of the line as soon as it answers.

import { ask } from "./live.js";
import { _, complained, told } from "./words.js";

const at = (id) => document.getElementById(id);

for (const said of document.querySelectorAll("#errors .said")) said.textContent = complained(said.textContent);

async function wait() {
  for (;;) {
    await new Promise((done) => setTimeout(done, 1000));
    try {
      const answer = await fetch("/readyz", { cache: "no-store" });
      if (answer.ok) location.assign("/");
    } catch {
      at("answer").textContent = _("The station is starting with the last good version.");
    }
  }
}

at("back")?.addEventListener("click", async () => {
  const { taken, refusal } = await ask("/api/last-good", {});
  at("answer").textContent = taken ? _("The station is starting with the last good version.") : told(refusal);
  if (taken) wait();
});
