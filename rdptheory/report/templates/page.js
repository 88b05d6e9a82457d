"use strict";
// Arithmetic that the formulas above lean on.
const NATS_PER_BIT = Math.LN2;

// W0(z) on [-1/e, 0]: Halley's steps from the series at the branch point.
function lambertW(z) {
  const reach = 1 + Math.E * z;
  if (reach < 4e-16) return -1;
  const s = Math.sqrt(2 * reach);
  let w = reach < 0.5 ? -1 + s - s * s / 3 + 11 * s * s * s / 72 : z;
  for (let step = 0; step < 40; step++) {
    const e = Math.exp(w), f = w * e - z;
    const next = w - f / (e * (w + 1) - (w + 2) * f / (2 * w + 2));
    if (!Number.isFinite(next) || Math.abs(next - w) <= 1e-17) return Number.isFinite(next) ? next : w;
    w = next;
  }
  return w;
}

// The x in [low, high] with rising(x) = target, by bisection down to neighbouring numbers.
function bisect(rising, target, low, high) {
  if (rising(low) >= target) return low;
  if (rising(high) < target) return high;
  for (let step = 0; step < 200; step++) {
    const middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) break;
    if (rising(middle) < target) low = middle; else high = middle;
  }
  return high;
}

const entropy = (h) => (h <= 0 || h >= 1 ? 0 : FORMULAS.entropy(h));
const inverseEntropy = (R) => bisect(entropy, R, 0, 0.5);

// Names under which a parameter may come: letters and digits only, in lower case.
const ALIASES = {
  p: ["p"], D: ["d"], P: [], R: ["r", "rate"],
  scale: ["scale", "b"], sigma: ["sigma", "s", "standarddeviation"], variance: ["variance", "sigma2"],
  qX: ["qx", "px"], qY: ["qy", "py"],
  mX: ["mx", "mux", "meanx"], mY: ["my", "muy", "meany"],
  sX: ["sx", "sigmax"], sY: ["sy", "sigmay"], vX: ["variancex", "vx"], vY: ["variancey", "vy"],
  common: ["commonrandomness", "cr", "common", "rc"],
};

function read(given) {
  const found = {};
  for (const [name, value] of Object.entries(given)) {
    const plain = name.replace(/[^A-Za-z0-9]/g, "");
    let canonical = plain === "P" ? "P" : null;
    const lower = plain.toLowerCase();
    for (const [key, names] of Object.entries(ALIASES)) {
      if (canonical === null && names.includes(lower)) canonical = key;
    }
    if (canonical === null) throw new Error(`explorer: unknown parameter ${name}`);
    const number = value === true || value === false || value === null ? value : Number(value);
    found[canonical] = value === "inf" ? Infinity : number;
  }
  return found;
}

function need(values, name, fallback) {
  const value = values[name] ?? fallback;
  if (typeof value !== "number" || Number.isNaN(value)) throw new Error(`explorer: ${name} must be a number`);
  return value;
}

const spread = (values, name, square) =>
  values[square] !== undefined ? Math.sqrt(need(values, square)) : need(values, name, 1);

// A rate asked for D, or the distortion at a rate: the formulas give distortion over rate, which falls.
function ofTransport(distortion, values) {
  if (values.R !== undefined && values.R !== null) return distortion(need(values, "R") * NATS_PER_BIT);
  const D = need(values, "D");
  const last = distortion(Infinity);
  if (D < last - 1e-15 * Math.max(1, Math.abs(last))) return Infinity;
  return bisect((R) => -distortion(R), -D, 0, 40) / NATS_PER_BIT;
}

// Rate Rc of common randomness in nats: false is 0, true is without end, a number is bits.
const commonRate = (value) => (value === true ? Infinity : value ? Number(value) * NATS_PER_BIT : 0);

const LAWS = {
  bernoulli(values) {
    const p = need(values, "p");
    const folded = Math.min(p, 1 - p);
    if (folded <= 0) return 0;
    return FORMULAS.bernoulli(folded, Math.min(need(values, "D"), 1), need(values, "P", Infinity)) / NATS_PER_BIT;
  },
  gaussian_w2: (values) =>
    FORMULAS.gaussian_w2(spread(values, "sigma", "variance"), need(values, "D"), need(values, "P", Infinity)) / NATS_PER_BIT,
  gaussian_kl: (values) =>
    FORMULAS.gaussian_kl(spread(values, "sigma", "variance"), need(values, "D"), need(values, "P", Infinity)) / NATS_PER_BIT,
  laplace: (values) => FORMULAS.laplace(need(values, "scale", 1), need(values, "D")) / NATS_PER_BIT,
  transport_bernoulli(values) {
    const qX = need(values, "qX"), qY = need(values, "qY");
    if (values.common && values.common !== true && values.common !== Infinity)
      throw new Error("explorer: common randomness between coins is false or true");
    if (values.common) {
      if (qX <= 0 || qX >= 1) return values.R !== undefined ? Math.abs(qX - qY) : 0;
      return ofTransport((R) => FORMULAS.transport_bernoulli_common(qX, qY, R), values);
    }
    return ofTransport((R) => FORMULAS.transport_bernoulli(qX, qY, inverseEntropy(R)), values);
  },
  transport_gaussian(values) {
    const numbers = [need(values, "mX", 0), need(values, "mY", 0), spread(values, "sX", "vX"), spread(values, "sY", "vY")];
    const extra = commonRate(values.common);
    return ofTransport((R) => FORMULAS.transport_gaussian(...numbers, R, extra), values);
  },
};

