// The moment of the shot: a strip under the picture, one row for each bank, a mark where a lane was just fired.

import { _, told } from "./words.js";

const SEEN_MS = 1600;
const FLASH_MS = 250;
const SHOWN = 5;
const RESULTS = { fired: _("fired"), late: _("too late, not fired"), faulted: _("fault of the lane"), ignored: _("not taken"), unanswered: _("not answered") };

export class ShotStrip {
  constructor(canvas, list) {
    this.canvas = canvas;
    this.list = list;
    this.facts = null;
    this.shots = [];
    this.drawing = false;
    new ResizeObserver(() => this.wake()).observe(canvas);
  }

  /** `shots` of a picture's header: the last ones, oldest first, each with its age when the picture left. */
  take(shots, arrivedAt) {
    if (!this.facts) return;
    const last = this.shots.at(-1);
    this.shots = shots.map((shot) => ({ ...shot, ...this.place(shot), at: arrivedAt - shot.age_ms }));
    if (last?.piece !== this.shots.at(-1)?.piece) this.tell();
    this.wake();
  }

  place({ outputs }) {
    const row = this.facts.banks.findIndex(({ first_output: first, lanes }) => outputs[0] >= first && outputs[0] < first + lanes);
    const bank = this.facts.banks[row];
    if (!bank) return { row: -1, lanes: [] };
    return { row, bank, lanes: outputs.map((output) => output - bank.first_output) };
  }

  tell() {
    this.list.replaceChildren(...this.shots.slice(-SHOWN).reverse().map(({ piece, label, bank, lanes, result }) => {
      const item = document.createElement("li");
      const outlet = told(this.facts.outlets.find(({ name }) => name === bank?.outlet)?.title ?? "–");
      const where = lanes.length > 1 ? `${lanes[0] + 1}–${lanes.at(-1) + 1}` : `${(lanes[0] ?? 0) + 1}`;
      const sign = result === "fired" ? "▲" : "✕";
      item.classList.toggle("bad", result !== "fired");
      item.textContent = `${sign} ${outlet} ${where}: ${told(this.facts.labels[label] ?? label)} #${piece}, ${RESULTS[result] ?? result}`;
      return item;
    }));
  }

  wake() {
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.drawing = false;
    const { canvas } = this;
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const pen = canvas.getContext("2d", { alpha: false });
    pen.fillStyle = "#101214";
    pen.fillRect(0, 0, width, height);
    if (!this.facts || this.facts.banks.length === 0) return;
    const banks = this.facts.banks;
    const high = height / banks.length;
    const belt = Math.max(...banks.map(({ right_mm: right }) => right));
    banks.forEach((bank, row) => this.drawRow(pen, bank, row * high, high, width, ratio));
    const now = performance.now();
    const fresh = this.shots.filter(({ at, row }) => row >= 0 && now - at < SEEN_MS);
    for (const shot of fresh) drawShot(pen, shot, { now, high, width, belt, ratio, colour: this.colour(shot.bank.outlet) });
    if (fresh.length > 0) this.wake();
  }

  colour(outlet) {
    return this.facts.outlets.find(({ name }) => name === outlet)?.colour ?? "#aab2b9";
  }

  drawRow(pen, { outlet }, y, high, width, ratio) {
    const title = told(this.facts.outlets.find(({ name }) => name === outlet)?.title ?? outlet);
    pen.fillStyle = "#2a2f34";
    pen.fillRect(0, y + high - ratio, width, ratio);
    pen.fillStyle = "#aab2b9";
    pen.font = `${Math.min(12 * ratio, high * 0.7)}px system-ui, sans-serif`;
    pen.textBaseline = "middle";
    pen.fillText(title, 6 * ratio, y + high / 2);
  }
}

/** Fired: a full bar over its lanes, white in the first moment; not fired: an empty one with a cross. */
function drawShot(pen, { bank, lanes, row, result, at }, { now, high, width, belt, ratio, colour }) {
  const lane = (bank.right_mm - bank.left_mm) / bank.lanes;
  const x = ((bank.left_mm + lanes[0] * lane) / belt) * width;
  const w = Math.max((((lanes.at(-1) - lanes[0] + 1) * lane) / belt) * width, 4 * ratio);
  const [y, h] = [row * high + 2 * ratio, high - 5 * ratio];
  pen.globalAlpha = Math.max(0, 1 - (now - at) / SEEN_MS);
  pen.fillStyle = now - at < FLASH_MS ? "#ffffff" : colour;
  pen.strokeStyle = "#ffffff";
  pen.lineWidth = 2 * ratio;
  if (result === "fired") pen.fillRect(x, y, w, h);
  pen.strokeRect(x + ratio, y + ratio, w - 2 * ratio, h - 2 * ratio);
  if (result !== "fired") {
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(x + w, y + h);
    pen.moveTo(x + w, y);
    pen.lineTo(x, y + h);
    pen.stroke();
  }
  pen.globalAlpha = 1;
}
