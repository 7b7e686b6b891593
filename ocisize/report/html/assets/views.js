// The views around treemap and table: colors and their legend, the layer bar, the path, the list of contents, the tip.

// Paul Tol's "light" scheme, whose colors differ for color-blind readers, with black text readable on them:
// https://personal.sron.nl/~pault/data/colourschemes.pdf
const PALETTE = ["#77aadd", "#ee8866", "#eedd88", "#44bb99", "#ffaabb", "#99ddff", "#bbcc33", "#aaaa00"];
// by change: what grew is warm
const CHANGE_COLORS = {
  added: "#77aadd", grew: "#ee8866", shrank: "#44bb99", changed: "#eedd88",
  moved: "#99ddff", "stored again": "#ffaabb", "not compared": "#bbcc33",
};
const NEUTRAL = "#dddddd";
const DARK_NEUTRAL = "#87909a";
const INK = "#14181d";
const WASTE = "#8b0000";
const WASTE_ON_DARK = "#ff8a7e";
const DARKENED = 0.82; // of each color's brightness on a dark page

/** Replace the children of a parent; the focus stays on the button at the same place. */
function replaceChildren(parent, children) {
  const place = [...parent.children].findIndex((child) => child.contains(document.activeElement));
  parent.replaceChildren(...children);
  const child = parent.children[place];
  (child?.matches("button") ? child : child?.querySelector("button"))?.focus();
}

function byId(id) {
  return document.getElementById(id);
}

function shade(color) {
  if (!isDark()) return color;
  if (color === NEUTRAL) return DARK_NEUTRAL;
  const parts = [1, 3, 5].map((start) => Math.round(parseInt(color.slice(start, start + 2), 16) * DARKENED));
  return `rgb(${parts.join(" ")})`;
}

/**
 * The colors of kinds: groups of them by layer, state, type or change, the largest with a color each, all others neutral.
 * Colors stay when filters change, so sums are of the whole image.
 */
class Coloring {
  constructor(model, by, values) {
    const sums = new Map();
    const keyOf = {
      layer: (kind) => kind.layer,
      state: (kind) => stateName(model, kind),
      type: (kind) => kind.type,
      change: (kind) => kind.change,
    }[by];
    const bytes = new Float64Array(model.kinds.length);
    for (let row = 0; row < model.rowCount; row++) bytes[model.kindOf[row]] += values[row];
    model.kinds.forEach((kind, number) => sums.set(keyOf(kind), (sums.get(keyOf(kind)) ?? 0) + bytes[number]));
    const plain = (key) => (by === "state" && key === "live") || (by === "type" && key < model.special) || (by === "change" && key === 0);
    const colored = [...sums.keys()].filter((key) => !plain(key) && sums.get(key) > 0);
    colored.sort((one, other) => sums.get(other) - sums.get(one) || (one < other ? -1 : 1));
    const colorOf = (key, place) => (by === "change" ? CHANGE_COLORS[model.changes[key]] : PALETTE[place]);
    this.colors = new Map(colored.slice(0, PALETTE.length).map((key, place) => [key, colorOf(key, place)]));
    this.ofKind = model.kinds.map((kind) => this.colors.get(keyOf(kind)) ?? NEUTRAL);
    const others = [...sums].filter(([key]) => !this.colors.has(key));
    this.neutral = { value: others.reduce((sum, [, value]) => sum + value, 0), count: others.length };
    Object.assign(this, { by, sums });
  }

  /** For the treemap. */
  scheme() {
    const dark = isDark();
    const fills = this.ofKind.map(shade);
    const frames = dark ? ["#14181d", "#2b333c", "#364049"] : ["#ffffff", "#e9edf1", "#dbe1e7"];
    return {
      fill: (kind) => fills[kind],
      frame: (depth) => frames[depth === 0 ? 0 : 1 + ((depth - 1) % 2)],
      ink: INK,
      text: dark ? "#e6e9ec" : "#1d2329",
      hatch: "rgb(0 0 0 / 0.16)",
      waste: WASTE,
      wasteOnFrame: dark ? WASTE_ON_DARK : WASTE,
    };
  }
}

function keyName(model, by, key) {
  if (by === "layer") return `Layer ${key}`;
  if (by === "change") return model.changes[key];
  return by === "type" ? model.types[key] : key;
}

