// Safe mode: one press back to what worked, then the page of the line as soon as it answers.

import { ask } from "./live.js";

const at = (id) => document.getElementById(id);

async function wait() {
  for (;;) {
    await new Promise((done) => setTimeout(done, 1000));
    try {
      const answer = await fetch("/readyz", { cache: "no-store" });
      if (answer.ok) location.assign("/");
    } catch {
      at("answer").textContent = "The station is starting with the last good version.";
    }
  }
}

at("back")?.addEventListener("click", async () => {
  const { taken, refusal } = await ask("/api/last-good", {});
  at("answer").textContent = taken ? "The station is starting with the last good version." : refusal;
  if (taken) wait();
});
