// Bins: how full, how pure by hand samples, and the press that says one was emptied.

import { ask } from "./live.js";
import { when } from "./moments.js";
import { _, locale, told } from "./words.js";

const at = (id) => document.getElementById(id);
const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const SURE_MS = 4000;
const PURITY_MS = 30_000;
const place = (outlet) => at("bins").querySelector(`[data-outlet="${CSS.escape(outlet)}"]`);
const put = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

export function showBins(bins) {
  for (const bin of bins) {
    const item = place(bin.outlet);
    if (item) fill(item, bin);
  }
}

function fill(item, { kg, sd_kg: doubt, capacity_kg: capacity, share, is_nearly_full: isNearlyFull, since_utc: since, emptied_by: by }) {
  const meter = item.querySelector("meter");
  meter.hidden = share === null;
  meter.value = Math.min(share ?? 0, 1);
  item.querySelector(".full").hidden = !isNearlyFull;
  const mass = _("{kg} kg ± {doubt} kg", { kg: number.format(kg), doubt: number.format(doubt) });
  const full = { capacity: number.format(capacity ?? 0), percent: Math.round(100 * share) };
  const of = capacity === null ? "" : _("of {capacity} kg, {percent} %", full);
  const began = when.format(new Date(since));
  const who = by ? _("emptied by {by}, {began}", { by, began }) : _("counted since {began}", { began });
  put(item.querySelector(".bin-mass"), `${mass} ${of} · ${who}`);
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;

async function showPurity() {
  try {
    const { batch, open, purity } = await (await fetch("/api/outlets", { signal: AbortSignal.timeout(4000) })).json();
    put(at("samples-of"), batch ? _("purity by hand, batch {batch}", { batch }) : "");
    put(at("batch-now"), open ? [_("Batch {batch}", { batch }), open.material].filter(Boolean).join(", ") : _("No batch is open."));
    for (const [outlet, share] of Object.entries(purity)) {
      const line = place(outlet)?.querySelector(".bin-purity");
      if (!line) continue;
      line.hidden = false;
      put(line, share === null ? _("Purity: not sampled") : _("Purity {value} ({low} to {high}), {n} pieces by hand", { value: percent(share.value), low: percent(share.low), high: percent(share.high), n: share.n }));
    }
  } catch {
    // The next look comes by itself; the page says elsewhere that the station is silent.
  }
}

/** Two presses, so that a glove that brushes the screen empties nothing. */
for (const button of at("bins").querySelectorAll("[data-empty]")) {
  let timer = 0;
  const calm = () => {
    clearTimeout(timer);
    timer = 0;
    button.textContent = button.dataset.usual;
  };
  button.addEventListener("click", async () => {
    if (timer === 0) {
      button.textContent = button.dataset.really;
      timer = setTimeout(calm, SURE_MS);
      return;
    }
    calm();
    const { taken, refusal } = await ask("/api/bins/emptied", { outlet: button.dataset.empty });
    at("answer").dataset.level = taken ? "calm" : "attention";
    at("answer").textContent = taken ? _("Noted: the bin was emptied.") : told(refusal);
  });
}

showPurity();
setInterval(showPurity, PURITY_MS);