/** The legend: each color with its name and bytes, a button that filters; and the stripe of waste. */
function drawLegend(list, model, coloring, filter, choose, waste) {
  const { by } = coloring;
  const colored = [...coloring.colors];
  if (by === "layer") colored.sort(([one], [other]) => one - other);
  const lines = colored.map(([key, color]) => {
    const swatch = element("span", { className: "swatch" });
    swatch.style.background = shade(color);
    const text = `${keyName(model, by, key)} · ${formatSize(coloring.sums.get(key))}`;
    const button = element("button", { type: "button" }, swatch, text);
    button.setAttribute("aria-pressed", String(filter[by] === key));
    button.addEventListener("click", () => choose(by, filter[by] === key ? null : key));
    return element("li", {}, button);
  });
  if (coloring.neutral.value > 0) {
    const swatch = element("span", { className: "swatch" });
    swatch.style.background = shade(NEUTRAL);
    const names = { state: "live", layer: `${coloring.neutral.count} other layers`, type: "other types", change: "unchanged" };
    const name = names[by];
    lines.push(element("li", {}, element("span", {}, swatch, `${name} · ${formatSize(coloring.neutral.value)}`)));
  }
  if (waste > 0) {
    const button = element("button", { type: "button" }, element("span", { className: "swatch stripe" }), `Waste · ${formatSize(waste)}`);
    button.setAttribute("aria-pressed", String(filter.state === "waste"));
    button.addEventListener("click", () => choose("state", filter.state === "waste" ? null : "waste"));
    lines.push(element("li", {}, button));
  }
  replaceChildren(list, lines);
}

/** The bar of layers, as wide as their bytes; arrow keys move along it. */
function drawLayers(bar, model, measure, coloring, filter, choose, tip) {
  const focused = [...bar.children].indexOf(document.activeElement);
  const buttons = model.layers.map((layer, index) => {
    const bytes = measure === "download" ? layer.compressed_size : layer.content_size;
    const button = element("button", { type: "button" }, element("span", { textContent: index }));
    button.style.flexGrow = String(bytes || 0);
    button.style.background = shade((coloring.by === "layer" && coloring.colors.get(index)) || NEUTRAL);
    button.setAttribute("aria-label", `Layer ${index}, ${formatSize(bytes)}: ${layer.build_step}`);
    button.setAttribute("aria-pressed", String(filter.layer === index));
    button.tabIndex = index === Math.max(focused, filter.layer ?? 0, 0) ? 0 : -1;
    button.addEventListener("click", () => choose("layer", filter.layer === index ? null : index));
    const lines = [
      `Layer ${index}`,
      `${formatSize(layer.compressed_size)} to download · ${formatSize(layer.content_size)} unpacked · ${formatSize(layer.wasted_size)} waste`,
      layer.build_step,
    ];
    const show = () => {
      const box = button.getBoundingClientRect();
      tip.show(lines, box.left, box.bottom);
    };
    button.addEventListener("pointerenter", show);
    button.addEventListener("focus", show);
    button.addEventListener("pointerleave", () => tip.hide());
    button.addEventListener("blur", () => tip.hide());
    return button;
  });
  replaceChildren(bar, buttons);
}

/** Arrow keys, Home and End within a toolbar, of which one button is in the tab order. */
function moveWithin(toolbar) {
  toolbar.addEventListener("keydown", (event) => {
    const buttons = [...toolbar.children];
    const place = buttons.indexOf(document.activeElement);
    const to = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (place < 0 || buttons[to] === undefined) return;
    event.preventDefault();
    buttons[place].tabIndex = -1;
    buttons[to].tabIndex = 0;
    buttons[to].focus();
  });
}

function drawCrumbs(nav, model, directory, open) {
  const parts = [ROOT, ...ancestry(model, directory)].flatMap((place) => {
    const name = place === ROOT ? model.root || "All kinds" : model.directoryNames[place];
    const last = place === directory;
    const part = last ? element("span", { textContent: name }) : element("button", { type: "button", textContent: name });
    if (last) part.setAttribute("aria-current", "true");
    else part.addEventListener("click", () => open(place));
    return place === ROOT ? [part] : [element("span", { className: "slash", textContent: "›" }), part];
  });
  nav.replaceChildren(...parts);
}

const SHOWN_CONTENTS = 200;

