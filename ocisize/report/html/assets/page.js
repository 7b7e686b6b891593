// The page: one state, and all views drawn from it.

class Page {
  constructor(model) {
    this.model = model;
    this.measure = model.compressedSizeKnown ? "download" : "size";
    this.color = "layer";
    this.directory = ROOT;
    this.filter = { search: "", layer: null, state: null, type: null };
    this.treemap = new Treemap(byId("canvas"), model);
    this.table = new FileTable(byId("files"), model);
    this.table.follow(this.measure);
    this.tip = new Tip(byId("tip"));
    this.matched = null;
    this.addControls();
    this.addPointer();
    moveWithin(byId("layers"));
    this.refresh();
    new ResizeObserver(() => this.drawMap()).observe(byId("map"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolor());
  }

  addControls() {
    for (const input of document.querySelectorAll("input[type=radio]")) {
      input.checked = input.value === this[input.name];
      input.disabled = input.value === "download" && !this.model.compressedSizeKnown;
      input.addEventListener("change", () => {
        this[input.name] = input.value;
        this.table.follow(this.measure);
        this.refresh();
      });
    }
    this.addChoice("layer", this.model.layers.map((_, index) => [index, `Layer ${index}`]));
    this.addChoice("state", ["live", "waste", ...this.model.causes].map((name) => [name, name]));
    this.addChoice("type", this.typesBySize());
    let waiting = 0;
    byId("search").addEventListener("input", (event) => {
      clearTimeout(waiting);
      waiting = setTimeout(() => this.choose("search", event.target.value), 150);
    });
    byId("reset").addEventListener("click", () => {
      this.filter = { search: "", layer: null, state: null, type: null };
      byId("search").value = "";
      this.refilter();
    });
    byId("script-only").addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.target.matches("input, select") || this.directory === ROOT) return;
      this.open(this.model.parents[this.directory]);
    });
  }

  addChoice(name, options) {
    const select = byId(name);
    select.replaceChildren(element("option", { textContent: "all", value: "" }));
    options.forEach(([, text], place) => select.append(element("option", { textContent: text, value: String(place) })));
    select.addEventListener("change", () => this.choose(name, select.value === "" ? null : options[Number(select.value)][0]));
    select.values = options.map(([value]) => value);
  }

  typesBySize() {
    const { sums } = new Coloring(this.model, "type", this.model.size);
    const types = [...sums.keys()].sort((one, other) => sums.get(other) - sums.get(one) || one - other);
    return types.map((type) => [type, this.model.types[type]]);
  }

  addPointer() {
    const canvas = byId("canvas");
    const blockAt = (event) => this.treemap.blockAt(event.offsetX, event.offsetY);
    const move = (event) => {
      const block = blockAt(event);
      if (!block) return this.leave();
      this.markBox(block);
      this.tip.show(this.describe(block), event.clientX, event.clientY);
    };
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("pointerdown", move);
    canvas.addEventListener("pointerleave", () => this.leave());
    canvas.addEventListener("click", (event) => {
      const block = blockAt(event);
      if (block) this.open(block.item.directory >= 0 ? block.item.directory : block.parent);
    });
    const scrolled = () => byId("mark").hidden || this.leave();
    addEventListener("scroll", scrolled, { passive: true });
  }

  leave() {
    this.tip.hide();
    byId("mark").hidden = true;
  }

  describe({ item, parent }) {
    const { model } = this;
    const share = `${formatShare(item.value, this.view.sums[this.directory])} of the selection`;
    if (item.row < 0) {
      const name = item.directory >= 0 ? directoryPath(model, item.directory) : `${directoryPath(model, parent)}…`;
      const rest = item.directory >= 0 ? "" : `${formatCount(item.count)} more, too small to draw`;
      return [name, rest, `${formatSize(item.value)} ${this.measure === "download" ? "to download" : "unpacked"} · ${share}`];
    }
    const kind = model.kinds[model.kindOf[item.row]];
    const download = model.compressedSizeKnown ? `${formatSize(model.download[item.row])} to download · ` : "";
    return [
      rowPath(model, item.row),
      `${download}${formatSize(model.size[item.row])} unpacked · ${share}`,
      [model.types[kind.type], describeState(model, kind)].join(" · "),
      `Layer ${kind.layer}: ${model.layers[kind.layer].build_step}`,
    ];
  }

  markBox(block) {
    const mark = byId("mark");
    mark.hidden = false;
    for (const [side, value] of [["left", block.x], ["top", block.y], ["width", block.width], ["height", block.height]]) {
      mark.style[side] = `${value}px`;
    }
  }

  markItem(item) {
    const { blocks } = this.treemap;
    const block = item && blocks.find((drawn) => drawn.item.row === item.row && drawn.item.directory === item.directory);
    if (block && (item.row >= 0 || item.directory >= 0)) this.markBox(block);
    else this.leave();
  }

  choose(name, value) {
    this.filter[name] = value;
    this.refilter();
  }

  refilter() {
    this.matched = matchRows(this.model, this.filter);
    this.refresh();
  }

  open(directory) {
    const inside = byId("contents").contains(document.activeElement) || byId("crumbs").contains(document.activeElement);
    this.directory = directory;
    this.leave();
    this.refresh();
    if (inside) (byId("contents").querySelector("button") ?? byId("crumbs").querySelector("button"))?.focus();
  }

  /** Draw everything again. */
  refresh() {
    const { model, matched, directory } = this;
    const values = model[this.measure];
    this.view = { matched, directory, values, sums: sumDirectories(model, values, matched) };
    this.coloring = new Coloring(model, this.color, values);
    for (const name of ["layer", "state", "type"]) {
      const place = byId(name).values.indexOf(this.filter[name]);
      byId(name).value = place < 0 ? "" : String(place);
    }
    drawCrumbs(byId("crumbs"), model, directory, (place) => this.open(place));
    drawContents(byId("contents"), model, this.view, (place) => this.open(place), (item) => this.markItem(item));
    this.recolor();
    this.listFiles();
  }

  recolor() {
    const choose = (name, value) => this.choose(name, value);
    drawLayers(byId("layers"), this.model, this.measure, this.coloring, this.filter, choose, this.tip);
    drawLegend(byId("legend"), this.model, this.coloring, this.filter, choose);
    this.drawMap();
  }

  drawMap() {
    this.treemap.draw(this.view, this.coloring.scheme());
  }

  /** Give the table its files, and describe the rows that it does not list. */
  listFiles() {
    const { model, matched } = this;
    const [first, end] = rowsBelow(model, this.directory);
    const rows = new Uint32Array(end - first);
    let listed = 0;
    const all = { count: 0, size: 0, download: 0 };
    const others = new Map();
    const nameless = this.nameless();
    let unnamed = 0;
    for (let row = first; row < end; row++) {
      if (matched !== null && !matched[row]) {
        if (nameless(row)) unnamed += model.groups.get(row);
        continue;
      }
      const entries = model.groups.get(row) ?? 1;
      const parts = [all];
      if (isListed(model, row)) rows[listed++] = row;
      else parts.push(this.groupOf(others, row));
      for (const part of parts) {
        part.size += model.size[row];
        part.download += model.compressedSizeKnown ? model.download[row] : 0;
        if (part !== all || model.size[row]) part.count += entries;
      }
    }
    this.table.update(rows.slice(0, listed));
    const path = directoryPath(model, this.directory);
    byId("files-title").textContent = `Files in ${path}`;
    byId("contents-title").textContent = `Contents of ${path}`;
    const files = others.has(model.types[UNSAVED]) ? "files" : "files with content";
    byId("status").textContent = `${formatCount(all.count)} ${files}, ${this.describeBytes(all)}`;
    const count = (group) => (group.count ? `${formatCount(group.count)} ` : "");
    const notes = [...others].map(([name, group]) => `${count(group)}${name} (${this.describeBytes(group)})`);
    const sentences = notes.length ? [`Combined, not listed: ${notes.join("; ")}.`] : [];
    if (unnamed) sentences.push(`${formatCount(unnamed)} entries are combined without their names; search cannot find them by name.`);
    byId("unlisted").textContent = sentences.join(" ");
  }

  /** Whether a row is a group of entries whose names the search cannot see. */
  nameless() {
    const { model, filter } = this;
    if (!filter.search) return () => false;
    const passes = matchRows(model, { ...filter, search: "" });
    return (row) => !isListed(model, row) && model.groups.get(row) > 0 && (passes === null || passes[row] > 0);
  }

  groupOf(groups, row) {
    const { type } = this.model.kinds[this.model.kindOf[row]];
    const name = type < this.model.special ? this.model.types[type] : `files of less than ${formatSize(this.model.least)}`;
    if (!groups.has(name)) groups.set(name, { count: 0, size: 0, download: 0 });
    return groups.get(name);
  }

  describeBytes({ size, download }) {
    const parts = [];
    if (this.model.compressedSizeKnown) parts.push(`${formatSize(download)} to download`);
    if (size || !download) parts.push(`${formatSize(size)} unpacked`);
    return parts.join(", ");
  }
}

function addThemeButton() {
  const button = element("button", { type: "button", id: "theme" });
  const name = () => (button.textContent = isDark() ? "Light colors" : "Dark colors");
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    name();
    page?.recolor();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
  name();
  document.querySelector("header").prepend(button);
}

/** A button at each block of code that copies it; where the browser forbids that, it selects the code. */
function addCopyButtons() {
  for (const code of document.querySelectorAll("pre > code")) {
    const button = element("button", { type: "button", className: "copy", textContent: "Copy" });
    button.addEventListener("click", async () => {
      getSelection().selectAllChildren(code);
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Selected";
      }
    });
    code.parentElement.before(button);
  }
}

let page = null;
addThemeButton();
addCopyButtons();
// The browser paints the text of the page before the data are read.
requestAnimationFrame(() =>
  setTimeout(() => {
    byId("script-only").hidden = false;
    page = new Page(readModel(byId("data").textContent));
    performance.mark("drawn");
    document.documentElement.dataset.ready = "true";
  }),
);
