// The image: columns as typed arrays, paths, filters and sums. Directories come before those in them, and rows in the
// order of their directories, so that everything below a directory is one range of directories and one of rows.

const ROOT = 0;
const UNSAVED = 2; // of the types: files that a saved analysis does not list

function readModel(text) {
  const data = JSON.parse(text);
  const { names, parents, rows: own } = data.directories;
  const count = parents.length;
  const model = {
    layers: data.layers,
    types: data.types,
    special: data.special,
    causes: data.causes,
    kinds: data.kinds.map(([layer, hiddenBy, cause, type, change]) => ({ layer, hiddenBy, cause, type, change })),
    changes: data.changes ?? null, // of a page about a comparison; the first one is that of files that are the same
    noun: data.noun ?? "file", // what a row is
    root: data.noun ? "" : "/", // before the path of a directory
    reasons: data.reasons ? new Map(Object.entries(data.reasons)) : null, // by path of a row: why it is there
    typeTitle: data.type_title ?? "File type", // what its type is called
    least: data.least,
    total: { size: data.content_size, download: data.compressed_size },
    compressedSizeKnown: data.rows.compressed_sizes !== null,
    directoryNames: names.split("/"),
    parents: Int32Array.from(parents),
    ends: new Int32Array(count), // first directory that is not below this one
    firstRows: new Int32Array(count + 1),
    names: data.rows.names.split("/"),
    size: Float64Array.from(data.rows.sizes),
    download: data.rows.compressed_sizes && Float64Array.from(data.rows.compressed_sizes),
    kindOf: Uint32Array.from(data.rows.kinds),
    groups: new Map(Object.entries(data.rows.groups).map(([row, entries]) => [Number(row), entries])),
    rowCount: data.rows.sizes.length,
  };
  for (let place = 0; place < count; place++) model.firstRows[place + 1] = model.firstRows[place] + own[place];
  model.directoryOf = new Int32Array(model.rowCount);
  for (let place = 0; place < count; place++) {
    model.directoryOf.fill(place, model.firstRows[place], model.firstRows[place + 1]);
    model.ends[place] = place + 1;
  }
  for (let place = count - 1; place > ROOT; place--) {
    const parent = model.parents[place];
    model.ends[parent] = Math.max(model.ends[parent], model.ends[place]);
  }
  return model;
}

/** The rows below a directory: [first, end). */
function rowsBelow(model, directory) {
  return [model.firstRows[directory], model.firstRows[model.ends[directory]]];
}

/** The directories from the root down to this one, without the root. */
function ancestry(model, directory) {
  const line = [];
  for (let place = directory; place !== ROOT; place = model.parents[place]) line.unshift(place);
  return line;
}

/** "/usr/lib/", "/" for the root; without the slash in front where rows are no files. */
function directoryPath(model, directory) {
  return model.root + ancestry(model, directory).map((place) => model.directoryNames[place] + "/").join("");
}

/** The name of a row: the name of a file, or a description of a group. */
function rowName(model, row) {
  if (model.names[row]) return model.names[row];
  const kind = model.kinds[model.kindOf[row]];
  const type = model.types[kind.type];
  const count = model.groups.get(row) ?? 1;
  if (count === 0) return `${type} of layer ${kind.layer}`;
  if (kind.type < model.special) return `${formatCount(count)} ${type}, layer ${kind.layer}`;
  const small = model.least > 1 ? ` below ${formatSize(model.least)}` : "";
  return `${formatCount(count)} files${small}: ${type}, layer ${kind.layer}`;
}

/** The path of a file, or the path of a group's directory and the group's description. */
function rowPath(model, row) {
  return directoryPath(model, model.directoryOf[row]) + rowName(model, row);
}

function isListed(model, row) {
  return model.names[row] !== "";
}

/** "live", or the cause of waste. */
function stateName(model, kind) {
  return kind.cause < 0 ? "live" : model.causes[kind.cause];
}

