// A table of any number of files: only the rows in view are in the document; two empty rows take the space of the others.

const ROW_HEIGHT = 28;
const BEYOND = 12; // rows above and below the rows in view

const COLUMNS = [
  { name: "Size", key: "size", numeric: true },
  { name: "Download", key: "download", numeric: true },
  { name: "Layer", key: "layer", numeric: true },
  { name: "State", key: "state" },
  { name: "File type", key: "type" },
  { name: "Path", key: "path" },
  { name: "Why", key: "reason" },
];

class FileTable {
  constructor(box, model) {
    this.box = box;
    this.model = model;
    const known = { download: model.compressedSizeKnown, reason: model.reasons };
    this.columns = COLUMNS.filter(({ key }) => known[key] ?? !(key in known));
    this.order = { key: "size", descending: true };
    this.rows = new Uint32Array(0);
    this.ranks = new Map();
    this.orders = new Map();
    this.build();
    box.addEventListener("scroll", () => this.render());
    new ResizeObserver(() => this.render()).observe(box);
  }

  build() {
    const head = element("tr");
    for (const column of this.columns) {
      const names = { type: this.model.typeTitle, ...(this.model.noun === "file" ? {} : { path: "Name" }) };
      const name = names[column.key] ?? column.name;
      const button = element("button", { type: "button", textContent: name });
      button.addEventListener("click", () => this.sortBy(column));
      column.header = element("th", { scope: "col", className: `column-${column.key}` }, button);
      head.append(column.header);
    }
    this.body = element("tbody");
    this.table = element("table", {}, element("thead", {}, head), this.body);
    this.box.replaceChildren(this.table);
  }

  sortBy(column) {
    const same = this.order.key === column.key;
    this.order = { key: column.key, descending: same ? !this.order.descending : Boolean(column.numeric) };
    this.sort();
    this.show();
  }

  /** Order by a measure where the order is by the other one. */
  follow(measure) {
    if (["size", "download"].includes(this.order.key)) this.order.key = measure;
    this.box.dataset.measure = measure; // where there is room for one of both
  }

  /** Show these rows; sorts them. */
  update(rows) {
    this.rows = rows;
    this.sort();
    this.show();
  }

  show() {
    for (const { key, header } of this.columns) {
      if (key === this.order.key) header.setAttribute("aria-sort", this.order.descending ? "descending" : "ascending");
      else header.removeAttribute("aria-sort");
    }
    this.table.setAttribute("aria-rowcount", String(this.rows.length + 1));
    this.box.scrollTop = 0;
    this.render(true);
  }

  sort() {
    const shown = new Uint8Array(this.model.rowCount);
    for (const row of this.rows) shown[row] = 1;
    this.rows = this.sorted(this.order).filter((row) => shown[row]);
  }

  /** All rows of the image in an order; sorted on first use, which takes longer than all else that a filter changes. */
  sorted({ key, descending }) {
    const name = `${key} ${descending}`;
    if (!this.orders.has(name)) {
      const rank = this.rank(key);
      const sign = descending ? -1 : 1;
      const rows = Uint32Array.from({ length: this.model.rowCount }, (_, row) => row);
      this.orders.set(name, rows.sort((one, other) => sign * (rank[one] - rank[other]) || one - other));
    }
    return this.orders.get(name);
  }

  /** A number per row that orders a column; computed on first use. */
  rank(key) {
    const { model } = this;
    if (key === "size" || key === "download") return model[key];
    if (!this.ranks.has(key)) this.ranks.set(key, this.makeRank(key));
    return this.ranks.get(key);
  }

  makeRank(key) {
    if (key === "path") return this.rankPaths();
    return key === "reason" ? this.rankReasons() : this.rankKinds(key);
  }

  rankReasons() {
    const { model } = this;
    const reasons = Array.from({ length: model.rowCount }, (_, row) => describeReason(model, row)[0] ?? "");
    const ranks = new Map([...new Set(reasons)].sort().map((reason, place) => [reason, place]));
    return Uint32Array.from(reasons, (reason) => ranks.get(reason));
  }

  rankPaths() {
    const { names, directoryOf, rowCount } = this.model;
    const rows = Uint32Array.from({ length: rowCount }, (_, row) => row);
    rows.sort(
      (one, other) =>
        directoryOf[one] - directoryOf[other] || (names[one] < names[other] ? -1 : names[one] > names[other] ? 1 : 0),
    );
    const ranks = new Uint32Array(rowCount);
    rows.forEach((row, place) => (ranks[row] = place));
    return ranks;
  }

  rankKinds(key) {
    const { model } = this;
    const value = {
      layer: (kind) => kind.layer,
      state: (kind) => kind.cause,
      type: (kind) => kind.type,
    }[key];
    const ofKind = model.kinds.map(value);
    return Int32Array.from(model.kindOf, (kind) => ofKind[kind]);
  }

  render(fresh = false) {
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW_HEIGHT) - BEYOND);
    const count = Math.ceil(this.box.clientHeight / ROW_HEIGHT) + 2 * BEYOND;
    const end = Math.min(this.rows.length, first + count);
    if (!fresh && first === this.first && end === this.end) return;
    Object.assign(this, { first, end });
    const lines = [this.spacer(first)];
    for (let place = first; place < end; place++) lines.push(this.line(place));
    lines.push(this.spacer(this.rows.length - end));
    this.body.replaceChildren(...lines);
  }

  spacer(rows) {
    const cell = element("td");
    cell.style.height = `${rows * ROW_HEIGHT}px`;
    return element("tr", { className: "spacer", ariaHidden: "true" }, cell);
  }

  line(place) {
    const row = this.rows[place];
    const line = element("tr", {}, ...this.columns.map(({ key }) => this.cell(row, key)));
    line.setAttribute("aria-rowindex", String(place + 2));
    return line;
  }

  cell(row, key) {
    const { model } = this;
    const kind = model.kinds[model.kindOf[row]];
    const cell = element("td", { className: `column-${key}` });
    if (key === "size" || key === "download") cell.textContent = formatSize(model[key][row]);
    else if (key === "layer") cell.textContent = kind.layer;
    else if (key === "type") cell.textContent = model.types[kind.type];
    else if (key === "state") cell.textContent = describeState(model, kind);
    else if (key === "reason") cell.textContent = cell.title = describeReason(model, row).join("");
    else {
      const directory = directoryPath(model, model.directoryOf[row]);
      cell.title = directory + model.names[row];
      cell.append(
        element("div", {}, element("span", { className: "directory", textContent: directory }),
          element("span", { className: "name", textContent: model.names[row] })),
      );
    }
    return cell;
  }
}

/** "live", or why and by which layer it is hidden, if that is known. */
function describeState(model, kind) {
  if (kind.cause < 0) return "live";
  return model.causes[kind.cause] + (kind.hiddenBy < 0 ? "" : `, layer ${kind.hiddenBy}`);
}

/** Why a row is there, as a list of one text, or of none if nothing is known. */
function describeReason(model, row) {
  return [model.reasons?.get(rowPath(model, row))].filter(Boolean);
}