// The value in bits: R(D,P), for transport the rate at D; given R (bits) instead of D, the distortion at that rate.
window.explorer = function (name, values) {
  if (!(name in LAWS)) throw new Error(`explorer: ${name} is none of ${Object.keys(LAWS).join(", ")}`);
  const found = LAWS[name](read(values || {}));
  return found === 0 ? 0 : found;
};
window.explorer.names = Object.keys(LAWS);

// The sliders and the curve.
const SLIDERS = {
  bernoulli: { title: "Bernoulli(p), Hamming, total variation", x: "D", axis: "distortion D (share of wrong symbols)",
    top: () => 0.5, sliders: { p: [0.01, 0.99, 0.25, 0.01], P: [0, 0.5, 0.05, 0.01], D: [0.005, 0.5, 0.1, 0.005] },
    python: (v) => `closed_forms.bernoulli.rate(${v.p}, ${v.D}, ${v.P})` },
  gaussian_w2: { title: "N(0, σ²), squared error, squared W2", x: "D", axis: "distortion D (squared error)",
    top: (v) => 2 * v.sigma ** 2, sliders: { sigma: [0.2, 3, 1, 0.05], P: [0, 2, 0.05, 0.01], D: [0.02, 4, 0.3, 0.02] },
    python: (v) => `closed_forms.gaussian.rate(${v.sigma}**2, ${v.D}, ${v.P})` },
  gaussian_kl: { title: "N(0, σ²), squared error, KL", x: "D", axis: "distortion D (squared error)",
    top: (v) => 2 * v.sigma ** 2, sliders: { sigma: [0.2, 3, 1, 0.05], P: [0, 2, 0.05, 0.01], D: [0.02, 4, 0.3, 0.02] },
    python: (v) => `closed_forms.gaussian.rate(${v.sigma}**2, ${v.D}, ${v.P}, KullbackLeibler())` },
  laplace: { title: "Laplace(0, b), absolute error", x: "D", axis: "distortion D (absolute error)",
    top: (v) => 1.2 * v.scale, sliders: { scale: [0.2, 3, 1, 0.05], D: [0.02, 3, 0.3, 0.02] },
    python: (v) => `closed_forms.laplacian.rate(${v.scale}, ${v.D})` },
  transport_bernoulli: { title: "a coin sent as another: probability of Y ≠ X over the rate", x: "R", axis: "rate R (bits)",
    top: () => 1, sliders: { qX: [0.01, 0.99, 0.3, 0.01], qY: [0.01, 0.99, 0.6, 0.01], R: [0, 1, 0.5, 0.01] },
    python: (v) => `closed_forms.transport_binary.distortion(${v.qX}, ${v.qY}, R=units.bits_to_nats(${v.R}), common_randomness=False)` },
  transport_gaussian: { title: "a Gaussian sent as another, long blocks: squared error over the rate", x: "R", axis: "rate R (bits)",
    top: () => 4, sliders: { sX: [0.2, 3, 1, 0.05], sY: [0.2, 3, 2, 0.05], mY: [-2, 2, 1, 0.1], R: [0, 4, 1, 0.05] },
    python: (v) => `closed_forms.transport_gaussian.distortion(Gaussian(0, ${v.sX}**2), Gaussian(${v.mY}, ${v.sY}**2), R=units.bits_to_nats(${v.R}), common_randomness=False)` },
};

function svg(tag, attributes, parent, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.appendChild(made);
  return made;
}

// Round numbers from 0 up to `top`, at most six of them.
function ticks(top) {
  const power = 10 ** Math.floor(Math.log10(top / 5));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => top / size <= 5 + 1e-9);
  return Array.from({ length: Math.floor(top / step + 1e-9) + 1 }, (_, k) => Number((k * step).toPrecision(6)));
}

