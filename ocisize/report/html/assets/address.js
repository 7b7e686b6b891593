// The view in the address: #path=/usr/lib&layer=3&search=*.pyc, so that it can be linked to, and Back returns to it.

const ADDRESS_KEYS = ["path", "layer", "search", "state", "type", "change", "size", "color"];
const COLORS = ["layer", "state", "type", "change"];

/** What the colors show at first. */
function firstColor(model) {
  if (model.changes) return "change";
  return model.noun === "file" ? "layer" : "type";
}

/** The part of the address after "#", without what is as at first; "" for the first view. */
function writeAddress(model, { directory, filter, measure, color }) {
  const values = {
    path: directory === ROOT ? null : directoryPath(model, directory).replace(/\/$/, ""),
    layer: filter.layer,
    search: filter.search || null,
    state: filter.state,
    type: filter.type === null ? null : model.types[filter.type],
    change: filter.change === null ? null : model.changes[filter.change],
    size: measure === "size" && model.compressedSizeKnown ? "unpacked" : null,
    color: color === firstColor(model) ? null : color,
  };
  const encode = (value) => encodeURIComponent(String(value).toWellFormed()).replaceAll("%2F", "/");
  return ADDRESS_KEYS.filter((key) => values[key] !== null).map((key) => `${key}=${encode(values[key])}`).join("&");
}

/** The view that an address names; null if it names something else on the page. What the image does not have is left out. */
function readAddress(model, hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  if (given.size && !ADDRESS_KEYS.some((key) => given.has(key))) return null;
  const layer = /^\d+$/.test(given.get("layer") ?? "") ? Number(given.get("layer")) : -1;
  const type = model.types.indexOf(given.get("type"));
  const change = model.changes?.indexOf(given.get("change")) ?? -1;
  return {
    directory: findDirectory(model, given.get("path") ?? ""),
    filter: {
      search: given.get("search") ?? "",
      layer: layer in model.layers ? layer : null,
      state: ["live", "waste", ...model.causes].find((state) => state === given.get("state")) ?? null,
      type: type < 0 ? null : type,
      change: change < 0 ? null : change,
    },
    measure: model.compressedSizeKnown && given.get("size") !== "unpacked" ? "download" : "size",
    color: COLORS.find((color) => color === given.get("color") && (color !== "change" || model.changes)) ?? firstColor(model),
  };
}

/** Put a view into the address bar, as a new entry of the history or in place of the last one. */
function showAddress(address, isNew) {
  if (location.hash.replace(/^#/, "") === address) return;
  const url = address ? `#${address}` : location.pathname + location.search;
  try {
    if (isNew) history.pushState(null, "", url);
    else history.replaceState(null, "", url);
  } catch {
    // a frame of a CI server may forbid it: the page works without
  }
}
