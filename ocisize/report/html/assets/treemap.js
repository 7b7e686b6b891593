// A squarified treemap on a canvas (Bruls, Huizing, van Wijk: Squarified Treemaps, 2000): area is bytes, and directories
// contain their files. Items too small to see are drawn as one block for each directory.

const LEAST_AREA = 10; // square pixels of a block
const HEADER = 17;
const GAP = 1;
const LEAST_LETTERS = 3; // of a name that is cut
const LEAST_FRAME = 40; // pixels of the width of an open directory: its name can be read
const STRIPE = 3; // pixels of the height of the share of waste
const FONT = "11px system-ui, sans-serif";

/** Lay items, largest first, into a box so that their blocks are as square as can be. */
function squarify(items, box, place) {
  let { x, y, width, height } = box;
  let rest = items.reduce((sum, item) => sum + item.value, 0);
  let start = 0;
  while (start < items.length && rest > 0 && width > 0 && height > 0) {
    const scale = (width * height) / rest;
    const side = Math.min(width, height);
    const largest = items[start].value * scale;
    let end = start;
    let area = 0;
    let worst = Infinity;
    for (; end < items.length; end++) {
      const grown = area + items[end].value * scale;
      const ratio = Math.max((side * side * largest) / grown ** 2, grown ** 2 / (side * side * items[end].value * scale));
      if (ratio > worst) break;
      worst = ratio;
      area = grown;
    }
    const depth = area / side;
    let along = 0;
    for (; start < end; start++) {
      const length = (items[start].value * scale) / depth;
      if (width < height) place(items[start], { x: x + along, y, width: length, height: depth });
      else place(items[start], { x, y: y + along, width: depth, height: length });
      along += length;
      rest -= items[start].value;
    }
    if (width < height) {
      y += depth;
      height -= depth;
    } else {
      x += depth;
      width -= depth;
    }
  }
}

class Treemap {
  constructor(canvas, model) {
    this.canvas = canvas;
    this.model = model;
    this.context = canvas.getContext("2d");
    this.blocks = []; // as drawn: those of directories before those in them
  }

  /** Draw the rows below view.directory; `colors` has fill(kind), ink, frame(depth), text, waste. */
  draw(view, colors) {
    const { canvas, context } = this;
    const ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = FONT;
    context.textBaseline = "middle";
    Object.assign(this, { view, colors, blocks: [] });
    context.fillStyle = colors.frame(0);
    context.fillRect(0, 0, width, height);
    this.fill(view.directory, { x: 0, y: 0, width, height }, 1);
  }

  fill(directory, box, depth) {
    squarify(this.itemsIn(directory, box), box, (item, place) => this.block(item, place, directory, depth));
  }

  /** The items of a directory that are large enough to be seen in a box. */
  itemsIn(directory, { width, height }) {
    return childrenOf(this.model, directory, this.view, (LEAST_AREA * this.view.sums[directory]) / (width * height));
  }

  /** A directory whose only visible item is another directory is drawn as one with it. */
  descend(item, box) {
    let name = this.model.directoryNames[item.directory];
    let { directory } = item;
    for (;;) {
      const inside = this.itemsIn(directory, box).filter((child) => child.directory >= 0 || child.row >= 0);
      if (inside.length !== 1 || inside[0].directory < 0) return { directory, name };
      directory = inside[0].directory;
      name += `/${this.model.directoryNames[directory]}`;
    }
  }