function startExplorer(root) {
  const choice = root.querySelector("select"), controls = root.querySelector(".sliders");
  const plot = root.querySelector("svg"), said = root.querySelector("output"), code = root.querySelector("code");
  for (const name of window.explorer.names) choice.add(new Option(SLIDERS[name].title, name));
  const values = {};
  function draw() {
    const name = choice.value, law = SLIDERS[name];
    const number = window.explorer(name, values);
    const unit = law.x === "D" ? " bits" : "";
    const held = law.x !== "D" || "P" in law.sliders;
    const asked = law.x !== "D" ? `D at ${values.R} bits` : held ? `R(${values.D}, ${values.P})` : `R(${values.D})`;
    said.textContent = `${asked} = ${number.toPrecision(10)}${unit}`;
    code.textContent = (law.x === "D" ? "units.nats_to_bits(" : "") + law.python(values) + (law.x === "D" ? ")" : "");
    const families = !held ? [["R(D)", {}, ""]] : law.x === "D"
      ? [["P = 0", { P: 0 }, "7 2"], [`P = ${values.P}`, {}, ""], ["P = ∞", { P: Infinity }, "1.5 2.5"]]
      : [["without common randomness", { common: false }, ""], ["with common randomness", { common: true }, "7 2"]];
    const right = law.top(values), count = 240;
    const curves = families.map(([label, change, dash]) => [label, dash, Array.from({ length: count + 1 }, (_, k) => {
      const x = right * (law.x === "D" ? Math.max(k / count, 0.004) : k / count);
      return [x, window.explorer(name, { ...values, [law.x]: x, ...change })];
    })]);
    const finite = curves.flatMap(([, , points]) => points.map(([, y]) => y)).filter(Number.isFinite);
    const top = Math.max(...finite, number && Number.isFinite(number) ? number : 0) * 1.05 || 1;
    const left = 46, bottom = 210, width = 340, height = 190;
    const X = (x) => left + width * x / right, Y = (y) => bottom - height * y / top;
    plot.replaceChildren();
    for (const y of ticks(top)) {
      svg("line", { x1: left, x2: left + width, y1: Y(y), y2: Y(y), class: "grid" }, plot);
      svg("text", { x: left - 5, y: Y(y) + 3, "text-anchor": "end" }, plot, y);
    }
    for (const x of ticks(right)) svg("text", { x: X(x), y: bottom + 13, "text-anchor": "middle" }, plot, x);
    svg("text", { x: left + width / 2, y: bottom + 28, "text-anchor": "middle" }, plot, law.axis);
    svg("text", { x: 10, y: bottom - height / 2, "text-anchor": "middle", transform: `rotate(-90 10 ${bottom - height / 2})` },
      plot, law.x === "D" ? "rate (bits)" : "distortion D");
    curves.forEach(([label, dash, points], number) => {
      const path = points.filter(([, y]) => Number.isFinite(y)).map(([x, y], k) => `${k ? "L" : "M"}${X(x).toFixed(2)} ${Y(y).toFixed(2)}`);
      svg("path", { d: path.join(""), class: `curve c${number}`, "stroke-dasharray": dash }, plot);
      svg("line", { x1: left + width - 150, x2: left + width - 126, y1: 20 + 13 * number, y2: 20 + 13 * number, class: `curve c${number}`, "stroke-dasharray": dash }, plot);
      svg("text", { x: left + width - 120, y: 23 + 13 * number }, plot, label);
    });
    if (Number.isFinite(number)) svg("circle", { cx: X(Math.min(values[law.x], right)), cy: Y(number), r: 4, class: "mark" }, plot);
  }
  function choose() {
    controls.replaceChildren();
    for (const key of Object.keys(values)) delete values[key];
    for (const [key, [low, high, start, step]] of Object.entries(SLIDERS[choice.value].sliders)) {
      const label = document.createElement("label"), slider = document.createElement("input"), shown = document.createElement("span");
      Object.assign(slider, { type: "range", min: low, max: high, step, value: start });
      slider.setAttribute("aria-label", key);
      const update = () => { values[key] = Number(Number(slider.value).toPrecision(4)); shown.textContent = `${{ sigma: "σ", scale: "b" }[key] || key} = ${values[key]}`; };
      slider.addEventListener("input", () => { update(); draw(); });
      update();
      label.append(shown, slider);
      controls.append(label);
    }
    draw();
  }
  choice.addEventListener("change", choose);
  choose();
}

// Tables that sort by the column whose head is pressed.
function startTable(table) {
  table.querySelectorAll("thead th").forEach((head, column) => {
    head.tabIndex = 0;
    const sort = () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = table.tBodies[0];
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [key(a), key(b)], [m, n] = [Number(x), Number(y)];
        const order = x !== "" && y !== "" && !Number.isNaN(m) && !Number.isNaN(n) ? m - n : x.localeCompare(y);
        return down ? -order : order;
      });
      body.append(...rows);
    };
    head.addEventListener("click", sort);
    head.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); } });
  });
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".explorer").forEach(startExplorer);
  document.querySelectorAll("table.sorts").forEach(startTable);
});
