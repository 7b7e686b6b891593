// The search: text that is part of a path, or a glob. Globs have the syntax of ocisize/globs.py: * ? [abc] [a-z] [!a] within a
// component, ** for any number of components, / at the start for the root, / at the end for a folder and all that is in it.

const ANY_DEPTH = "**";
const PIECE = /\*+|\?|\[(?:!.|[^!])[^\]]*\]|\[|[^*?[]+/gsu;
const IN_SET = /(.)-(.)|(.)/gsu;

function isGlob(text) {
  return /[*?[]/.test(text);
}

/** {components: regular expressions, null for **; rooted, folder}. Throws an Error that says in words what is wrong. */
function parseGlob(text) {
  const parts = text.split("/");
  let rooted = parts.length > 1 && parts[0] === "";
  const folder = parts.length > 1 && parts.at(-1) === "";
  let names = parts.slice(rooted ? 1 : 0, folder ? -1 : parts.length);
  if (!names.length) names = [""];
  for (const name of names) {
    if (["", ".", ".."].includes(name)) throw new Error(`has a component '${name}'`);
    if (name.includes(ANY_DEPTH) && name !== ANY_DEPTH) throw new Error("has '**' within a component");
  }
  if (folder) names.push(ANY_DEPTH);
  names = names.filter((name, place) => name !== ANY_DEPTH || names[place - 1] !== ANY_DEPTH);
  if (names[0] === ANY_DEPTH) {
    rooted = false;
    names.shift();
  }
  const pieces = names.map((name) => name.match(PIECE));
  const components = pieces.map((tokens, place) => (names[place] === ANY_DEPTH ? null : componentPattern(tokens)));
  if (!pieces.some((tokens) => tokens.some((token) => !"*?[".includes(token[0])))) {
    throw new Error("has no literal character and matches too much");
  }
  return { components, rooted, folder };
}

function componentPattern(tokens) {
  if (tokens.includes("[")) throw new Error("has a '[' without a ']'");
  try {
    return new RegExp(`^${tokens.map(translate).join("")}$`, "su");
  } catch {
    throw new Error("has a range in [] that ends before it begins");
  }
}

function translate(token) {
  if (token === "?") return ".";
  if (token[0] === "*") return ".*";
  if (token[0] !== "[") return literal(token);
  const negated = token[1] === "!";
  const inside = token.slice(negated ? 2 : 1, -1);
  const set = inside.replace(IN_SET, (_, first, last, single) => (single ? literal(single) : `${literal(first)}-${literal(last)}`));
  return `[${negated ? "^" : ""}${set}]`;
}

function literal(text) {
  return [...text].map((character) => `\\u{${character.codePointAt(0).toString(16)}}`).join("");
}

/** The positions in a glob's components after one more name; a position after the last component is a match. */
function advance(glob, positions, name) {
  const next = new Set(glob.rooted ? [] : [0]);
  for (const position of positions) {
    if (position === glob.components.length) continue;
    const pattern = glob.components[position];
    if (pattern === null) next.add(position);
    else if (pattern.test(name)) next.add(position + 1);
  }
  for (const position of next) if (glob.components[position] === null) next.add(position + 1); // ** is no component, too
  return next;
}

/** What a search finds: `inside` has 1 for directories of which everything matches, `finds(row)` tests a listed row. */
function searchModel(model, text) {
  return isGlob(text) ? searchGlob(model, parseGlob(text)) : searchText(model, text.toLowerCase());
}

function searchGlob(model, glob) {
  const { parents, directoryNames, directoryOf, names } = model;
  const end = glob.components.length;
  const states = new Array(parents.length);
  const matching = new Uint8Array(parents.length);
  states[ROOT] = new Set([0]);
  for (let place = ROOT + 1; place < parents.length; place++) {
    states[place] = advance(glob, states[parents[place]], directoryNames[place]);
    matching[place] = states[place].has(end) ? 1 : 0;
  }
  const below = glob.components[end - 1] === null;
  const inside = below ? matching : new Uint8Array(parents.length);
  const finds = (row) => !glob.folder && advance(glob, states[directoryOf[row]], names[row]).has(end);
  return { inside, finds, folders: below ? null : matching };
}

function searchText(model, search) {
  const { parents, directoryNames, directoryOf, names } = model;
  const inside = new Uint8Array(parents.length);
  const paths = new Array(parents.length);
  for (let place = 0; place < paths.length; place++) {
    paths[place] = place === ROOT ? "/" : paths[parents[place]] + directoryNames[place].toLowerCase() + "/";
    inside[place] = paths[place].includes(search) && search !== "/" ? 1 : 0;
  }
  const across = search.includes("/"); // else the directories before a name do not matter
  const finds = (row) => ((across ? paths[directoryOf[row]] : "") + names[row].toLowerCase()).includes(search);
  return { inside, finds, folders: null };
}

/**
 * The rows that pass a filter, as `matchRows` has them, and a note for the reader. A glob that is not one finds all paths;
 * where it matches no file, but folders, all that is in them passes.
 */
function findRows(model, filter) {
  let search = null;
  try {
    if (filter.search) search = searchModel(model, filter.search);
  } catch (error) {
    return { search, matched: matchRows(model, filter, null), note: `The glob ${error.message}. All paths are shown.`, failed: true };
  }
  const matched = matchRows(model, filter, search);
  const count = search?.folders?.reduce((sum, matches) => sum + matches, 0) ?? 0;
  if (!count || matched.includes(1)) return { search, matched, note: "", failed: false };
  search.inside = search.folders;
  for (let place = 1; place < search.inside.length; place++) search.inside[place] ||= search.inside[model.parents[place]];
  const [folders, them] = count === 1 ? ["a folder", "it"] : [`${formatCount(count)} folders`, "them"];
  const note = `The glob matches ${folders}, and no file: all that is in ${them} is shown.`;
  return { search, matched: matchRows(model, filter, search), note, failed: false };
}
