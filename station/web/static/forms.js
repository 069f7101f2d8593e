// Every form sends its fields as JSON and shows the sentence of a refusal beside it.

import { ask } from "./live.js";
import { session } from "./session.js";
import { told } from "./words.js";

function onward(form) {
  if (form.dataset.next !== "next") return form.dataset.next;
  const wanted = new URLSearchParams(location.search).get("next") ?? "/";
  return wanted.startsWith("/") && !wanted.startsWith("//") && !wanted.startsWith("/\\") ? wanted : "/";
}

for (const form of document.querySelectorAll("form[data-path]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { taken, refusal } = await ask(form.dataset.path, Object.fromEntries(new FormData(form)));
    if (taken) location.assign(onward(form));
    else form.querySelector(".answer").textContent = told(refusal);
  });
}

const invitation = document.querySelector(".first-run");
if (invitation) invitation.hidden = !(await session()).first_run;
