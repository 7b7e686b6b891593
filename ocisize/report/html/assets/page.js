// The page: one state, and all views drawn from it.

const MEASURES = { download: "to download", size: "unpacked" };

class Page {
  constructor(model) {
    this.model = model;
    this.colorings = new Map();
    this.apply(readAddress(model, location.hash) ?? readAddress(model, ""));
    this.treemap = new Treemap(byId("canvas"), model);
    this.table = new FileTable(byId("files"), model);
    this.tip = new Tip(byId("tip"));
    this.keys = new MapKeys(this, byId("canvas"), byId("map-live"));
    this.addControls();
    this.addPointer();
    moveWithin(byId("layers"));
    this.refilter(false);
    addEventListener("popstate", () => this.goBack());
    new ResizeObserver(() => this.drawMap()).observe(byId("map"));
    for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", () => this.recolor());
    document.addEventListener("recolor", () => this.recolor());
  }

  /** Take over a view; `wanted` is the directory to return to when the filters let it. */
  apply({ directory, filter, measure, color }) {
    Object.assign(this, { directory, wanted: directory, filter, measure, color });
  }

  /** Show the view of the address, after Back or Forward. */
  goBack() {
    const view = readAddress(this.model, location.hash);
    if (view === null) return; // a link to another part of the page
    this.apply(view);
    byId("search").value = this.filter.search;
    this.refilter(false);
  }

  addControls() {
    for (const input of document.querySelectorAll("input[type=radio]")) {
      input.checked = input.value === this[input.name];
      input.disabled = input.value === "download" && !this.model.compressedSizeKnown;
      input.addEventListener("change", () => {
        this[input.name] = input.value;
        this.refresh();
        this.remember(true);
      });
    }
    this.addChoice("layer", this.model.layers.map((_, index) => [index, `Layer ${index}`]));
    this.addChoice("state", [...new Set(["live", "waste", ...this.model.causes])].map((name) => [name, name]));
    this.addChoice("type", this.typesBySize());
    this.addChoice("change", (this.model.changes ?? []).map((name, code) => [code, name]));
    for (const part of document.querySelectorAll(".of-comparison")) part.hidden = this.model.changes === null;
    let waiting = 0;
    byId("search").addEventListener("input", (event) => {
      clearTimeout(waiting);
      waiting = setTimeout(() => {
        const isNew = !this.filter.search !== !event.target.value; // one entry of the history for a whole word
        this.filter.search = event.target.value;
        this.refilter(isNew);
      }, 150);
    });
    byId("search").value = this.filter.search;
    byId("reset").addEventListener("click", () => {
      this.filter = { search: "", layer: null, state: null, type: null, change: null };
      byId("search").value = "";
      this.refilter(true);
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
      if (block) this.openBlock(block);
    });
    const scrolled = () => byId("mark").hidden || (this.keys.isActive() ? this.keys.choose(this.keys.chosen) : this.leave());
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
      const waste = item.waste ? ` · ${formatSize(item.waste)} of it waste` : "";
      return [name, rest, `${formatSize(item.value)} ${MEASURES[this.measure]} · ${share}${waste}`];
    }
    const kind = model.kinds[model.kindOf[item.row]];
    const download = model.compressedSizeKnown ? `${formatSize(model.download[item.row])} to download · ` : "";
    return [
      rowPath(model, item.row),
      `${download}${formatSize(model.size[item.row])} unpacked · ${share}`,
      [model.types[kind.type], describeState(model, kind), ...describeReason(model, item.row), ...(model.changes ? [model.changes[kind.change]] : [])].join(" · "),
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
    this.refilter(true);
  }

  /** Apply the filters; where nothing below the open directory passes, the deepest one above it that has bytes is shown. */
  refilter(isNew) {
    const { model, filter } = this;
    const { search, matched, note, failed } = findRows(model, filter);
    Object.assign(this, { search, matched });
    byId("search-note").textContent = note;
    byId("search").setAttribute("aria-invalid", String(failed));
    this.refresh();
    this.remember(isNew);
  }

  remember(isNew) {
    showAddress(writeAddress(this.model, this), isNew);
  }

  /** Open a directory, the directory of a file, or the list of what is too small to draw. */
  openBlock({ item, parent }) {
    const directory = item.directory >= 0 ? item.directory : parent;
    if (directory !== this.directory) return this.open(directory);
    const lines = [...byId("contents").children];
    const found = item.row < 0 ? lines[this.keys.blocks().length - 1] : lines.find((line) => line.item?.row === item.row);
    for (const line of lines) line.classList.toggle("pointed", line === (found ?? lines.at(-1)));
    (found ?? lines.at(-1)).scrollIntoView({ block: "nearest" });
  }

  open(directory) {
    const inside = byId("contents").contains(document.activeElement) || byId("crumbs").contains(document.activeElement);
    const left = this.directory;
    this.wanted = directory;
    this.leave();
    this.refresh();
    this.remember(true);
    this.keys.follow(left);
    if (inside) (byId("contents").querySelector("button") ?? byId("crumbs").querySelector("button"))?.focus();
  }

  /** Draw everything again. */
  refresh() {
    const { model, matched, measure } = this;
    const values = model[measure];
    const sums = sumDirectories(model, values, matched);
    const directory = deepestMatching(model, this.wanted, sums);
    this.directory = directory;
    this.view = { matched, directory, values, sums, waste: sumDirectories(model, values, matched, true) };
    this.table.follow(measure);
    for (const input of document.querySelectorAll("input[type=radio]")) input.checked = input.value === this[input.name];
    this.coloring = this.coloringOf(this.color, measure);
    for (const name of ["layer", "state", "type", "change"]) {
      const place = byId(name).values.indexOf(this.filter[name]);
      byId(name).value = place < 0 ? "" : String(place);
    }
    drawCrumbs(byId("crumbs"), model, directory, (place) => this.open(place));
    drawContents(byId("contents"), model, this.view, (place) => this.open(place), (item) => this.markItem(item));
    this.recolor();
    this.listFiles();
    drawNothing(model, this.view, measure);
  }

  /** The colors of the whole image, which no filter changes. */
  coloringOf(color, measure) {
    const name = `${color} ${measure}`;
    if (!this.colorings.has(name)) this.colorings.set(name, new Coloring(this.model, color, this.model[measure]));
    return this.colorings.get(name);
  }

  recolor() {
    const choose = (name, value) => this.choose(name, value);
    drawLayers(byId("layers"), this.model, this.measure, this.coloring, this.filter, choose, this.tip);
    drawLegend(byId("legend"), this.model, this.coloring, this.filter, choose, this.view.waste[this.directory]);
    this.drawMap();
  }

  drawMap() {
    this.treemap.draw(this.view, this.coloring.scheme());
    this.keys.redrawn();
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
    const where = path || "all kinds"; // the root of packages has no path
    byId("files-title").textContent = `${model.noun === "file" ? "Files" : "Packages"} in ${where}`;
    byId("canvas").setAttribute("aria-label", `Treemap of ${where}`);
    byId("contents-title").textContent = `Contents of ${where}`;
    const files = model.noun !== "file" ? "rows" : others.has(model.types[UNSAVED]) ? "files" : "files with content";
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
    if (!this.search) return () => false;
    const passes = matchRows(model, filter, null);
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