/** The items, in which rows that are not files are combined by type over all layers. */
function mergeSpecial(model, items) {
  const merged = new Map();
  const others = items.filter((item) => {
    const type = item.row >= 0 ? model.kinds[model.kindOf[item.row]].type : model.special;
    if (type >= model.special) return true;
    const one = merged.get(type) ?? { directory: -1, row: -1, value: 0, waste: 0, count: 0, name: "" };
    one.value += item.value;
    one.waste += item.waste;
    one.count += model.groups.get(item.row) ?? 1;
    one.name = `${one.count ? `${formatCount(one.count)} ` : ""}${model.types[type]}`;
    merged.set(type, one);
    return false;
  });
  return [...others, ...merged.values()].sort((one, other) => other.value - one.value);
}

/** The list beside the treemap: the same as text, with a button for each directory. */
function drawContents(list, model, view, open, mark) {
  const items = mergeSpecial(model, childrenOf(model, view.directory, view, 0));
  const total = view.sums[view.directory];
  const line = (item, name) => {
    const share = element("span", { className: "share", textContent: formatShare(item.value, total) });
    const size = element("span", { className: "size", textContent: formatSize(item.value) });
    const [bar, wasteBar] = [item.value, item.waste].map((value) => {
      const made = element("span", { className: "meter" });
      made.style.width = `${total ? (100 * value) / total : 0}%`;
      return made;
    });
    wasteBar.classList.add("wasted");
    const waste = element("span", { className: "waste", textContent: item.waste ? `${formatSize(item.waste)} waste` : "" });
    let label = element("span", { className: "name", textContent: name, title: name });
    if (item.directory >= 0) {
      label = element("button", { type: "button", className: "name", textContent: name });
      label.addEventListener("click", () => open(item.directory));
    }
    const made = element("li", {}, bar, wasteBar, label, waste, size, share);
    made.item = item;
    made.addEventListener("pointerenter", () => mark(item));
    made.addEventListener("focusin", () => mark(item));
    made.addEventListener("pointerleave", () => mark(null));
    made.addEventListener("focusout", () => mark(null));
    return made;
  };
  const name = (item) => item.name ?? (item.directory >= 0 ? `${model.directoryNames[item.directory]}/` : rowName(model, item.row));
  const lines = items.slice(0, SHOWN_CONTENTS).map((item) => line(item, name(item)));
  const rest = items.slice(SHOWN_CONTENTS);
  const sum = (key) => rest.reduce((all, item) => all + item[key], 0);
  if (rest.length) lines.push(line({ directory: -1, row: -1, value: sum("value"), waste: sum("waste") }, `… and ${formatCount(rest.length)} more`));
  if (!lines.length) lines.push(element("li", { textContent: "No bytes here match the filters." }));
  list.replaceChildren(...lines);
}

/** In place of an empty treemap: why it is empty, and the way out. */
function drawNothing(model, view, measure) {
  const empty = !view.sums[view.directory];
  byId("nothing").hidden = !empty;
  byId("canvas").tabIndex = empty ? -1 : 0;
  if (!empty) return;
  const other = measure === "download" ? "size" : "download";
  const matches = model.rowCount > 0 && (view.matched === null || view.matched.includes(1));
  const hasOther = matches && model[other] !== null && sumDirectories(model, model[other], view.matched)[ROOT] > 0;
  const without = model.rowCount ? "No files match these filters." : "The image has no files.";
  byId("nothing-text").textContent = matches ? `What matches the filters has no bytes ${MEASURES[measure]}.` : without;
  const button = byId("nothing-button");
  button.hidden = model.rowCount === 0;
  button.textContent = hasOther ? `Show bytes ${MEASURES[other]}` : "Clear filters";
  button.onclick = () => (hasOther ? document.querySelector(`input[value=${other}]`) : byId("reset")).click();
}

/** The box beside the pointer; its text is also elsewhere on the page. */
class Tip {
  constructor(box) {
    this.box = box;
  }

  show(lines, x, y) {
    this.box.replaceChildren(...lines.filter(Boolean).map((text) => element("p", { textContent: text })));
    this.box.hidden = false;
    const { width, height } = this.box.getBoundingClientRect();
    const left = Math.min(x + 12, innerWidth - width - 8);
    const below = y + 14 + height < innerHeight;
    this.box.style.left = `${Math.max(8, left)}px`;
    this.box.style.top = `${below ? y + 14 : Math.max(8, y - height - 10)}px`;
  }

  hide() {
    this.box.hidden = true;
  }
}