  block(item, { x, y, width, height }, parent, depth) {
    const inner = { x, y, width: Math.max(width - GAP, 0.5), height: Math.max(height - GAP, 0.5) };
    this.blocks.push({ ...inner, item, parent });
    if (item.directory >= 0 && inner.width > LEAST_FRAME && inner.height > HEADER + 14) {
      const content = { x: x + 2, y: y + HEADER, width: inner.width - 4, height: inner.height - HEADER - 2 };
      const { directory, name } = this.descend(item, content);
      this.blocks.push({ ...inner, item: { ...item, directory }, parent });
      this.paint(inner, this.colors.frame(depth));
      this.label(name, item.value, { ...inner, height: HEADER }, this.colors.text);
      this.stripe(item, { ...content, y: y + HEADER - STRIPE, height: STRIPE - 1 }, this.colors.wasteOnFrame);
      this.fill(directory, content, depth + 1);
      return;
    }
    const kind = item.row >= 0 ? this.model.kindOf[item.row] : this.dominantKind(item, parent);
    this.paint(inner, this.colors.fill(kind));
    if (item.row < 0 || !isListed(this.model, item.row)) this.hatch(inner);
    if (inner.height >= 13) this.label(this.itemName(item), item.value, inner, this.colors.ink);
    const stripe = Math.min(STRIPE, inner.height / 3);
    this.stripe(item, { ...inner, y: y + inner.height - stripe, height: stripe }, this.colors.waste);
  }

  /** The share of waste in an item, at the foot of its block or of its name. */
  stripe(item, box, color) {
    if (item.waste > 0) this.paint({ ...box, width: Math.max(1, (box.width * item.waste) / item.value) }, color);
  }

  paint(box, color) {
    this.context.fillStyle = color;
    this.context.fillRect(box.x, box.y, box.width, box.height);
  }

  /** Thin lines over a block of several files. */
  hatch(box) {
    const { context } = this;
    context.save();
    context.beginPath();
    context.rect(box.x, box.y, box.width, box.height);
    context.clip();
    context.strokeStyle = this.colors.hatch;
    context.lineWidth = 1;
    context.beginPath();
    for (let offset = 6; offset < box.width + box.height; offset += 6) {
      context.moveTo(box.x + offset, box.y);
      context.lineTo(box.x + offset - box.height, box.y + box.height);
    }
    context.stroke();
    context.restore();
  }

  label(name, value, box, color) {
    const room = box.width - 8;
    if (room < 22) return;
    const { context } = this;
    context.fillStyle = color;
    const middle = box.y + Math.min(box.height / 2, 9);
    const shown = this.shorten(name, room);
    context.fillText(shown, box.x + 4, middle);
    const size = formatSize(value);
    const used = context.measureText(`${shown}  `).width;
    const width = context.measureText(size).width;
    if (used + width <= room) context.fillText(size, box.x + box.width - 4 - width, middle);
    else if (box.height >= 30 && width <= room) context.fillText(size, box.x + 4, middle + 14);
  }

  shorten(text, room) {
    if (this.context.measureText(text).width <= room) return text;
    let low = 0;
    let high = Math.min(text.length, Math.ceil(room / 3));
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.context.measureText(`${text.slice(0, middle)}…`).width <= room) low = middle;
      else high = middle - 1;
    }
    return low >= LEAST_LETTERS ? `${text.slice(0, low)}…` : "";
  }

  itemName(item) {
    if (item.directory >= 0) return `${this.model.directoryNames[item.directory]}/`;
    return item.row >= 0 ? rowName(this.model, item.row) : `${formatCount(item.count)} more`;
  }

  /** The kind with most bytes below a directory, or in the parent of items too small to draw. */
  dominantKind(item, parent) {
    const [first, end] = rowsBelow(this.model, item.directory >= 0 ? item.directory : parent);
    const { matched, values } = this.view;
    const sums = new Map();
    let best = this.model.kindOf[first];
    for (let row = first; row < end; row++) {
      if (matched !== null && !matched[row]) continue;
      const kind = this.model.kindOf[row];
      const sum = (sums.get(kind) ?? 0) + values[row];
      sums.set(kind, sum);
      if (sum > (sums.get(best) ?? -1)) best = kind;
    }
    return best;
  }

  /** The innermost block at a point, in pixels of the page from the canvas's corner. */
  blockAt(x, y) {
    for (let index = this.blocks.length - 1; index >= 0; index--) {
      const block = this.blocks[index];
      if (x >= block.x && x < block.x + block.width + GAP && y >= block.y && y < block.y + block.height + GAP) return block;
    }
    return null;
  }
}
