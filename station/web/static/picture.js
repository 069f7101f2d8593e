// The live picture: the newest frame with every piece outlined, in the words and colours of its destination.

import { _, told } from "./words.js";

const STALE_MS = 1500;
const PLATE = { pad: 4, line: 1.25 };

export class LivePicture {
  constructor(canvas, note, age, strip) {
    this.strip = strip;
    this.canvas = canvas;
    this.note = note;
    this.age = age;
    this.facts = null;
    this.last = null;
    new ResizeObserver(() => this.fit()).observe(canvas);
    setInterval(() => this.tellAge(), 500);
  }

  /** Draws one message of the station and resolves to its number once it is on the screen. */
  async show(buffer) {
    const headerEnd = 4 + new DataView(buffer).getUint32(0);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, headerEnd - 4)));
    const arrivedAt = performance.now();
    try {
      const image = await createImageBitmap(new Blob([new Uint8Array(buffer, headerEnd)], { type: "image/jpeg" }));
      this.last?.image.close();
      this.last = { header, image, capturedAt: arrivedAt - header.age_ms };
      this.draw();
      this.strip?.take(header.shots, arrivedAt);
      this.tellAge();
      this.canvas.dispatchEvent(new CustomEvent("drawn", { detail: { seq: header.seq, captured_us: header.captured_us } }));
      await new Promise(requestAnimationFrame);
    } catch {
      this.tell(_("A picture arrived damaged"), false);
    }
    return header.seq;
  }

  fit() {
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const width = Math.round(this.canvas.clientWidth * ratio);
    if (width === 0 || width === this.canvas.width) return;
    this.canvas.width = width;
    this.canvas.height = Math.round(this.canvas.clientHeight * ratio);
    this.draw();
  }

  tellAge() {
    if (!this.last) return;
    const old = performance.now() - this.last.capturedAt;
    this.canvas.dataset.seq = this.last.header.seq;
    if (old > STALE_MS) this.tell(_("No new picture for {n} s", { n: Math.round(old / 1000) }), false);
    else this.note.hidden = true;
    this.age.textContent = old > STALE_MS ? "" : _("live");
  }

  tell(words, isCalm) {
    this.note.textContent = words;
    this.note.classList.toggle("calm", isCalm);
    this.note.hidden = false;
  }

  draw() {
    if (!this.last) return;
    const { header, image } = this.last;
    const pen = this.canvas.getContext("2d", { alpha: false });
    pen.drawImage(image, 0, 0, this.canvas.width, this.canvas.height);
    if (!this.facts) return;
    const unit = this.canvas.width / Math.max(this.canvas.clientWidth, 1);
    const scale = { x: this.canvas.width / header.width, y: this.canvas.height / header.height };
    const marks = header.marks.map((mark) => this.look(mark, scale));
    for (const mark of marks) outline(pen, mark, unit);
    const plates = [];
    for (const mark of marks.toSorted((a, b) => b.weight - a.weight)) plate(pen, mark, unit, plates, marks, this.canvas);
  }

  /** How one mark is drawn: place on the canvas, words, colour, line. */
  look({ box, outline, label, outlet, decided, confidence }, scale) {
    const [x, y, w, h] = box;
    const place = { x: x * scale.x, y: y * scale.y, w: w * scale.x, h: h * scale.y, path: path(outline, scale) };
    const title = label ? told(this.facts.labels[label] ?? label) : _("No class");
    const known = this.facts.outlets.find(({ name }) => name === outlet);
    const percent = `${Math.round(confidence * 100)} %`;
    if (!decided) return { ...place, words: [label ? `${title}?` : _("looking")], colour: "#e8eaec", width: 2, dash: [6, 4], weight: 0 };
    const passes = outlet === this.facts.rest_outlet || !known;
    const to = `→ ${told(known?.title ?? this.facts.rest_title)}`;
    return passes
      ? { ...place, words: [title, to], colour: known?.colour ?? "#aab2b9", width: 1.5, dash: [], weight: 1 }
      : { ...place, words: [`${title} ${percent}`, to], colour: known.colour, width: 3.5, dash: [], weight: 2 };
  }
}

/** A polygon on the canvas; null where only the box is known. */
function path(outline, scale) {
  if (outline.length < 6) return null;
  const made = new Path2D();
  for (let n = 0; n < outline.length; n += 2) made.lineTo(outline[n] * scale.x, outline[n + 1] * scale.y);
  made.closePath();
  return made;
}

function outline(pen, { x, y, w, h, path: shape, colour, width, dash }, unit) {
  pen.setLineDash(dash.map((length) => length * unit));
  pen.lineJoin = "round";
  for (const [stroke, extra] of [["rgb(0 0 0 / 0.65)", 2], [colour, 0]]) {
    pen.strokeStyle = stroke;
    pen.lineWidth = (width + extra) * unit;
    if (shape) pen.stroke(shape);
    else pen.strokeRect(x, y, w, h);
  }
  pen.setLineDash([]);
}

/** The words beside an outline, inside the picture, on no other words and if possible on no other piece. */
function plate(pen, mark, unit, plates, marks, canvas) {
  const isNarrow = canvas.width / unit < 420;
  const size = (isNarrow ? 10 : 13) * unit;
  pen.font = `600 ${size}px system-ui, sans-serif`;
  const words = isNarrow && mark.words.length > 1 ? [mark.words[1]] : mark.words;
  const w = Math.max(...words.map((text) => pen.measureText(text).width)) + 2 * PLATE.pad * unit;
  const h = words.length * size * PLATE.line + PLATE.pad * unit;
  const gap = 3 * unit;
  const spots = [
    { x: mark.x, y: mark.y - h - gap },
    { x: mark.x, y: mark.y + mark.h + gap },
    { x: mark.x + mark.w + gap, y: mark.y },
    { x: mark.x - w - gap, y: mark.y },
    { x: mark.x + mark.w - w, y: mark.y - h - gap },
  ].map((spot) => ({ ...spot, w, h }));
  const isInside = ({ x, y }) => x >= 0 && y >= 0 && x + w <= canvas.width && y + h <= canvas.height;
  const free = spots.filter((spot) => isInside(spot) && !plates.some((other) => overlap(spot, other)));
  const spot = free.find((found) => !marks.some((other) => overlap(found, other))) ?? free[0];
  if (!spot) return;
  plates.push(spot);
  pen.fillStyle = "rgb(16 18 20 / 0.82)";
  pen.fillRect(spot.x, spot.y, w, h);
  pen.fillStyle = mark.colour;
  pen.fillRect(spot.x, spot.y, 3 * unit, h);
  pen.fillStyle = mark.weight === 2 ? "#ffffff" : "#ccd2d7";
  pen.textBaseline = "top";
  words.forEach((text, line) => pen.fillText(text, spot.x + (PLATE.pad + 2) * unit, spot.y + PLATE.pad * unit * 0.7 + line * size * PLATE.line));
}

function overlap(a, b) {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}