/** One byte per row: 1 if it passes the filter {search, layer, state, type, change}; null if all rows pass. */
function matchRows(model, filter, search) {
  const kindPasses = model.kinds.map(
    (kind) =>
      (filter.layer === null || kind.layer === filter.layer) &&
      (filter.type === null || kind.type === filter.type) &&
      (filter.change === null || kind.change === filter.change) &&
      (filter.state === null || filter.state === stateName(model, kind) || (filter.state === "waste" && kind.cause >= 0)),
  );
  if (!search && kindPasses.every(Boolean)) return null;
  const matched = new Uint8Array(model.rowCount);
  for (let row = 0; row < model.rowCount; row++) {
    if (!kindPasses[model.kindOf[row]]) continue;
    if (!search || search.inside[model.directoryOf[row]] || (isListed(model, row) && search.finds(row))) matched[row] = 1;
  }
  return matched;
}

/** The directory of a path, or the deepest one above it that the image has. */
function findDirectory(model, path) {
  let directory = ROOT;
  for (const name of path.split("/").filter(Boolean)) {
    let place = directory + 1;
    while (place < model.ends[directory] && model.directoryNames[place] !== name) place = model.ends[place];
    if (place >= model.ends[directory]) break;
    directory = place;
  }
  return directory;
}

/** The directory itself if it holds bytes that match, else the deepest one above it that does; else the directory. */
function deepestMatching(model, directory, sums) {
  if (!sums[ROOT]) return directory;
  let place = directory;
  while (!sums[place]) place = model.parents[place];
  return place;
}

/** Bytes of the matching rows below each directory: of all, or of those that are waste. */
function sumDirectories(model, values, matched, onlyWaste = false) {
  const sums = new Float64Array(model.parents.length);
  const counts = model.kinds.map((kind) => !onlyWaste || kind.cause >= 0);
  for (let row = 0; row < model.rowCount; row++) {
    if ((matched === null || matched[row]) && counts[model.kindOf[row]]) sums[model.directoryOf[row]] += values[row];
  }
  for (let place = sums.length - 1; place > ROOT; place--) sums[model.parents[place]] += sums[place];
  return sums;
}

/**
 * The items directly in a directory, largest first: {directory, row, value, waste}, directory or row is -1. Items of less
 * than `least` bytes are one item at the end, {directory: -1, row: -1, value, waste, count}.
 */
function childrenOf(model, directory, view, least) {
  const items = [];
  const rest = { directory: -1, row: -1, value: 0, waste: 0, count: 0 };
  const add = (item) => {
    if (item.value <= 0) return;
    if (item.value >= least) items.push(item);
    else {
      rest.value += item.value;
      rest.waste += item.waste;
      rest.count += 1;
    }
  };
  for (let place = directory + 1; place < model.ends[directory]; place = model.ends[place]) {
    add({ directory: place, row: -1, value: view.sums[place], waste: view.waste[place] });
  }
  for (let row = model.firstRows[directory]; row < model.firstRows[directory + 1]; row++) {
    if (view.matched !== null && !view.matched[row]) continue;
    const value = view.values[row];
    add({ directory: -1, row, value, waste: model.kinds[model.kindOf[row]].cause < 0 ? 0 : value });
  }
  items.sort((one, other) => other.value - one.value || one.directory - other.directory || one.row - other.row);
  if (rest.count) items.push(rest);
  return items;
}

const UNITS = ["kB", "MB", "GB", "TB", "PB", "EB"];

/** Three significant digits in decimal units, as in the text report. */
function formatSize(size) {
  if (size === null || size === undefined) return "?";
  if (size < 999.5) return `${size} B`;
  let value = size;
  let unit = "B";
  for (const larger of UNITS) {
    if (value < 999.5) break;
    value /= 1000;
    unit = larger;
  }
  return `${value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0)} ${unit}`;
}

function formatCount(count) {
  return count.toLocaleString("en-US");
}

function formatShare(part, whole) {
  return whole ? `${((100 * part) / whole).toFixed(1)} %` : "–";
}
